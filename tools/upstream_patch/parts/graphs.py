"""Parts of recognisers and language models as modules that become graphs."""

from __future__ import annotations

from tools.upstream_patch.part import Part

PART = Part(
    name="graphs",
    title="Add espnet2.main_funcs.onnx_graphs, parts of models for ONNX",
    body="""
    A recogniser becomes a graph for each of its parts: front end and encoder, CTC, one step of the decoder, one step of
    a language model. Each of these modules describes its inputs, outputs, states and lengths as data, from which
    example inputs, dynamic axes and the description for users of the graphs are made.

    CTC and attention models with the default front end are served, whose decoder is a Transformer, and Transformer and
    recurrent language models; others are refused in a sentence. Only torch and espnet2 are imported.
    """,
    additions={
        "espnet2/main_funcs/onnx_graphs.py": "onnx_graphs.py",
        "test/espnet2/main_funcs/test_onnx_graphs.py": "test_onnx_graphs.py",
    },
    requires=("masks", "encode", "cache"),
)
