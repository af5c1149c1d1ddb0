"""Where children are evaluated: in this process, in worker processes, on a Ray cluster."""
