"""`reinas compare`: policies at equal cost."""
