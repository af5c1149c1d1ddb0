"""The search that is written by hand."""

from stored_search import conv_log, final, log, make_log

__all__ = ["conv_log", "final", "log", "make_log"]
