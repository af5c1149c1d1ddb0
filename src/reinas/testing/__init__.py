"""Prove your own parts: suites of tests to subclass under pytest.

    class TestMySpace(SpaceContract):
        def make(self):
            return MySpace(depth=3)

Each suite has a method `make` to fill in; pytest finds the rest.
"""

from reinas.testing.evaluators import EvaluatorContract
from reinas.testing.executors import ExecutorContract
from reinas.testing.policies import PolicyContract
from reinas.testing.spaces import SpaceContract
from reinas.testing.stores import StoreContract
from reinas.testing.tasks import TaskContract

__all__ = [
    "EvaluatorContract",
    "ExecutorContract",
    "PolicyContract",
    "SpaceContract",
    "StoreContract",
    "TaskContract",
]
