"""Comparisons of policies with the same evaluator, seeds and budget."""
