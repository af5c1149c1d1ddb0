"""The found network, to take away."""
