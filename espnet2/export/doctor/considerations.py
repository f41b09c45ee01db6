"""Considerations for code that exports: for each a sentence about what goes wrong, and the rewrite that cures it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Consideration:
    """A rule of exportable code: its title, why breaking it goes wrong, and what to write instead."""

    title: str
    reason: str
    cure: str


CONSIDERATIONS = {
    "branch_on_value": Consideration(
        "branch on a tensor's value",
        "a graph has no values when it is made, so that neither if, while, assert nor max() can ask for one",
        "compute both sides and choose with torch.where(condition, a, b); leave assertions to the caller",
    ),
    "item": Consideration(
        ".item()",
        "a tensor becomes a Python number, which the exporter knows nothing of, or freezes",
        "keep the tensor; for the longest of a padded batch use x.size(1)",
    ),
    "tolist": Consideration(
        ".tolist()",
        "a list of Python numbers has as many items as the example, so that the batch is frozen",
        "compare an arange with the tensor: torch.arange(x.size(1)) < lengths[:, None]",
    ),
    "int_of_tensor": Consideration(
        "int(), float() or bool() of a tensor",
        "the value is asked for when the graph is made, where there is none",
        "keep the tensor; for the longest of a padded batch use x.size(1)",
    ),
    "number_from_tensor": Consideration(
        "Python number taken from a tensor",
        "math.* and Python's max, min and sum make a number, which the graph cannot compute",
        "use the operator of the same name: torch.sqrt(x.abs().max()), x.max()",
    ),
    "none_cache": Consideration(
        "cache that is None at the first step",
        "a graph takes one side of `cache is None` for good, and its inputs are always there",
        "start from zeros without frames, torch.zeros(batch, 0, size), and take the same path at every step",
    ),
    "loop_over_axis": Consideration(
        "list whose length depends on data",
        "a Python loop is unrolled for the sizes of the example, which freezes the axis",
        "use an operator over the whole axis (cumsum, conv1d, nn.LSTM), or torch.ops.higher_order.scan",
    ),
    "in_place": Consideration(
        "in-place change of an input",
        "the caller's tensor changes in PyTorch and not in the graph",
        "make a new tensor: x = x.masked_fill(mask, 0.0), x = x + 1",
    ),
    "mask_with_reference": Consideration(
        "mask with a reference tensor",
        "a mask function that takes lists, asserts on lengths and slices a reference asks for values",
        "make_pad_mask(lengths, x.size(1)): torch.arange(maxlen) >= lengths[:, None], and nothing else",
    ),
    "packed_sequence": Consideration(
        "packed sequence",
        "ONNX has no packed sequences, whose layout depends on the lengths",
        "run the RNN on the padded batch and mask its output; backwards, flip each item by its length with gather",
    ),
    "position_table": Consideration(
        "positional table with a limit",
        "input that is longer than the table fails",
        "compute sinusoids for the length at hand, or declare the limit and refuse longer input",
    ),
    "batch_frozen": Consideration(
        "batch frozen",
        "a size of the batch stands in the code, or is made a Python number, so that the graph has one batch size",
        "take it from the tensor: x.size(0), torch.zeros_like(x), x.new_zeros(x.size(0), ...), view(x.size(0), ...)",
    ),
    "time_frozen": Consideration(
        "time frozen",
        "a length stands in the code, or is made a Python number, so that the graph has one length",
        "take it from the tensor without int(): x.size(1), torch.arange(x.size(1)); leave the axis out with -1",
    ),
    "padding_leaks": Consideration(
        "padding leaks into valid outputs",
        "what lies behind the end of one item changes its output, which then depends on the batch it is in",
        "mask before operations over time: (x * mask).sum(1) / lengths, and zeros in the padding before convolutions",
    ),
    "batch_statistics": Consideration(
        "result that depends on the rest of the batch",
        "statistics over the batch, as of BatchNorm in training mode, make an item's output another in another company",
        "take statistics of each item, or those of training: module.eval(), F.batch_norm(..., training=self.training)",
    ),
    "infinite_mask": Consideration(
        "-inf in wholly masked rows",
        "softmax of nothing but -inf is NaN, which spreads",
        "fill with torch.finfo(x.dtype).min, and set wholly masked rows to zero after the softmax",
    ),
    "numpy_call": Consideration(
        "call of numpy",
        "numpy has no part in the graph: it fails, or its result is frozen",
        "use the operator of torch; constants are made in __init__ and kept by register_buffer",
    ),
    "double_precision": Consideration(
        "float64 result",
        "the next graph or client expects float32, and many operators have no kernel for float64",
        "stay in float32, or end with .to(x.dtype)",
    ),
    "data_dependent_size": Consideration(
        "output size that depends on values",
        "x[mask], nonzero and masked_select give as many rows as there are true values, which no formula tells",
        "keep the shape and mask: torch.where(mask, x, 0)",
    ),
    "random_numbers": Consideration(
        "random numbers",
        "two calls differ: F.dropout is on unless training=self.training is passed; randn cannot be compared",
        "use nn.Dropout, or pass training=self.training; take noise as an input of the graph",
    ),
    "keyword_only": Consideration(
        "keyword-only input",
        "inputs of a graph are positional, and the exporter loses or renames others",
        "make it an ordinary argument that is always given",
    ),
    "unsupported_operator": Consideration(
        "operator without ONNX",
        "the exporter or onnxruntime has no such operator",
        "write it with operators that ONNX has: products, sums, gather, where",
    ),
    "complex_numbers": Consideration(
        "complex numbers",
        "ONNX has no complex tensors, which torch.stft(return_complex=True) and torch.fft return",
        "compute real and imaginary parts as products with cosines and sines, and the inverse as conv_transpose1d",
    ),
    "scripted": Consideration(
        "function of TorchScript",
        "torch.jit.script compiles a function to what torch.export does not look into",
        "leave torch.jit.script out: torch.onnx.export takes the Python function",
    ),
    "branch_on_size": Consideration(
        "branch on a size",
        "the graph keeps the side that the example took, also for sizes that PyTorch sends to the other side",
        "write one path that holds for every size (pad, clamp); sizes of 0 and 1 are special to the exporter",
    ),
    "state_of_module": Consideration(
        "state kept in the module",
        "a graph has no memory: what forward writes to self is lost, or stays that of the example",
        "take the state as an input and return the new one",
    ),
    "fails_in_pytorch": Consideration(
        "PyTorch itself fails",
        "the module does not run with this input, before anything is exported",
        "correct the module, or the declared inputs",
    ),
    "differs": Consideration(
        "other result in onnxruntime",
        "the graph computes something else than PyTorch, for a reason that is not among the known ones",
        "find the layer with onnx_doctor compare, the line with onnx_doctor node",
    ),
}
