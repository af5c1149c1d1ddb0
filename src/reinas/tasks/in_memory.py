"""Tasks over data that a program has at hand: arrays, and data sets of torch."""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from reinas.errors import InvalidSettingError, SettingError
from reinas.objectives.base import Objective
from reinas.objectives.labels import check_finite
from reinas.objectives.metrics import MetricSetting
from reinas.rewards import RewardSetting, check_reward, record_of
from reinas.tasks.base import Part
from reinas.tasks.measuring import ClassWeight, check_class_weight
from reinas.tasks.recipes import Recipe, usual_recipe
from reinas.tasks.recognition import recognise
from reinas.tasks.scaling import WHITENING
from reinas.tasks.user_data import (
    MIN_REST,
    Data,
    DataTask,
    check_shares,
    check_words,
    hash_of,
    split,
)

SHARE = 0.2
"""The share of the validation and of the test part where none is given."""
Pair = tuple[Any, Any]
"""Inputs [N, *inputs] and targets [N, ...]: arrays, or what NumPy makes arrays of."""


class InMemoryTask(DataTask):
    """A task whose data are given when it is made; equal to another one of the same data.

    It cannot be made again from its settings alone: the program that has the data resumes.
    """

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
        metric: MetricSetting,
        class_weight: ClassWeight,
    ) -> None:
        check_words(whitening=(whitening, WHITENING))
        self.name, self.whitening = name, whitening
        self.reward = check_reward(reward)
        self.metric, self.class_weight = metric, check_class_weight(class_weight)
        self.split_seed = split_seed
        self._data = _read(name, train, objective, valid, test_share, split_seed)
        self._fingerprint = hash_of(self._data)
        self._names = self._data.classes if classes is None else tuple(classes)
        self._recipe = recipe or usual_recipe(self.inputs)
        if classes is not None and len(classes) != self.outputs:
            raise InvalidSettingError(
                "task.classes", f"should be {self.outputs} names, got {len(classes)}"
            )
        self.measured(self._data.objective or recognise(self._data.train.y))  # or refuse it now

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InMemoryTask) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> str:
        recorded = {"settings": dict(self.settings), "recipe": self.recipe.settings}
        return f"{self._fingerprint} {json.dumps(recorded, sort_keys=True)}"

    @property
    def data(self) -> Data:
        """The data, with encoded targets."""
        return self._data

    @property
    def class_names(self) -> tuple[str, ...]:
        """The given names, or those in the data."""
        return self._names

    @property
    def recipe(self) -> Recipe:
        """The given one, or the usual one for such inputs."""
        return self._recipe

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
        valid: The validation part (x, y), or its share of all examples; None is a share of 0.2.
        test: The test part (x, y), or its share; None is a share of 0.2. Nothing but `finish`
            measures it.
        name: For messages and records.
        recipe: How children are trained.
        classes: The names of the outputs, for predictions.
        reward: As for every task.
        whitening: As for every task.
        split: Seed of the random split.
        metric: The score: a name such as f1_macro, roc_auc or mae, or a function (targets,
            predictions) of a module; `auto` is the objective's usual one.
        class_weight: How much each class counts in the loss: `balanced`, or weights by class.
        labels: What a saved network should say besides, such as how it reads examples.

    Raises:
        SettingError: The arrays do not belong together, or are not what the objective takes.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        objective: Objective | None = None,
        valid: Pair | float | None = None,
        test: Pair | float | None = None,
        name: str = "data",
        recipe: Recipe | None = None,
        classes: Sequence[str] | None = None,
        reward: RewardSetting = "auto",
        whitening: str = "channel",
        split: int = 0,
        metric: MetricSetting = "auto",
        class_weight: ClassWeight = None,
        labels: Mapping[str, Any] | None = None,
    ) -> None:
        self._more_labels = dict(labels or {})
        self._test = test if isinstance(test, tuple | list) else None
        super().__init__(
            (x, y),
            objective=objective,
            valid=SHARE if valid is None else valid,
            test_share=_share(test) if self._test is None else None,
            name=name,
            recipe=recipe,
            classes=classes,
            reward=reward,
            whitening=whitening,
            split_seed=split,
            metric=metric,
            class_weight=class_weight,
        )

    @property
    def labels(self) -> Mapping[str, Any]:
        """The names of the outputs, where they have any, and what was given."""
        return {**super().labels, **self._more_labels}

    def _held_back(self) -> Pair:
        assert self._test is not None, "a share is split off when the task is made"
        x, y = self._test
        return x, y


@final
class DatasetTask(InMemoryTask):
    """A map-style data set of torch, of pairs (x, y), read once into arrays.

    Args:
        dataset: Pairs of an example, channels first, and its target, which is a number, a class
            or an array of one shape for all.
        objective: As in `ArrayTask`.
        valid: A data set for validation, or its share; None is a share of 0.2.
        test: A data set for the test, which is not read before `finish`, or a share; None is a
            share of 0.2.
        name: As in `ArrayTask`.
        recipe: As in `ArrayTask`.
        classes: As in `ArrayTask`.
        reward: As for every task.
        whitening: As for every task.
        split: Seed of the random split.
        metric: The score: a name such as f1_macro, roc_auc or mae, or a function (targets,
            predictions) of a module; `auto` is the objective's usual one.
        class_weight: How much each class counts in the loss: `balanced`, or weights by class.

    Raises:
        SettingError: The examples do not belong together, or are not what the objective takes.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        objective: Objective | None = None,
        valid: Any = None,
        test: Any = None,
        name: str = "data",
        recipe: Recipe | None = None,
        classes: Sequence[str] | None = None,
        reward: RewardSetting = "auto",
        whitening: str = "channel",
        split: int = 0,
        metric: MetricSetting = "auto",
        class_weight: ClassWeight = None,
    ) -> None:
        self._test = None if test is None or isinstance(test, int | float) else test
        shared = valid is None or isinstance(valid, int | float)
        super().__init__(
            _stacked(name, dataset),
            objective=objective,
            valid=_share(valid) if shared else _stacked(f"{name}, validation part", valid),
            test_share=_share(test) if self._test is None else None,
            name=name,
            recipe=recipe,
            classes=classes,
            reward=reward,
            whitening=whitening,
            split_seed=split,
            metric=metric,
            class_weight=class_weight,
        )

    def _held_back(self) -> Pair:
        assert self._test is not None, "a share is split off when the task is made"
        return _stacked(f"{self.name}, test part", self._test)


def _share(given: Any) -> float:
    return SHARE if given is None else given


def _stacked(where: str, dataset: Any) -> Pair:
    """All examples of a map-style data set."""
    pairs = [dataset[n] for n in range(len(dataset))]
    if not pairs:
        raise SettingError(f"{where}: the data set is empty")
    shapes = {np.shape(x) for x, _ in pairs}
    if len(shapes) > 1:
        raise SettingError(f"{where}: expected examples of one shape, got {sorted(shapes)[:5]}")
    return np.stack([np.asarray(x) for x, _ in pairs]), np.stack([np.asarray(y) for _, y in pairs])


def _arrays(where: str, pair: Pair) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = np.asarray(pair[0]), _targets(where, np.asarray(pair[1]))
    if x.ndim < 2 or 0 in x.shape or x.dtype.kind not in "biuf":
        raise SettingError(f"{where}: expected x of numbers [N, *inputs], got {x.dtype} {x.shape}")
    if y.ndim == 0 or len(x) != len(y):
        raise SettingError(f"{where}: x has {len(x)} examples, but y has the shape {y.shape}")
    check_finite(f"{where}, x", x)
    return x, y


def _targets(where: str, y: NDArray[Any]) -> NDArray[Any]:
    """Targets of a data frame's column, which are objects: words, or numbers."""
    if y.dtype.kind != "O":
        return y
    kinds = {type(value) for value in y.flat}
    words = {kind for kind in kinds if issubclass(kind, str)}
    if words and kinds - words:
        others = ", ".join(sorted(kind.__name__ for kind in kinds - words))
        raise SettingError(
            f"{where}, y: expected words only, got also {others}: a missing target is float or"
            " NoneType, and its example has to be left out"
        )
    return y.astype(str) if words else np.array(y.tolist())


def _read(
    name: str,
    train: Pair,
    objective: Objective | None,
    valid: Pair | float,
    test_share: float | None,
    seed: int,
) -> Data:
    """Encode the targets, and split what has no part of its own."""
    if objective is not None and objective.tokens:
        raise SettingError(f"{name}: expected examples, but the objective takes text: use Text")
    valid_share = valid if isinstance(valid, int | float) else None
    check_shares(
        SHARE if valid_share is None else valid_share,
        SHARE if test_share is None else test_share,
        suffix="",
    )
    x, y = _arrays(name, train)
    objective = objective or recognise(y)
    y, classes = objective.read_targets(f"{name}, y", y)
    shape = " x ".join(map(str, x.shape[1:]))
    notes = (f"{name}: {type(objective).__name__}, inputs {shape}",)
    test, used = None, 0.0
    if test_share is not None:
        rest, held = split(name, y, classes, test_share, seed)
        test, x, y, used = Part(x[held], y[held]), x[rest], y[rest], test_share
    if valid_share is not None:
        rest, held = split(name, y, classes, valid_share / (1 - used), seed, MIN_REST)
        parts = Part(x[rest], y[rest]), Part(x[held], y[held])
        return Data(*parts, test, classes, notes, objective=objective)
    data = Data(Part(x, y), Part(x, y), test, classes, notes, objective=objective)
    given: Any = valid
    part = _like(f"{name}, validation part", given, data, objective)
    return replace(data, valid=part)


def _like(where: str, pair: Pair, data: Data, objective: Objective) -> Part:
    """Another part, of the training part's shapes and kind."""
    x, raw = _arrays(where, pair)
    y, _ = objective.read_targets(f"{where}, y", raw, data.classes)
    for found, expected in ((x, data.train.x), (y, data.train.y)):
        if found.shape[1:] != expected.shape[1:]:
            raise SettingError(
                f"{where}: expected the shape {expected.shape[1:]} per example as in training, got"
                f" {found.shape[1:]}"
            )
    return Part(x, y)
