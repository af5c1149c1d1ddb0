"""Tasks over data that a program has at hand: arrays, and data sets of torch."""

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.objectives.base import Objective
from reinas.rewards import RewardSetting, check_reward, record_of
from reinas.tasks.base import AbstractTask, Part, Parts
from reinas.tasks.recipes import Recipe
from reinas.tasks.recognition import check_finite, encode_like, recognise
from reinas.tasks.scaling import WHITENING
from reinas.tasks.user_data import Data, check_shares, check_words, split

RECOGNISED = ("classification", "multilabel", "regression")
"""Objectives whose targets are encoded here; others get them as they are."""
Pair = tuple[Any, Any]
"""Inputs [N, *inputs] and targets [N, ...]: arrays, or what NumPy makes arrays of."""


class InMemoryTask(AbstractTask):
    """A task whose data are given when it is made; equal to another one of the same data.

    It cannot be made again from its settings alone: the program that has the data resumes.
    """

    whitening: str
    name: str = "data"

    def __init__(
        self,
        train: Pair,
        *,
        objective: Objective | None,
        valid: Pair | float,
        test_share: float | None,
        name: str,
        recipe: Recipe | None,
        classes: Sequence[str] | None,
        reward: RewardSetting,
        whitening: str,
        split_seed: int,
    ) -> None:
        check_words(whitening=(whitening, WHITENING))
        self.name, self.whitening = name, whitening
        self.reward = check_reward(reward)
        self._recipe = recipe
        self.split_seed = split_seed
        self.data, self._objective = _data(name, train, objective, valid, test_share, split_seed)
        if classes is not None and len(classes) != self.outputs:
            raise SettingError(
                f"{name}: classes should be {self.outputs} names, got {len(classes)}"
            )
        self._names = self.data.classes if classes is None else tuple(classes)
        self._fingerprint = _fingerprint(self.data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InMemoryTask) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> str:
        recorded = {"settings": dict(self.settings), "recipe": self.recipe.settings}
        return f"{self._fingerprint} {json.dumps(recorded, sort_keys=True)}"

    @property
    def objective(self) -> Objective:
        """The one that was given, or what the targets were recognised as."""
        return self._objective

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example, channels first."""
        return tuple(map(int, self.data.train.x.shape[1:]))

    @property
    def outputs(self) -> int:
        """One per class, label or target."""
        y = self.data.train.y
        return len(self.data.classes) or (int(y.shape[1]) if y.ndim > 1 else 1)

    @property
    def recipe(self) -> Recipe:
        """The given one, or the paper's optimiser for images and Adam for all else."""
        if self._recipe is not None:
            return self._recipe
        if len(self.inputs) == 3:
            return Recipe(epochs=8)
        adam = Recipe(optimizer="adam", learning_rate=0.01, schedule="cosine", epochs=40)
        return replace(adam, batch_size=32)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Name, objective and parameters; the data themselves are the fingerprint."""
        return {
            "name": self.name,
            "objective": self.objective.settings,
            "reward": record_of(check_reward(self.reward)),
            "whitening": self.whitening,
            "split": self.split_seed,
        }

    @property
    def fingerprint(self) -> str:
        """A hash of the training and the validation part."""
        return self._fingerprint

    @property
    def labels(self) -> Mapping[str, Any]:
        """The names of the outputs, where they have any."""
        return {"classes": list(self._names)} if self._names else {}

    def parts(self) -> Parts:
        """The training and the validation part."""
        return Parts(self.data.train, self.data.valid)

    def test(self) -> Part:
        """The part that was split off, or what was given as the test part."""
        if self.data.test is not None:
            return self.data.test
        return _like(f"{self.name}, test part", self._held_back(), self.data, self.objective)

    @abstractmethod
    def _held_back(self) -> Pair:
        """The test part that was given."""


@final
class ArrayTask(InMemoryTask):
    """Arrays at hand: classification, labels, regression or an objective of your own.

    Args:
        x: [N, columns], images [N, channels, height, width] or series [N, channels, time]:
            channels first. Grey images need their one channel.
        y: Class numbers or names [N], or one-hot; labels [N, labels] of 0 and 1; numbers [N] or
            [N, targets].
        objective: What the targets mean; recognised where it is None, as by `Arrays`.
        valid: The validation part (x, y), or its share of all examples.
        test: The test part (x, y), or its share; nothing but `finish` measures it.
        name: For messages and records.
        recipe: How children are trained.
        classes: The names of the outputs, for predictions.
        reward: As for every task.
        whitening: As for every task.
        split: Seed of the random split.

    Raises:
        ReinasError: The arrays do not belong together, or are not what the objective takes.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        objective: Objective | None = None,
        valid: Pair | float = 0.2,
        test: Pair | float = 0.2,
        name: str = "data",
        recipe: Recipe | None = None,
        classes: Sequence[str] | None = None,
        reward: RewardSetting = "auto",
        whitening: str = "channel",
        split: int = 0,
    ) -> None:
        self._test = test
        super().__init__(
            (x, y),
            objective=objective,
            valid=valid,
            test_share=None if isinstance(test, tuple) else test,
            name=name,
            recipe=recipe,
            classes=classes,
            reward=reward,
            whitening=whitening,
            split_seed=split,
        )

    def _held_back(self) -> Pair:
        assert isinstance(self._test, tuple), "a share is split off when the task is made"
        return self._test


@final
class DatasetTask(InMemoryTask):
    """A map-style data set of torch, of pairs (x, y), read once into arrays.

    Args:
        dataset: Pairs of an example, channels first, and its target, which is a number, a class
            or an array of one shape for all.
        objective: As in `ArrayTask`.
        valid: A data set for validation, or its share.
        test: A data set for the test, which is not read before `finish`, or a share.
        name: As in `ArrayTask`.
        recipe: As in `ArrayTask`.
        classes: As in `ArrayTask`.
        reward: As for every task.
        whitening: As for every task.
        split: Seed of the random split.

    Raises:
        ReinasError: The examples do not belong together, or are not what the objective takes.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        objective: Objective | None = None,
        valid: Any = 0.2,
        test: Any = 0.2,
        name: str = "data",
        recipe: Recipe | None = None,
        classes: Sequence[str] | None = None,
        reward: RewardSetting = "auto",
        whitening: str = "channel",
        split: int = 0,
    ) -> None:
        self._test = test
        super().__init__(
            _read(name, dataset),
            objective=objective,
            valid=valid if isinstance(valid, float) else _read(name, valid),
            test_share=test if isinstance(test, float) else None,
            name=name,
            recipe=recipe,
            classes=classes,
            reward=reward,
            whitening=whitening,
            split_seed=split,
        )

    def _held_back(self) -> Pair:
        return _read(self.name, self._test)


def _read(name: str, dataset: Any) -> Pair:
    """All examples of a map-style data set."""
    pairs = [dataset[n] for n in range(len(dataset))]
    if not pairs:
        raise SettingError(f"{name}: the data set is empty")
    shapes = {np.shape(x) for x, _ in pairs}
    if len(shapes) > 1:
        raise SettingError(f"{name}: expected examples of one shape, got {sorted(shapes)[:5]}")
    return np.stack([np.asarray(x) for x, _ in pairs]), np.stack([np.asarray(y) for _, y in pairs])


def _arrays(where: str, pair: Pair) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = np.asarray(pair[0]), np.asarray(pair[1])
    if x.ndim < 2 or 0 in x.shape or x.dtype.kind not in "biuf":
        raise SettingError(f"{where}: expected x of numbers [N, *inputs], got {x.dtype} {x.shape}")
    if y.ndim == 0 or len(x) != len(y):
        raise SettingError(f"{where}: x has {len(x)} examples, but y has the shape {y.shape}")
    check_finite(where, x)
    return x, y.astype(np.float32) if y.dtype.kind == "f" else y


def _data(
    name: str,
    train: Pair,
    objective: Objective | None,
    valid: Pair | float,
    test_share: float | None,
    seed: int,
) -> tuple[Data, Objective]:
    """Encode the targets, and split what has no part of its own."""
    if objective is not None and objective.tokens:
        raise SettingError(f"{name}: expected examples, but the objective takes text: use Text")
    x, y = _arrays(name, train)
    shares = (
        (valid if isinstance(valid, float) else 0.2),
        (0.2 if test_share is None else test_share),
    )
    check_shares(*shares, suffix="")
    classes: tuple[str, ...] = ()
    if objective is None or objective.name in RECOGNISED:
        kind: Any = "auto" if objective is None else objective.name
        y, classes, objective = recognise(name, y, kind)
    test, used = None, 0.0
    if test_share is not None:
        rest, held = split(name, y, classes, test_share, seed)
        test, x, y, used = Part(x[held], y[held]), x[rest], y[rest], test_share
    if isinstance(valid, float):
        rest, held = split(name, y, classes, valid / (1 - used), seed)
        parts = Part(x[rest], y[rest]), Part(x[held], y[held])
        return Data(*parts, test, classes, objective=objective), objective
    data = Data(Part(x, y), Part(x, y), test, classes, objective=objective)
    part = _like(f"{name}, validation part", valid, data, objective)
    return replace(data, valid=part), objective


def _like(where: str, pair: Pair, data: Data, objective: Objective) -> Part:
    """Another part, of the training part's shapes and kind."""
    x, y = _arrays(where, pair)
    if objective.name in RECOGNISED:
        recognised = data.classes if objective.name == "classification" else ()
        y = encode_like(where, y, recognised)
    for found, wanted in ((x, data.train.x), (y, data.train.y)):
        if found.shape[1:] != wanted.shape[1:]:
            raise SettingError(
                f"{where}: expected the shape {wanted.shape[1:]} per example as in training, got"
                f" {found.shape[1:]}"
            )
    return Part(x, y)


def _fingerprint(data: Data) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in (data.train, data.valid):
        for array in (part.x, part.y):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
