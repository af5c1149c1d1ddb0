"""Benchmark tables: rewards that were measured before."""
