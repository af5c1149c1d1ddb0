"""The contract of an evaluator: one method, from a job to an outcome."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic

from reinas.types import A, Job, Outcome


class AbstractEvaluator(ABC, Generic[A]):
    """Measures architectures. It must be picklable: worker processes get a copy.

    It uses no randomness but the job's seed, and may simply raise: the executor turns that
    into a failed outcome with its reason.
    """

    timed: ClassVar[bool] = True
    """Whether the executor fills in `Outcome.seconds` where it is 0; a table's evaluator says no,
    since looking up is not training."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything that changes results, as JSON takes it; compared when a search resumes."""

    @abstractmethod
    def __call__(self, job: Job[A]) -> Outcome:
        """The outcome of one child."""

    def portable(self) -> "AbstractEvaluator[A]":
        """Itself with the data that it has read from files: other machines have no such files."""
        return self

    def steps(self, architecture: A) -> int | None:
        """How many steps (epochs, say) a child has when it is trained whole.

        An evaluator that gives a number can stop and continue a child: with `job.until` below it,
        the child pauses after that step, or after the first one later at which it has a score.
        Then the outcome is a pruned one, with the step and the score by then, all reports since
        the child's first step, and all seconds; a later job of the same trial gives what an
        uninterrupted child would have given, whether its checkpoint is still there or not. A child
        that comes to its end before `job.until` has the outcome that it has whole.

        Args:
            architecture: The child's.

        Returns:
            At least 1. None, the default: a child cannot be stopped and continued.
        """
        return None

    def check(self, architecture: A) -> None:
        """Raise `SettingError` where architectures of this kind cannot be evaluated at all.

        Called once, before a search begins, with one architecture of the space.
        """
