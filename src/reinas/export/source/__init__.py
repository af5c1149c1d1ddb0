"""A found network as a folder of plain PyTorch: readable code, weights, and how to use both.

Importing it registers the code of every space's architectures with `source_of`.
"""

from reinas.export.source import images, numbers, text
from reinas.export.source.code import About, Source, source_of

__all__ = ["About", "Source", "images", "numbers", "source_of", "text"]
