"""One search in memory: what a run of a comparison needs of a log, without a database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from reinas.store.rows import Proposal
from reinas.types import Answers, Attempt, Outcome, Trial


@dataclass
class MemoryLog:
    """The trials of one search of `trials` children, and nothing that outlives the process."""

    trials: int
    every: list[Trial] = field(default_factory=list)
    _first: dict[Answers, int] = field(default_factory=dict)
    _batches: list[range] = field(default_factory=list)
    _said: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def snapshot(self) -> None:
        """Nothing to go on from."""

    def count(self) -> tuple[int, int]:
        """How many trials were proposed, and how many of them have finished."""
        return len(self.every), sum(trial.outcome is not None for trial in self.every)

    def propose(self, batch: int, proposals: Sequence[Proposal]) -> None:
        """Take a whole batch."""
        first = len(self.every)
        for p in proposals:
            self.every.append(Trial(p.number, batch, p.answers, None, p.repeat_of))
            self._first.setdefault(p.key, p.number)
        self._batches.append(range(first, len(self.every)))

    def record(self, number: int, outcome: Outcome) -> None:
        """Take one trial's outcome."""
        self.every[number] = replace(self.every[number], outcome=outcome)

    def attempted(self, attempt: Attempt) -> None:
        """Who trained what is forgotten with the process."""

    def learned(
        self, batch: int, diagnostics: Mapping[str, float], state: Mapping[str, NDArray[Any]]
    ) -> None:
        """Keep what the policy said, not its state: there is no going on from here."""
        self._said.append((batch, dict(diagnostics)))

    def diagnostics(self) -> list[tuple[int, dict[str, float]]]:
        """What the policy said of each batch."""
        return self._said

    def batch(self, number: int) -> list[Trial]:
        """A batch's trials in the order proposed; empty if it was not proposed yet."""
        if number >= len(self._batches):
            return []
        return [self.every[place] for place in self._batches[number]]

    def trial(self, number: int) -> Trial:
        """One trial."""
        return self.every[number]

    def first_with(self, keys: Iterable[Answers], before: int) -> dict[Answers, int]:
        """For each architecture that was proposed in an earlier batch, the trial's number."""
        return {key: self._first[key] for key in keys if key in self._first}
