"""Published architectures, as answers of the spaces they were found in."""

from reinas.zoo.conv import ZOO, Published, published

__all__ = ["ZOO", "Published", "published"]
