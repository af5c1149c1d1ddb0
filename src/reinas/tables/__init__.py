"""Benchmark tables: rewards that were measured in advance."""
