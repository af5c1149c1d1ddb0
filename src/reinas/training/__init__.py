"""Training a child: data as tensors, recipes at work, costs."""
