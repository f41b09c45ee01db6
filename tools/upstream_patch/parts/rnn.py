"""Recurrent encoders and language models without packed sequences and lists of lengths."""

from __future__ import annotations

from tools.upstream_patch.part import Part

ENCODERS = "espnet2.legacy.nets.pytorch_backend.rnn.encoders"
RAGGED = "nets/pytorch_backend/rnn/ragged.py"

PART = Part(
    name="rnn",
    title="Make recurrent encoders and language models exportable",
    body="""
    Packed sequences have no counterpart in a graph. While torch.export traces, recurrent layers become operators of
    ONNX, whose input sequence_lens means what packing means; otherwise they are packed as before, also in batches that
    are not sorted by length. Lengths stay tensors.

    Dropout between layers of RNNP acts in training only. Before, results of a model with dropout were random.
    """,
    replacements={
        **{f"{ENCODERS}:{name}.forward": "encoders.py" for name in ("RNNP", "RNN", "VGG2L")},
        "espnet2.lm.seq_rnn_lm:SequentialRNNLM.forward": "seq_rnn_lm.py",
    },
    additions={
        f"espnet2/legacy/{RAGGED}": f"espnet/{RAGGED}",
        "test/espnet2/asr/test_rnn_export.py": "test_rnn_export.py",
    },
    requires=("masks",),
)
