"""What a search means: reads the store, and nothing else. No torch here."""

# these register how cells, and networks of blocks, are drawn
from reinas.report import block_drawing, cell_drawing

__all__ = ["block_drawing", "cell_drawing"]
