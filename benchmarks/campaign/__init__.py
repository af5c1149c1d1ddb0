"""Disturbs searches in every way that a machine knows, and checks what has to hold afterwards.

`python -m benchmarks.campaign --minutes 60 --seed 0` goes round all kinds of disturbance until the
time is over, prints what was tried and what held, and ends with status 1 if anything did not.
"""
