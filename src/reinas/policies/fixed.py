"""No decision at all: one architecture, to train what was found elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from reinas.errors import SettingError
from reinas.policies.base import AbstractPolicy, State, rewards
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Trial


class Fixed(AbstractPolicy):
    """Always the same answers: to train a known architecture on another task.

    `--cell-from` uses it.
    """

    def __init__(self, space: AbstractSpace[Any], *, answers: tuple[int, ...] = ()) -> None:
        if not answers:
            raise SettingError("fixed: which architecture? Give policy.answers")
        space.check(answers)
        self._answers: Answers = answers

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the answers."""
        return {"name": "fixed", "answers": list(self._answers)}

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """The same answers, cut to the first `length`."""
        return [self._answers[:length]] * count

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Learns nothing."""
        values = rewards(trials)
        return {"reward": sum(values) / len(values)}

    def state(self) -> State:
        """Nothing was learned."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing to restore."""
