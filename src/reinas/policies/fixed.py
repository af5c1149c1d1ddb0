"""A policy that always proposes one given architecture, to train it on another task."""

from collections.abc import Mapping, Sequence
from typing import Any

from reinas.errors import InvalidSettingError
from reinas.policies.base import AbstractPolicy, State, rewards
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Trial


class Fixed(AbstractPolicy):
    """Always proposes the same answers: to train a known architecture on another task.

    It transfers a found cell (section 4.2).

    Args:
        space: The space that the answers belong to.
        answers: The architecture.

    Raises:
        InvalidSettingError: `answers` is missing.
        AnswersError: The answers do not belong to the space.
    """

    def __init__(self, space: AbstractSpace[Any], *, answers: tuple[int, ...] = ()) -> None:
        if not answers:
            raise InvalidSettingError(
                "policy.answers", "is missing: give an architecture's answers"
            )
        space.check(answers)
        self._answers: Answers = answers

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the answers."""
        return {"name": "fixed", "answers": list(self._answers)}

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """The first `length` of the given answers, `count` times."""
        return [self._answers[:length]] * count

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Learn nothing; the diagnostic is the mean reward."""
        values = rewards(trials)
        return {"reward": sum(values) / len(values)}

    def state(self) -> State:
        """Empty: nothing is learned."""
        return {}

    def restore(self, state: State) -> None:
        """Do nothing: nothing is learned."""
