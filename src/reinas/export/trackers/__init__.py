"""Studies in other tools: TensorBoard, MLflow, tables. The store is the only source.

Nothing is written while children train, so a tracker that fails stops no search; and each trial is
written once, whatever was killed.
"""
