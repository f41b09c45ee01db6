import torch


def make_pad_mask_with_reference(lengths, xs, length_dim=-1):
    """Mark the padding of a tensor.

    Args:
        lengths (LongTensor or List): Lengths (B,).
        xs (Tensor): Reference of any type (B, ...); only its shape matters.
        length_dim (int): The dimension that is padded, any but the first.

    Returns:
        Tensor: Bool tensor of the shape of `xs`, True where it is padded.

    """
    dim = int(length_dim)
    mask = make_pad_mask(lengths, maxlen=xs.size(dim)).to(xs.device)
    for _ in range(dim % xs.dim() - 1):
        mask = mask.unsqueeze(1)
    while mask.dim() < xs.dim():
        mask = mask.unsqueeze(-1)
    return mask.expand(xs.shape)


def make_pad_mask(lengths, xs=None, length_dim=-1, maxlen=None):
    """Mark the padding of a batch, by one comparison, which exports.

    Args:
        lengths (LongTensor or List): Lengths (B,).
        xs (Tensor, optional): See `make_pad_mask_with_reference`.
        length_dim (int, optional): The dimension of `xs` that is padded.
        maxlen (int or Tensor, optional): T, the longest of the lengths by default.

    Returns:
        Tensor: Bool tensor (B, T), or of the shape of `xs`, True where it is padded.

    """
    if length_dim == 0:
        raise ValueError(f"length_dim cannot be 0: {length_dim}")
    if xs is not None:
        assert maxlen is None, "maxlen is that of xs"
        return make_pad_mask_with_reference(lengths, xs, length_dim)
    lengths = torch.as_tensor(lengths).long()
    if maxlen is None:
        maxlen = lengths.max()
    elif isinstance(maxlen, torch.Tensor):
        maxlen = maxlen.reshape(())
    positions = torch.arange(maxlen, device=lengths.device)
    return positions >= lengths.unsqueeze(-1)
