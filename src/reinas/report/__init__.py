"""What a search means: reads the store, and nothing else. No torch here."""

from reinas.report import cell_drawing  # registers how cells are drawn

__all__ = ["cell_drawing"]
