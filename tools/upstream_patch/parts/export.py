"""The command that exports a recogniser to a bundle."""

from __future__ import annotations

from tools.upstream_patch.part import Part

PART = Part(
    name="export",
    title="Add espnet2.bin.export_onnx, which exports recognisers to ONNX",
    body="""
    python -m espnet2.bin.export_onnx writes a directory with a graph for each part of a recogniser (front end and
    encoder, CTC, one step of the decoder, one step of a language model) and a manifest of all that inference needs.
    Every graph is compared with PyTorch at several lengths, alone and in padded batches, before anything is written.

    Only torch, numpy, yaml and espnet2 are imported with the module; the packages onnx, onnxscript and onnxruntime are
    needed when it runs.
    """,
    additions={
        "espnet2/bin/export_onnx.py": "export_onnx.py",
        "test/espnet2/bin/test_export_onnx.py": "test_export_onnx.py",
    },
    requires=("graphs",),
)
