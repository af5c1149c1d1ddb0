"""Policies against each other on one evaluator, at equal cost, with many seeds and intervals."""
