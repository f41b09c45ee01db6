"""Export a single module by plain `torch.onnx.export`, from its declared interface."""

import sys

import torch

from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
from espnet2.export.examples import draw, dynamic_shapes, trace_sizes

path = sys.argv[1] if len(sys.argv) > 1 else "encoder.onnx"
module = ConformerEncoder(input_size=80, output_size=64, num_blocks=2, rel_pos_type="latest").eval()
(component,) = module.components()
feeds = draw(component, trace_sizes(component))
torch.onnx.export(
    module,
    tuple(map(torch.from_numpy, feeds.values())),
    path,
    input_names=list(feeds),
    output_names=[tensor.name for tensor in component.results],
    dynamic_shapes=dynamic_shapes(component),
    dynamo=True,
)
