"""Models on the Hugging Face hub: repositories by tag, and their files in the hub's cache."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from espnet2.interface.errors import ArchiveError, MissingPackageError, OptionError

HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
LONGEST = 200  # characters of an error of the hub's client
_NAME = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?", re.ASCII)
ZOO_TAG, ZOO_ZIP = "a tag of upstream's model zoo", "download the zip that the zoo names"
# Errors of huggingface_hub, subclasses first, and the second part of the message.
ERRORS = {
    "GatedRepoError": "found one whose terms have to be accepted there (then log in: hf auth login)",
    "RepositoryNotFoundError": "found none, or a private one (log in: hf auth login); if the name is "
    f"{ZOO_TAG}, {ZOO_ZIP}, and give it as --model_file",
    "RevisionNotFoundError": "found no such revision",
    "OfflineModeIsEnabled": "found no copy in the cache while offline (HF_HUB_OFFLINE)",
    "LocalEntryNotFoundError": "found no copy in the cache, and the hub cannot be reached",
}


class HubName(NamedTuple):
    """Repository of the hub, and its revision (None: the newest)."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return self.repository if self.revision is None else f"{self.repository} (revision {self.revision})"


def hub_name(tag: str) -> HubName:
    """Parse a tag: `name`, `name@revision`, or an address on the hub, `…/name/tree/revision`.

    Raises:
        OptionError: The tag is another address, or no valid name of a repository.
    """
    host, path = _address(tag)
    name, _, revision = path.strip("/").partition("/tree/" if host in HOSTS else "@")
    if (not host or host in HOSTS) and _NAME.fullmatch(name):
        return HubName(name, revision or None)
    found = f"an address at {host}; download its zip from there" if host else f"{ZOO_TAG}; {ZOO_ZIP}"
    raise OptionError(
        f"model_tag {tag!r}: expected a repository on the Hugging Face hub, found {found}, and give it as --model_file"
    )


def _address(tag: str) -> tuple[str, str]:
    """Host and path of an address; for other tags, no host and the whole tag."""
    try:
        address = urlsplit(tag if "://" in tag else f"https://{tag}")
        host = address.hostname or ""
    except ValueError:
        return ("an unknown host", "") if "://" in tag else ("", tag)
    return (host, unquote(address.path)) if "://" in tag or host in HOSTS else ("", tag)


def download(tag: str, cache_dir: str | Path | None = None) -> Path:
    """Return the directory with a repository's files, which are downloaded unless they are in the cache.

    Raises:
        OptionError: The tag names no repository.
        MissingPackageError: huggingface_hub is not installed.
        ArchiveError: The repository cannot be downloaded.
    """
    name = hub_name(tag)
    try:
        hub: Any = importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise MissingPackageError(
            f"model_tag {tag!r}: expected the package huggingface_hub, found none; pip install huggingface_hub"
        ) from error
    try:
        return Path(hub.snapshot_download(name.repository, revision=name.revision, cache_dir=cache_dir))
    except Exception as error:  # errors of the client, its HTTP library and the disk have no common base
        raise ArchiveError(
            f"model_tag {name}: expected a repository that can be downloaded from the Hugging Face hub, {_found(error)}"
        ) from error


def _found(error: Exception) -> str:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    reason = " ".join(str(error).split())
    explained = next((text for name, text in ERRORS.items() if name in kinds), None)
    return explained or f"found {type(error).__name__}: {reason[:LONGEST]}"
