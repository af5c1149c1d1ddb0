"""Search spaces: each one is a sequence of decisions. Nothing here imports torch."""
