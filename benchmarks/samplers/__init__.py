"""Optimisers of other projects, each in an environment of its own, driven by ask and tell."""
