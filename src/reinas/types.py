"""The values that all modules share: frozen, comparable, without torch.

A space is a sequence of decisions. Its architectures are encoded as answers, one index per
decision (a genotype). A trial is one proposed architecture and what came of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import typing_extensions

from reinas.errors import TrialError

A = TypeVar("A")
A_default = typing_extensions.TypeVar("A_default", default=Any)


Answers = tuple[int, ...]
"""One index per decision (the genotype). A shallower network is a prefix of a deeper one."""


@dataclass(frozen=True, slots=True)
class When:
    """A condition: an earlier decision is active, and its choice is one of some values.

    Args:
        decision: The earlier decision's name.
        values: The values, each one of the earlier decision's `choices`.
    """

    decision: str
    values: tuple[Any, ...]

    def holds(self, parent: "Decision") -> list[bool]:
        """Which answers to the earlier decision fulfil the condition.

        Args:
            parent: The earlier decision itself.

        Returns:
            One flag per option of the earlier decision.
        """
        return [choice in self.values for choice in parent.choices]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several: a softmax over `choices`.

    Policies share weights over `kind`, so all choices of a kind have equally many options.
    `layer` says which layer (1, 2, ...) the choice belongs to; 0 means none. It is active only
    when every condition in `when` holds. An inactive decision costs no log-probability and its
    one canonical answer is 0.
    """

    name: str
    kind: str
    choices: tuple[Any, ...]
    layer: int = 0
    when: tuple[When, ...] = ()

    @property
    def num_options(self) -> int:
        """How many answers there are."""
        return len(self.choices)


@dataclass(frozen=True, slots=True)
class Link:
    """One skip connection: does layer `source` feed layer `target`? 0 is no, 1 is yes."""

    name: str
    source: int
    target: int
    when: tuple[When, ...] = ()

    @property
    def choices(self) -> tuple[bool, bool]:
        """What the answers mean: no link, or a link."""
        return False, True

    @property
    def num_options(self) -> int:
        """How many answers there are: two."""
        return 2


Decision = Choice | Link


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of a learning curve; `score` is higher for better (accuracy, R squared)."""

    number: int
    train_loss: float
    loss: float
    score: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How a child's training went: the validated epochs, and why it stopped early, if it did."""

    epochs: tuple[Epoch, ...]
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """Where a child was stopped early: after `step`, with the last `score` that it reported."""

    step: int
    score: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the evaluation of one architecture gave: a reward, a failure, or an early stop.

    Exactly one of `reward`, `error` and `pruned` is set.

    Args:
        reward: Higher is better; None where the child failed or was pruned.
        seconds: Time spent. The executor fills it in where the evaluator leaves it at 0.
        metrics: Further measurements by name, such as loss, accuracy or parameters.
        curve: The learning curve of a child that was trained by reinas.
        error: Why the child failed, in one line.
        pruned: Where the child was stopped early.
        reports: Every (step, score) that was reported, in order.

    Raises:
        ValueError: None or several of `reward`, `error` and `pruned` are set.
    """

    reward: float | None
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Curve | None = None
    error: str | None = None
    pruned: Pruned | None = None
    reports: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        """An outcome is exactly one of the three."""
        if (self.reward is None) + (self.error is None) + (self.pruned is None) != 2:
            raise ValueError(
                "an Outcome has exactly one of reward, error and pruned: got"
                f" reward={self.reward!r}, error={self.error!r}, pruned={self.pruned!r}"
            )

    @property
    def value(self) -> float:
        """What a policy learns from: the reward, a pruned child's last score, 0 for a failure."""
        if self.pruned is not None:
            return self.pruned.score
        return 0.0 if self.reward is None else self.reward

    @property
    def state(self) -> "State":
        """`complete`, `pruned` or `failed`."""
        if self.error is not None:
            return "failed"
        return "complete" if self.pruned is None else "pruned"


State = Literal["waiting", "running", "complete", "pruned", "failed"]
"""The states of a trial. Running means that a worker holds it."""

TOO_COSTLY = "too costly, not trained"
"""How the error of a child begins that was not trained because it exceeds a limit."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the checkpoint of a child is kept, for evaluators that can stop and continue one.

    Args:
        path: The file; it may not be there yet.
        identity: Which child of which study it is of; a file with another one is foreign.
    """

    path: str
    identity: str


@dataclass(frozen=True, slots=True)
class Job(Generic[A]):
    """One architecture to evaluate, as an evaluator gets it.

    Args:
        trial: The trial's number.
        architecture: What to evaluate.
        seed: The only source of randomness that the evaluation may use.
        on_report: Called with every (step, score); the executor sets it.
        until: The step after which the child pauses, for evaluators that can stop and continue
            one (`AbstractEvaluator.steps`). None: it is trained whole.
        checkpoint: Where its state is kept while it pauses. None: nowhere.
    """

    trial: int
    architecture: A
    seed: int
    on_report: Callable[[int, float], None] | None = field(default=None, compare=False, repr=False)
    until: int | None = None
    checkpoint: Place | None = None

    def report(self, step: int, score: float) -> None:
        """Report how good the child is after `step` (an epoch, say), so that people can watch.

        Args:
            step: Counts up from 1.
            score: The reward that the child would have if it ended here; higher is better.
        """
        if self.on_report is not None:
            self.on_report(int(step), float(score))


@dataclass(frozen=True, slots=True)
class Trial(Generic[A_default]):
    """One architecture that the policy proposed, and what came of it.

    Args:
        number: 0, 1, 2, ... in the order proposed.
        batch: The batch that it was proposed in.
        answers: The decisions' answers, one index per decision.
        outcome: None until the trial has finished.
        repeat_of: The earlier trial with the same architecture whose outcome was reused; None
            where the child was evaluated for this trial.
        architecture: What the answers mean. A study fills it in; None where the space cannot
            decode them, and where trials are read without a space.
        seed: The only source of randomness that the evaluation may use.
        worker: Who holds the trial while it is running.
    """

    number: int
    batch: int
    answers: Answers
    outcome: Outcome | None = None
    repeat_of: int | None = None
    architecture: A_default = field(default=None, compare=False)  # type: ignore[assignment]
    seed: int = field(default=0, compare=False)
    worker: str | None = field(default=None, compare=False)

    @property
    def state(self) -> State:
        """`waiting`, `running`, `complete`, `pruned` or `failed`."""
        if self.outcome is not None:
            return self.outcome.state
        return "waiting" if self.worker is None else "running"

    @property
    def reward(self) -> float:
        """The reward of a complete trial.

        Raises:
            TrialError: The trial has no reward: it is not finished, failed, or was pruned.
        """
        if self.outcome is None or self.outcome.reward is None:
            raise TrialError(f"trial {self.number} has no reward: it is {self.state}")
        return self.outcome.reward


@dataclass(frozen=True, slots=True)
class Attempt:
    """A worker has taken up a trial, or lost it.

    Args:
        trial: The trial's number.
        worker: The machine and the process.
        begun: Seconds since 1970.
        lost: How the worker was lost; None where it was not.
    """

    trial: int
    worker: str
    begun: float
    lost: str | None = None
