"""Versions for log files."""

from __future__ import annotations

import torch


def pytorch_cudnn_version() -> str:
    """Describe the versions of PyTorch and cuDNN, and cuDNN's settings, in one line."""
    cudnn = torch.backends.cudnn
    return (
        f"pytorch.version={torch.__version__}, cuda.available={torch.cuda.is_available()}, "
        f"cudnn.version={cudnn.version()}, cudnn.benchmark={cudnn.benchmark}, "
        f"cudnn.deterministic={cudnn.deterministic}"
    )
