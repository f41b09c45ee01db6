"""Errors of the patch."""

from espnet2.interface.errors import EspnetError


class PatchError(EspnetError, ValueError):
    """A checkout that cannot be patched, or whose patch cannot be reverted, as it is."""
