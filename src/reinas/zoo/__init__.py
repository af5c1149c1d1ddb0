"""Published architectures, encoded in the spaces that they were found in."""

from reinas.errors import SettingError, nearest
from reinas.zoo.conv import NETWORKS
from reinas.zoo.published import Published
from reinas.zoo.recurrent import CELLS, NOT_IN_THE_SPACE

__all__ = ["NOT_IN_THE_SPACE", "ZOO", "Published", "published"]

ZOO = {entry.name: entry for entry in (*NETWORKS, *CELLS)}
"""All published architectures by name."""


def published(name: str) -> Published:
    """Find a published architecture.

    Args:
        name: Its name, a key of `ZOO`.

    Returns:
        The architecture with its space and its source.

    Raises:
        SettingError: There is none of that name.
    """
    if name not in ZOO:
        raise SettingError(f"the zoo has no '{name}': {nearest(name, ZOO)}")
    return ZOO[name]
