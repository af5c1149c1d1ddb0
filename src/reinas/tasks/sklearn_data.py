"""Data that scikit-learn carries: digits, wine, breast cancer, diabetes. One fixed split each."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.regression import Regression
from reinas.rewards import RewardSetting, check_reward
from reinas.tasks.base import AbstractTask, Part, Parts
from reinas.tasks.recipes import IMAGE_RECIPE, TABLE_RECIPE, Recipe

TEST_SHARE = VALID_SHARE = 0.2  # of all examples, each


@lru_cache(maxsize=8)
def _split(name: str) -> tuple[Part, Part, Part]:
    """Train, validation and test of a data set: 60, 20 and 20 %, classes in equal shares.

    The split is fixed: scikit-learn's with random_state=0, test first.
    """
    from sklearn.model_selection import train_test_split

    from sklearn import datasets

    data: Any = getattr(datasets, f"load_{name}")()
    regression = name == "diabetes"
    x = data.images[:, None] if name == "digits" else data.data
    x = x.astype(np.float32)
    y = data.target.astype(np.float32)[:, None] if regression else data.target.astype(np.int64)

    rest, test = train_test_split(
        np.arange(len(x)), test_size=TEST_SHARE, random_state=0, stratify=None if regression else y
    )
    train, valid = train_test_split(
        rest,
        test_size=VALID_SHARE / (1 - TEST_SHARE),
        random_state=0,
        stratify=None if regression else y[rest],
    )
    return Part(x[train], y[train]), Part(x[valid], y[valid]), Part(x[test], y[test])


@dataclass(frozen=True)
class _Bundled(AbstractTask):
    """What the four have in common."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reward", check_reward(self.reward))

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """The recipe that suits the data."""

    def parts(self) -> Parts:
        """60 % to train on, 20 % to validate on."""
        train, valid, _ = _split(self.name)
        return Parts(train, valid)

    def test(self) -> Part:
        """The 20 % that are held back."""
        return _split(self.name)[2]


@dataclass(frozen=True)
class Digits(_Bundled):
    """1,797 handwritten digits, 8 x 8 pixels, ten classes (scikit-learn)."""

    reward: RewardSetting = "cubed"
    name: ClassVar[str] = "digits"
    inputs: ClassVar[tuple[int, ...]] = (1, 8, 8)
    outputs: ClassVar[int] = 10
    objective: ClassVar[Objective] = Classification()

    @property
    def recipe(self) -> Recipe:
        """The paper's optimiser, for few epochs: the images are small and few."""
        return IMAGE_RECIPE


@dataclass(frozen=True)
class _Table(_Bundled):
    """A small table: the same recipe for all."""

    @property
    def recipe(self) -> Recipe:
        """Adam: widths and activations vary too much for one rate of plain SGD."""
        return TABLE_RECIPE


@dataclass(frozen=True)
class Wine(_Table):
    """178 wines by 13 chemical measurements, three growers (scikit-learn)."""

    reward: RewardSetting = "accuracy"
    name: ClassVar[str] = "wine"
    inputs: ClassVar[tuple[int, ...]] = (13,)
    outputs: ClassVar[int] = 3
    objective: ClassVar[Objective] = Classification()


@dataclass(frozen=True)
class BreastCancer(_Table):
    """569 tumours by 30 measurements of cell nuclei, two classes (scikit-learn)."""

    reward: RewardSetting = "accuracy"
    name: ClassVar[str] = "breast_cancer"
    inputs: ClassVar[tuple[int, ...]] = (30,)
    outputs: ClassVar[int] = 2
    objective: ClassVar[Objective] = Classification()


@dataclass(frozen=True)
class Diabetes(_Table):
    """442 patients by 10 measurements, progression after a year: regression (scikit-learn)."""

    reward: RewardSetting = "closeness"
    name: ClassVar[str] = "diabetes"
    inputs: ClassVar[tuple[int, ...]] = (10,)
    outputs: ClassVar[int] = 1
    objective: ClassVar[Objective] = Regression()
