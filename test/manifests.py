"""Manifests of tests."""

import dataclasses

from espnet2.runtime.bundle import Manifest


def with_section(manifest: Manifest, **changes: object) -> Manifest:
    """The manifest with other values in the section of its family."""
    return dataclasses.replace(manifest, section=dataclasses.replace(manifest.section, **changes))
