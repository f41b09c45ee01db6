from espnet2.legacy.nets.pytorch_backend.nets_utils import make_pad_mask


class GlobalMVN:
    def forward(self, x, ilens=None):
        """Normalise features; the caller's tensor stays as it is.

        Args:
            x: (B, L, D).
            ilens: (B,), L each by default. Frames beyond become zeros.

        """
        if ilens is None:
            ilens = x.new_full([x.size(0)], x.size(1))
        if self.norm_means:
            x = x - self.mean.to(x.device, x.dtype)
        x = x.masked_fill(make_pad_mask(ilens, x, 1), 0.0)
        if self.norm_vars:
            x = x / self.std.to(x.device, x.dtype)
        return x, ilens
