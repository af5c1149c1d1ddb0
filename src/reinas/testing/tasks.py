"""What every task promises."""

import json
import pickle
from abc import ABC, abstractmethod

import numpy as np

from reinas.tasks.base import AbstractTask, Part, check_parts


class TaskContract(ABC):
    """What every task promises."""

    @abstractmethod
    def make(self) -> AbstractTask:
        """The task to prove; the same at every call."""

    def test_its_parts_are_what_it_says(self) -> None:
        """Shapes, types and numbers of the training and the validation part."""
        check_parts(self.make())

    def test_the_parts_are_the_same_at_every_call(self) -> None:
        """And for another object with the same settings."""
        task = self.make()
        for other in (task, self.make()):
            for name in ("train", "valid"):
                assert _same(getattr(task.parts(), name), getattr(other.parts(), name))

    def test_the_test_part_has_the_same_shapes(self) -> None:
        """Its examples and targets are like those of the training part."""
        task = self.make()
        train, test = task.parts().train, task.test()
        assert len(test) == len(test.y) > 0
        assert test.x.shape[1:] == train.x.shape[1:]
        assert test.y.shape[1:] == train.y.shape[1:]
        assert test.y.dtype == train.y.dtype

    def test_it_can_be_sent_to_worker_processes(self) -> None:
        """A copy that was pickled has the same parts."""
        task = self.make()
        copy = pickle.loads(pickle.dumps(task))
        assert _same(copy.parts().train, task.parts().train)

    def test_equal_tasks_are_equal(self) -> None:
        """Tasks are values: comparable, hashable."""
        assert self.make() == self.make()
        assert hash(self.make()) == hash(self.make())

    def test_settings_are_json(self) -> None:
        """The settings can be stored, and so can the fingerprint and the labels."""
        task = self.make()
        json.dumps([dict(task.settings), task.fingerprint, dict(task.labels), list(task.notes)])


def _same(one: Part, other: Part) -> bool:
    return np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)
