"""reinas's own tasks keep what a task promises."""

import numpy as np
import pytest

from reinas import Arrays, ArrayTask, Diabetes, Digits, Text, Toy
from reinas.testing import TaskContract


class TestDigits(TaskContract):
    """Images that come with scikit-learn."""

    def make(self):
        return Digits()


class TestDiabetes(TaskContract):
    """Regression."""

    def make(self):
        return Diabetes()


class TestToy(TaskContract):
    """The review's line."""

    def make(self):
        return Toy()


class TestArrays(TaskContract):
    """Series in a file."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        rng = np.random.default_rng(0)
        self.path = str(tmp_path / "d.npz")
        np.savez(self.path, x=rng.normal(size=(60, 2, 16)), y=np.arange(60) % 3)

    def make(self):
        return Arrays(self.path, layout="series")


class TestAtHand(TaskContract):
    """Arrays in memory."""

    def make(self):
        x = np.random.default_rng(0).normal(size=(60, 4))
        return ArrayTask(x, np.arange(60) % 3)


class TestText(TaskContract):
    """Words."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        self.path = tmp_path / "t.txt"
        self.path.write_text("the cat sat on the mat and the dog sat on the cat\n" * 40)

    def make(self):
        return Text(str(self.path), vocabulary=10)
