"""The errors, at the path that scripts import them from; `espnet2.interface.errors` draws their tree."""

from espnet2.interface.errors import (
    ArchiveError,
    AudioError,
    BundleError,
    CheckpointError,
    ConfigError,
    DataError,
    EspnetError,
    GraphError,
    MissingPackageError,
    OptionError,
    StreamError,
    TrainingError,
    VerificationError,
)

__all__ = [
    "ArchiveError",
    "AudioError",
    "BundleError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "EspnetError",
    "GraphError",
    "MissingPackageError",
    "OptionError",
    "StreamError",
    "TrainingError",
    "VerificationError",
]
