"""Feeds odd files to every reader: one sentence is the only answer that a bad one may get.

`python -m benchmarks.fuzz --minutes 20 --seed 0` (`make fuzz`) changes good files at random, and
ends with status 1 if a reader gave anything but a result or a `ReinasError`, warned, or took
longer than a second and three times as long as the good file does.
"""
