"""Counting, drawing and listing the canonical answers to a sequence of decisions.

Conditional decisions make this more than a product: whether a decision is active depends on
earlier answers. Only answers that a later condition mentions matter for that, so a walk over
the decisions needs to remember only those ("the memory"). The number of canonical answers is
then a small dynamic programme, exact however large the space is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from reinas.types import Answers, Decision

Memory = tuple[tuple[str, Any], ...]  # (decision's name, the chosen value), active decisions only


def active(decision: Decision, known: Mapping[str, Any]) -> bool:
    """Whether a decision is active.

    Args:
        decision: The decision.
        known: The chosen values of the active decisions before it, by name.
    """
    return all(w.decision in known and known[w.decision] in w.values for w in decision.when)


def active_decisions(decisions: Sequence[Decision], answers: Answers) -> list[bool]:
    """Which of the decisions are active, as far as the answers go."""
    known: dict[str, Any] = {}
    result = []
    for decision, answer in zip(decisions, answers, strict=False):
        live = active(decision, known)
        if live:
            known[decision.name] = decision.choices[answer]
        result.append(live)
    return result


def canonical(decisions: Sequence[Decision], answers: Answers) -> Answers:
    """The same answers with 0 wherever the decision is inactive."""
    live = active_decisions(decisions, answers)
    return tuple(a if on else 0 for a, on in zip(answers, live, strict=False))


@dataclass(frozen=True)
class Counter:
    """Counts, draws and lists the canonical answers to `decisions`."""

    decisions: tuple[Decision, ...]

    @cached_property
    def _last_use(self) -> dict[str, int]:
        """Where each decision's answer is needed for the last time."""
        return {w.decision: t for t, d in enumerate(self.decisions) for w in d.when}

    def _branches(self, t: int, memory: Memory) -> list[tuple[int, int, Memory]]:
        """Groups of answers to decision t: (first answer, how many, the memory after them).

        Answers that nothing later asks about are one group; remembered ones a group each.
        """
        decision = self.decisions[t]
        alive = tuple(item for item in memory if self._last_use[item[0]] > t)
        if not active(decision, dict(memory)):
            return [(0, 1, alive)]
        if self._last_use.get(decision.name, -1) <= t:
            return [(0, decision.num_options, alive)]
        return [(a, 1, (*alive, (decision.name, v))) for a, v in enumerate(decision.choices)]

    @cached_property
    def _ways(self) -> list[dict[Memory, int]]:
        """How many canonical completions there are from each place and memory."""
        reached: list[set[Memory]] = [{()}]
        for t in range(len(self.decisions)):
            reached.append({m for memory in reached[t] for _, _, m in self._branches(t, memory)})
        ways: list[dict[Memory, int]] = [dict.fromkeys(reached[-1], 1)]
        for t in reversed(range(len(self.decisions))):
            after = ways[-1]
            ways.append(
                {
                    memory: sum(n * after[m] for _, n, m in self._branches(t, memory))
                    for memory in reached[t]
                }
            )
        return ways[::-1]

    @property
    def total(self) -> int:
        """How many canonical answers there are, exactly."""
        return self._ways[0][()]

    def draw(self, rng: np.random.Generator) -> Answers:
        """One of all canonical answers, each with the same probability."""
        memory: Memory = ()
        answers = []
        for t in range(len(self.decisions)):
            point = rng.random()
            for group in self._branches(t, memory):
                first, n, after = group
                # whole numbers of any size divide exactly rounded; they may not fit a float
                point -= n * self._ways[t + 1][after] / self._ways[t][memory]
                if point < 0:
                    break
            # where rounding leaves the point on the very edge the last group takes it
            answers.append(first + int(rng.integers(n)))
            memory = after
        return tuple(answers)

    def each(self) -> Iterator[Answers]:
        """All canonical answers, in lexicographic order. Only for small spaces."""

        def walk(t: int, known: dict[str, Any], head: Answers) -> Iterator[Answers]:
            if t == len(self.decisions):
                yield head
                return
            decision = self.decisions[t]
            if not active(decision, known):
                yield from walk(t + 1, known, (*head, 0))
                return
            for answer, value in enumerate(decision.choices):
                yield from walk(t + 1, {**known, decision.name: value}, (*head, answer))

        return walk(0, {}, ())


def draw_decisions(decisions: Sequence[Decision], rng: np.random.Generator) -> Answers:
    """Every active decision uniform on its own: what a controller does before it has learned.

    Where decisions are conditional this is not uniform over architectures: a network of one
    layer is as likely as all networks of five together.
    """
    uniform = tuple(int(rng.integers(d.num_options)) for d in decisions)
    return canonical(decisions, uniform)
