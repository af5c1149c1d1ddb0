"""A study's policy once more: the same batches, so that every moment of it can be looked at."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reinas.errors import SettingError
from reinas.policies.base import AbstractPolicy, State
from reinas.registry import make
from reinas.report.report import space_of
from reinas.spaces.base import AbstractSpace
from reinas.store import AbstractRecord
from reinas.types import Trial

MOMENTS = 100
"""Moments that are looked at, spread evenly over the batches."""
SAME = 1e-6
"""Relative difference up to which a diagnostic counts as the same: machines add differently."""

Look = Callable[["Replay", AbstractPolicy], Any]


class Replay:
    """Learns a study's batches again, in their order, and looks at the policy before some of them.

    Args:
        record: The study.
        look: What is kept of each moment.
        every_batch: Whether every batch is such a moment, or at most `MOMENTS` of them are.

    Raises:
        SettingError: The policy or its space cannot be made here, or its updates are not those
            of whole batches.
    """

    def __init__(self, record: AbstractRecord, look: Look, *, every_batch: bool = False) -> None:
        space, settings = space_of(record.settings), record.settings.get("policy")
        if space is None or not isinstance(settings, Mapping):
            raise SettingError(
                "the space or the policy of this study is known only to the program that began it"
            )
        if record.updates():
            raise SettingError(
                "the gradients of this study came from several replicas: its policy cannot be"
                " followed batch by batch"
            )
        self.space: AbstractSpace[Any] = space
        self._settings, self._record, self._look = settings, record, look
        self._every_batch = every_batch
        self._policy = self.new_policy()
        self._states: list[tuple[int, State]] = []
        self.moments: list[tuple[int, Any]] = []
        self.learned = 0
        self._now: tuple[int, Any] = (0, None)
        self.is_exact = True

    def new_policy(self) -> AbstractPolicy:
        """The policy as it was before the first batch."""
        try:
            policy: AbstractPolicy = make("policy", dict(self._settings), space=self.space)
        except (KeyError, TypeError, ValueError) as error:
            raise SettingError(f"the policy of this study cannot be made here: {error}") from None
        return policy

    def advance(self, seconds: float) -> bool:
        """Learn what was learned since, for some time.

        Args:
            seconds: About how long.

        Returns:
            Whether all is learned again that the study has learned.
        """
        until = time.monotonic() + seconds
        told = dict(self._record.diagnostics())
        every = max(1, math.ceil(len(told) / MOMENTS))
        while self.learned in told:
            self._look_at(spaced=self.learned % every == 0)
            if time.monotonic() > until:
                return False
            found = self._policy.update(self._record.batch(self.learned))
            self.is_exact = self.is_exact and _same(found, told[self.learned])
            self.learned += 1
        return True

    def _look_at(self, *, spaced: bool) -> None:
        if spaced and (not self._states or self._states[-1][0] < self.learned):
            self._states.append((self.learned, self._policy.state()))
        if (spaced or self._every_batch) and (
            not self.moments or self.moments[-1][0] < self.learned
        ):
            self.moments.append((self.learned, self._look(self, self._policy)))

    def until_now(self) -> list[tuple[int, Any]]:
        """The moments, and the policy as it is after all that was learned again so far."""
        if not self.learned:
            return []
        if self._now[0] != self.learned:
            self._now = self.learned, self._look(self, self._policy)
        return [*self.moments, self._now]

    def before(self, batch: int) -> AbstractPolicy:
        """The policy as it was when it learned from a batch.

        Args:
            batch: The batch's number; learned again already.

        Raises:
            SettingError: It is not yet.
        """
        if not 0 <= batch < self.learned:
            raise SettingError(f"batch {batch} has not been learned from yet")
        policy = self.new_policy()
        begun, state = max((s for s in self._states if s[0] <= batch), key=lambda s: s[0])
        policy.restore(state)
        for number in range(begun, batch):
            policy.update(self._record.batch(number))
        return policy

    @property
    def seed(self) -> int:
        """The study's seed."""
        seed: int = self._record.settings["seed"]
        return seed

    def trial(self, number: int) -> Trial:
        """One trial."""
        return self._record.trial(number)

    def trials(self, batch: int) -> Sequence[Trial]:
        """A batch's trials."""
        return self._record.batch(batch)


def _same(found: Mapping[str, float], told: Mapping[str, Any]) -> bool:
    return all(
        told.get(name) is None or math.isclose(value, float(told[name]), rel_tol=SAME, abs_tol=SAME)
        for name, value in found.items()
    )
