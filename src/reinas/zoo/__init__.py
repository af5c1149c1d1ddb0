"""Published architectures, as answers of the spaces they were found in."""

from reinas.errors import SettingError, nearest
from reinas.zoo.conv import NETWORKS
from reinas.zoo.published import Published
from reinas.zoo.recurrent import CELLS, NOT_IN_THE_SPACE

__all__ = ["NOT_IN_THE_SPACE", "ZOO", "Published", "published"]

ZOO = {entry.name: entry for entry in (*NETWORKS, *CELLS)}
"""Every published architecture by its name."""


def published(name: str) -> Published:
    """The published architecture of that name; `SettingError` if there is none."""
    if name not in ZOO:
        raise SettingError(f"the zoo has no '{name}': {nearest(name, ZOO)} (see `reinas zoo`)")
    return ZOO[name]
