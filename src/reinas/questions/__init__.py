"""Questions that the project answers with its own tools."""
