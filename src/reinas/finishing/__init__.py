"""After the search: the final training."""
