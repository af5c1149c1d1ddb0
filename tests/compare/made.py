"""Runs made by hand."""

import numpy as np

from reinas.compare.runs import Run


def made(rewards, *, means=None, reported=None, seconds=None, places=None, own_seconds=0.0):
    """A run with these rewards; None is a failure."""
    rewards = np.array([np.nan if r is None else r for r in rewards], float)
    count = len(rewards)
    return Run(
        rewards=rewards,
        means=rewards if means is None else np.array(means, float),
        reported=np.full(count, np.nan) if reported is None else np.array(reported, float),
        seconds=np.zeros(count) if seconds is None else np.array(seconds, float),
        places=np.arange(count) if places is None else np.array(places),
        own_seconds=own_seconds,
    )


def same(one, two):
    """Whether two runs are alike but for the time that the policies took."""
    keys = ("rewards", "means", "reported", "seconds", "places")
    return all(np.array_equal(getattr(one, k), getattr(two, k), equal_nan=True) for k in keys)
