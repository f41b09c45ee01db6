"""Front end of ESPnet's own self-supervised models, which is not supported."""

from __future__ import annotations

from typeguard import typechecked

from espnet2.interface.errors import MissingPackageError


class ESPnetSSLFrontend:
    """Front end over a network of upstream's task `ssl`, which package espnet_model_zoo downloads; the options are
    upstream's.

    Raises:
        MissingPackageError: always.
    """

    @typechecked
    def __init__(
        self,
        fs: int | str = 16000,
        frontend_conf: dict | None = None,
        masking_conf: dict | None = None,
        multilayer_feature: bool = False,
        layer: int = -1,
        freeze_encoder_steps: int = 0,
        mask_feats: bool = True,
        use_final_output: bool = True,
    ):
        model = (frontend_conf or {}).get("path_or_url", "a model")
        raise MissingPackageError(
            f"espnet_ssl: expected {model} of task ssl, which upstream ESPnet downloads and runs, found no such task "
            "here; pip install espnet espnet_model_zoo to run this recogniser there"
        )
