"""Files that a config.yaml names, which may have moved with it since training.

Relative paths are looked for beside the config, in the directories above it (a packed model's paths are relative to the
archive's root, a recipe's to the recipe), and in the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2.interface.errors import ConfigError, DataError
from espnet2.main_funcs.pack_funcs import packed_root
from espnet2.text.build_tokenizer import PRETRAINED
from espnet2.text.token_id_converter import read_token_list


@dataclass(frozen=True)
class Places:
    """Directories in which the files of a config are looked for.

    Attributes:
        source: The config, as errors name it.
        bases: Directories, in order.
        root: Of a packed model, outside of which no file counts.
    """

    source: str
    bases: Sequence[Path] = ()
    root: Path | None = None

    @classmethod
    def around(cls, path: str | Path) -> Places:
        """Return the places of the files that the config `path` names."""
        directory = Path(os.path.abspath(path)).parent  # not resolved: a hub's client keeps files elsewhere, with links
        bases = dict.fromkeys([directory, *directory.parents, Path.cwd()])
        return cls(str(path), tuple(bases), packed_root(path))

    def file(self, name: str) -> Path | None:
        """Return the first file called `name`, else one of its last part in the first place, else None."""
        candidates = [base / name for base in self.bases]
        candidates += [self._by_last_part(name)] if self.bases else []
        return next((path for path in candidates if self._inside(path) and os.path.isfile(path)), None)

    def required_file(self, key: str, name: str) -> Path:
        """Return the file called `name`; raises `ConfigError` where there is none."""
        path = self.file(name)
        if path is None:
            places = "beside the config, above it or here" if self.root is None else "in the packed model"
            raise ConfigError(f"{self.source}: {key}: expected a file {places}, found no file {name!r}")
        return path

    def model(self, name: str) -> str:
        """Return the first file or directory called `name`; else the name, which may be one of a hub.

        A path that leads out of a packed model becomes one in the first place.
        """
        candidates = (Path(os.path.normpath(base / name)) for base in self.bases)
        found = next((str(path) for path in candidates if self._inside(path) and os.path.exists(path)), None)
        leads_out = self.root is not None and (Path(name).is_absolute() or ".." in Path(name).parts)
        return found or (str(self._by_last_part(name)) if leads_out else name)

    def _inside(self, path: Path) -> bool:
        return self.root is None or Path(os.path.normpath(path)).is_relative_to(self.root)

    def _by_last_part(self, name: str) -> Path:
        return self.bases[0] / Path(os.path.normpath(f"/{name}")).name


# How options of a config are read; each returns the value for a key of a config with `values`.


def tokens(places: Places, key: str, value: Any, values: Mapping[str, Any]) -> Any:
    """Return a list of tokens as it is, or read it from the file that is named, one token in a line."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    try:
        return read_token_list(places.required_file(key, value))
    except DataError as error:
        raise ConfigError(str(error)) from error


def path(places: Places, key: str, value: Any, values: Mapping[str, Any]) -> Any:
    """Return the path of the file found; the name as it is where there is none, since building does not need it."""
    if not isinstance(value, str):
        return value
    found = places.file(value)
    if found is None and places.root is not None:
        found = places._by_last_part(value)  # does not exist, whereas the path as it is might, outside
    return value if found is None else str(found)


def tokenizer_model(places: Places, key: str, value: Any, values: Mapping[str, Any]) -> Any:
    """Return the path of a tokenizer's model, which is a file, or a directory or name of a pretrained vocabulary."""
    pretrained = values.get(key.replace("bpemodel", "token_type")) in PRETRAINED
    return places.model(value) if pretrained and isinstance(value, str) else path(places, key, value, values)
