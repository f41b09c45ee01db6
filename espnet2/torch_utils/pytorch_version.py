"""Versions for log files."""

from __future__ import annotations

import torch


def pytorch_cudnn_version() -> str:
    """The versions of PyTorch and cuDNN, and how cuDNN is used, in one line."""
    cudnn = torch.backends.cudnn
    return (
        f"pytorch.version={torch.__version__}, cuda.available={torch.cuda.is_available()}, "
        f"cudnn.version={cudnn.version()}, cudnn.benchmark={cudnn.benchmark}, "
        f"cudnn.deterministic={cudnn.deterministic}"
    )
