"""The neural beamformer: dereverberation, then one channel from several (Ochiai et al. 2017)."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from espnet.nets.pytorch_backend.frontends.complex_pair import Pair
from espnet.nets.pytorch_backend.frontends.dnn_beamformer import DNN_Beamformer
from espnet.nets.pytorch_backend.frontends.dnn_wpe import DNN_WPE


class Frontend(nn.Module):
    """Enhancement of spectra; training draws one of its parts, or none, for each batch.

    Args:
        idim: F.
        use_wpe, use_beamformer: which parts there are.
        wtype, wlayers, wunits, wprojs, wdropout_rate, taps, delay, use_dnn_mask_for_wpe: see `DNN_WPE`.
        btype, blayers, bunits, bprojs, bnmask, badim, ref_channel, bdropout_rate: see `DNN_Beamformer`.
    """

    def __init__(
        self,
        idim: int,
        use_wpe: bool = False,
        wtype: str = "blstmp",
        wlayers: int = 3,
        wunits: int = 300,
        wprojs: int = 320,
        wdropout_rate: float = 0.0,
        taps: int = 5,
        delay: int = 3,
        use_dnn_mask_for_wpe: bool = True,
        use_beamformer: bool = False,
        btype: str = "blstmp",
        blayers: int = 3,
        bunits: int = 300,
        bprojs: int = 320,
        bnmask: int = 2,
        badim: int = 320,
        ref_channel: int = -1,
        bdropout_rate: float = 0.0,
    ):
        super().__init__()
        self.use_wpe, self.use_beamformer = use_wpe, use_beamformer
        self.use_dnn_mask_for_wpe = use_dnn_mask_for_wpe
        wpe_options = (wtype, idim, wlayers, wunits, wprojs, wdropout_rate, taps, delay, use_dnn_mask_for_wpe)
        beamformer_options = (idim, btype, blayers, bunits, bprojs, bnmask, bdropout_rate, badim, ref_channel)
        self.wpe = DNN_WPE(*wpe_options) if use_wpe else None
        self.beamformer = DNN_Beamformer(*beamformer_options) if use_beamformer else None
        self.least_channels = max(ref_channel, 0) + 1 if use_beamformer else 1

    def forward(self, x: Pair, ilens: Tensor) -> Pair:
        """Spectra (B, F, C, T), zero beyond each utterance, and lengths (B,) → spectra (B, F, C, T), or (B, F, T) where
        the beamformer took part."""
        parts = [part for part in (self.wpe, self.beamformer) if part is not None]
        if self.training:
            drawn = np.random.randint(len(parts) + 1)
            parts = parts[drawn : drawn + 1]
        for part in parts:
            x = part(x, ilens)
        return x
