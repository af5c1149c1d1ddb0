"""The words that all else is written in: frozen, comparable, without torch.

A space is a sequence of decisions. An architecture is named by its answers: one index a
decision. A trial is answers, what came out of them, and when they were proposed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

A = TypeVar("A")


Answers = tuple[int, ...]
"""One index a decision. A shallower network is a prefix of a deeper one."""


@dataclass(frozen=True, slots=True)
class When:
    """A condition: the decision called `decision` was asked, and answered with one of `answers`."""

    decision: str
    answers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several: a softmax over `choices`.

    Policies share weights over `kind`, so all choices of a kind have equally many options.
    `layer` says which layer (1, 2, ...) the choice belongs to; 0 means none. It is asked only
    when every condition in `when` holds. An unasked decision costs no log-probability and its
    one canonical answer is 0.
    """

    name: str
    kind: str
    choices: tuple[Any, ...]
    layer: int = 0
    when: tuple[When, ...] = ()

    @property
    def options(self) -> int:
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
    def options(self) -> int:
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
class Outcome:
    """What a child's evaluation gave.

    `reward` is None exactly when `error` says why the child failed. `seconds` is the time spent.
    """

    reward: float | None
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Curve | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        """An outcome is either a reward or a failure, never both or neither."""
        if (self.reward is None) == (self.error is None):
            raise ValueError(
                "an Outcome has either a reward or an error: "
                f"got reward={self.reward!r}, error={self.error!r}"
            )

    @property
    def value(self) -> float:
        """The reward that a policy learns from: a failed child counts as 0 (docs/paper.md)."""
        return 0.0 if self.reward is None else self.reward


TOO_COSTLY = "too costly, not trained"
"""How the reason of a child begins that was not trained, because it breaks a limit."""


@dataclass(frozen=True, slots=True)
class Job(Generic[A]):
    """One child to evaluate; `seed` is all the randomness that its evaluation may use."""

    trial: int
    architecture: A
    seed: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer of the policy and what came of it.

    `repeat_of` is the number of the earlier trial whose outcome was taken over because the
    architecture is the same; None where the child was evaluated for this trial.
    """

    number: int
    batch: int
    answers: Answers
    outcome: Outcome | None = None
    repeat_of: int | None = None
