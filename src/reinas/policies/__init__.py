"""Who decides: policies see answers and rewards, never architectures."""
