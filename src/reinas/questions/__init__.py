"""The review's questions about the paper, answered by experiments (docs/review.md)."""
