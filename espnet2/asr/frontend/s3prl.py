"""Front end of package s3prl, which is not supported."""

from __future__ import annotations

from typeguard import typechecked

from espnet2.interface.errors import MissingPackageError


class S3prlFrontend:
    """Front end over a network that package s3prl downloads; the options are upstream's.

    Raises:
        MissingPackageError: always; the front end `huggingface` offers many of these networks for training.
    """

    @typechecked
    def __init__(
        self,
        fs: int | str = 16000,
        frontend_conf: dict | None = None,
        download_dir: str | None = None,
        multilayer_feature: bool = False,
        layer: int = -1,
    ):
        network = (frontend_conf or {}).get("upstream", "a network")
        raise MissingPackageError(
            f"frontend s3prl: expected a front end that is built here, found {network} of package s3prl; decode a "
            "trained recogniser of it by upstream ESPnet with s3prl, or train another with frontend huggingface"
        )
