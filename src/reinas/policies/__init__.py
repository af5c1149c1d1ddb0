"""Policies propose architectures and learn from rewards; they never see the architectures."""
