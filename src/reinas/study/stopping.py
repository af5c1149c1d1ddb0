"""Rules of early stopping: which children go on after a step, and which are given up.

A rule is a pure function of values. It knows neither clock nor randomness, so a study that is
opened again takes the decisions that it would have taken.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from statistics import fmean, median
from typing import Any, ClassVar

from reinas.errors import InvalidSettingError
from reinas.store import AbstractRecord


@dataclass(frozen=True, slots=True)
class Progress:
    """How a child has done up to the step at which a decision is taken.

    Args:
        trial: The trial's number.
        steps: How many steps it has when it is trained whole.
        reports: Its (step, score) up to there, by step; at least one. The last one is the score
            that counts: a child that reports every third step is judged by the first report at
            or after the step, and one that ended earlier by its last.
        complete: Whether it is of an earlier batch and was trained whole.
    """

    trial: int
    steps: int
    reports: tuple[tuple[int, float], ...]
    complete: bool = False

    @property
    def score(self) -> float:
        """The last score."""
        return self.reports[-1][1]


class AbstractStopping(ABC):
    """A rule of early stopping; higher scores are better."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The name and every parameter, as JSON takes it; compared when a search resumes."""

    @abstractmethod
    def rungs(self, trial: int, steps: int) -> tuple[int, ...]:
        """The steps after which it is decided whether a child goes on.

        Args:
            trial: The trial's number.
            steps: How many steps it has when it is trained whole; at least 1.

        Returns:
            Ascending numbers from 1; the last is `steps`, where there is nothing left to decide.
        """

    @abstractmethod
    def goes_on(self, step: int, child: Progress, others: Sequence[Progress]) -> bool:
        """Whether a child goes on after one of its rungs.

        Args:
            step: The rung.
            child: Up to that step.
            others: The other trials that have this rung and have come to it, each up to that
                step, by number; trials that repeat another one are left out.
        """


@dataclass(frozen=True)
class _Halving(AbstractStopping):
    """What asha and hyperband share: the better share of those at a rung goes on.

    Args:
        eta: One in so many goes on at each rung; the rungs are as far apart, as factors.
        least: The first rung.

    Raises:
        InvalidSettingError: A number is out of range.
    """

    eta: int = 3
    least: int = 1
    name: ClassVar[str]

    def __post_init__(self) -> None:
        if self.eta < 2:
            raise InvalidSettingError("stopping.eta", f"must be at least 2, got {self.eta}")
        _check_least(self.least)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def _grid(self, steps: int) -> tuple[int, ...]:
        """The first rung, multiplied by eta again and again, and the last step."""
        rungs = []
        rung = self.least
        while rung < steps:
            rungs.append(rung)
            rung *= self.eta
        return (*rungs, steps)

    def _is_among_best(self, child: Progress, others: Sequence[Progress]) -> bool:
        """Whether the child is among the best floor(n / eta) of the n at its rung, at least 1.

        Of equal scores the earlier trial is the better one.
        """
        places = max(1, (len(others) + 1) // self.eta)
        rank = (-child.score, child.trial)
        return sum((-o.score, o.trial) < rank for o in others) < places


@dataclass(frozen=True)
class Asha(_Halving):
    """Asynchronous successive halving (Li et al. 2020, algorithm 2), with stopping for good.

    The rungs are `least` times `eta` to the power k. After each, a child goes on if it is among the
    best 1 / `eta` of all children that have come to that rung so far, and at least the best of them
    does. In the paper a child that was not promoted waits, and may be promoted later; here it is
    given up, so that each trial has its outcome when its batch has.

    Args:
        eta: One in so many goes on at each rung; the rungs are as far apart, as factors.
        least: The first rung, in steps.

    Raises:
        InvalidSettingError: A number is out of range.
    """

    name: ClassVar[str] = "asha"

    def rungs(self, trial: int, steps: int) -> tuple[int, ...]:
        """`least`, `least` * `eta`, ... and the last step, for all trials alike."""
        return self._grid(steps)

    def goes_on(self, step: int, child: Progress, others: Sequence[Progress]) -> bool:
        """Whether the child is among the best of this rung."""
        return self._is_among_best(child, others)


@dataclass(frozen=True)
class Hyperband(_Halving):
    """Hyperband (Li et al. 2018, algorithm 1): brackets of successive halving, side by side.

    Bracket k begins at rung `least` times `eta` to the power k; the last one trains all whole. So
    the search does not hang on how much early scores say. Trials are dealt out by their number in
    the proportions of the paper, evenly mixed, since a search may end at any number of trials, and
    compared with those of their own bracket.

    Args:
        eta: One in so many goes on at each rung; the rungs are as far apart, as factors.
        least: The first rung of the first bracket, in steps.

    Raises:
        InvalidSettingError: A number is out of range.
    """

    name: ClassVar[str] = "hyperband"

    def bracket(self, trial: int, steps: int) -> int:
        """The bracket of a trial: 0 is the one with the lowest first rung.

        Args:
            trial: The trial's number.
            steps: How many steps it has when it is trained whole.
        """
        deal = _deal(len(self._grid(steps)), self.eta)
        return deal[trial % len(deal)]

    def rungs(self, trial: int, steps: int) -> tuple[int, ...]:
        """The rungs from the first one of the trial's bracket."""
        return self._grid(steps)[self.bracket(trial, steps) :]

    def goes_on(self, step: int, child: Progress, others: Sequence[Progress]) -> bool:
        """Whether the child is among the best of this rung and its bracket."""
        mine = self.bracket(child.trial, child.steps)
        rivals = [o for o in others if self.bracket(o.trial, o.steps) == mine]
        return self._is_among_best(child, rivals)


@lru_cache(maxsize=64)
def _deal(brackets: int, eta: int) -> tuple[int, ...]:
    """Which bracket each of one round's trials has.

    With s = brackets - 1 - k, bracket k has ceil(brackets / (s + 1) * eta^s) trials in a round
    (Li et al. 2018, algorithm 1, line 3). Each bracket's trials are spread evenly over the round.
    """
    places = []
    for bracket in range(brackets):
        s = brackets - 1 - bracket
        count = -(-brackets * eta**s // (s + 1))
        places += [((2 * i + 1) / (2 * count), bracket) for i in range(count)]
    return tuple(bracket for _, bracket in sorted(places))


@dataclass(frozen=True)
class Median(AbstractStopping):
    """The median stopping rule (Golovin et al. 2017, section 3.2.1).

    A child is given up after a step if its best score by then is below the median of the other
    children's mean scores by then. As in the paper only children that were trained whole count,
    so those of the first batch are all trained whole.

    Args:
        least: The first step after which a child may be given up.
        every: Steps between two decisions.

    Raises:
        InvalidSettingError: A number is out of range.
    """

    least: int = 1
    every: int = 1

    def __post_init__(self) -> None:
        _check_least(self.least)
        if self.every < 1:
            raise InvalidSettingError("stopping.every", f"must be at least 1, got {self.every}")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "median", **asdict(self)}

    def rungs(self, trial: int, steps: int) -> tuple[int, ...]:
        """From the first step on, one decision every so many steps."""
        return (*range(self.least, steps, self.every), steps)

    def goes_on(self, step: int, child: Progress, others: Sequence[Progress]) -> bool:
        """Whether the child's best score is as good as the median of the others' means."""
        means = [fmean(score for _, score in o.reports) for o in others if o.complete]
        best = max(score for _, score in child.reports)
        return not means or best >= median(means)


NAMED: Mapping[str, type[AbstractStopping]] = {
    "asha": Asha,
    "hyperband": Hyperband,
    "median": Median,
}
"""The rules by the names that settings have for them."""


def checked_rungs(rule: AbstractStopping, trial: int, steps: int) -> tuple[int, ...]:
    """A rule's rungs for a trial.

    Args:
        rule: The rule.
        trial: The trial's number.
        steps: How many steps it has when it is trained whole.

    Raises:
        InvalidSettingError: They do not ascend to the last step, which a rule of your own may get
            wrong.
    """
    rungs = tuple(rule.rungs(trial, steps))
    if not rungs or rungs[-1] != steps or list(rungs) != sorted({*rungs}) or rungs[0] < 1:
        raise InvalidSettingError(
            "stopping", f"should give rungs from 1 that ascend to {steps}, the last; got {rungs}"
        )
    return rungs


def cut(
    reports: Sequence[tuple[int, float]], step: int, *, ended: bool
) -> tuple[tuple[int, float], ...] | None:
    """A child's reports up to the first one at or after a step.

    Args:
        reports: All (step, score), by step.
        step: A rung.
        ended: Whether the child was trained to its end.

    Returns:
        The reports; None where the child has not come so far. A child that ended before that step
        has come there, with its last score.
    """
    for place, (at, _) in enumerate(reports):
        if at >= step:
            return tuple(reports[: place + 1])
    return tuple(reports) if ended and reports else None


def is_given_up(rule: AbstractStopping, record: AbstractRecord, number: int, steps: int) -> bool:
    """Whether a running trial is given up by what all trials have reported by now.

    Args:
        rule: The rule.
        record: The study's record.
        number: The trial's number.
        steps: How many steps each trial has when it is evaluated whole.

    Returns:
        False where the last step that the trial has reported is none of its rungs.
    """
    mine = record.reports(number)
    step = mine[-1][0] if mine else 0
    if step >= steps or step not in checked_rungs(rule, number, steps):
        return False
    others = []
    for other in record.all_trials():
        complete = other.outcome is not None and other.outcome.reward is not None
        known = cut(record.reports(other.number), step, ended=complete)
        is_rival = other.number != number and other.repeat_of is None
        if known and is_rival and step in rule.rungs(other.number, steps):
            others.append(Progress(other.number, steps, known, complete))
    return not rule.goes_on(step, Progress(number, steps, tuple(mine)), others)


def _check_least(least: int) -> None:
    if not (least >= 1 and math.isfinite(least)):
        raise InvalidSettingError("stopping.least", f"must be at least 1, got {least}")
