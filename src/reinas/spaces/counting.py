"""Counting, drawing and listing the canonical answers to a sequence of decisions.

Without conditions, the count is a product. With conditions, whether a decision is active depends
on earlier answers. Only answers that a later condition mentions matter, so a pass over the
decisions carries just those (its `Memory`). A dynamic programme over decisions and memories then
gives the exact count, even for spaces far too large to enumerate.
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
    """Which decisions are active, given the answers.

    Args:
        decisions: A space's decisions, in order.
        answers: One index per decision, possibly for the first decisions only.

    Returns:
        One flag per answer.
    """
    known: dict[str, Any] = {}
    result = []
    for decision, answer in zip(decisions, answers, strict=False):
        live = active(decision, known)
        if live:
            known[decision.name] = decision.choices[answer]
        result.append(live)
    return result


def canonical(decisions: Sequence[Decision], answers: Answers) -> Answers:
    """The same answers with 0 for every inactive decision.

    Args:
        decisions: A space's decisions, in order.
        answers: One index per decision, possibly for the first decisions only.
    """
    live = active_decisions(decisions, answers)
    return tuple(a if on else 0 for a, on in zip(answers, live, strict=False))


@dataclass(frozen=True)
class Counter:
    """Counts, draws and lists the canonical answers to a sequence of decisions.

    Args:
        decisions: A space's decisions, in order.
    """

    decisions: tuple[Decision, ...]

    @cached_property
    def _last_use(self) -> dict[str, int]:
        """The index of the last decision with a condition on each decision, by name."""
        return {w.decision: t for t, d in enumerate(self.decisions) for w in d.when}

    def _branches(self, t: int, memory: Memory) -> list[tuple[int, int, Memory]]:
        """Group the answers to decision t as (first answer, number of answers, memory after them).

        If a later condition depends on the decision, each answer is a group of its own; otherwise
        all answers form one group.
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
        """For each index t and memory, the number of canonical answers to decisions t, t+1, ..."""
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
        """The exact number of canonical answers."""
        return self._ways[0][()]

    def draw(self, rng: np.random.Generator) -> Answers:
        """Draw from the uniform distribution over all canonical answers.

        Args:
            rng: The source of randomness.

        Returns:
            One index per decision.
        """
        memory: Memory = ()
        answers = []
        for t in range(len(self.decisions)):
            point = rng.random()
            for group in self._branches(t, memory):
                first, n, after = group
                # dividing integers rounds correctly even where they are too large for a float
                point -= n * self._ways[t + 1][after] / self._ways[t][memory]
                if point < 0:
                    break
            # if rounding keeps the point from falling below 0, the last group is taken
            answers.append(first + int(rng.integers(n)))
            memory = after
        return tuple(answers)

    def each(self) -> Iterator[Answers]:
        """Yield all canonical answers in lexicographic order; feasible only for small spaces."""

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
    """Draw the option of every active decision uniformly, like an untrained controller.

    Where decisions are conditional, this is not uniform over architectures: if the depth is a
    decision, a depth of one is as likely as a depth of five, which has far more architectures.

    Args:
        decisions: A space's decisions, in order.
        rng: The source of randomness.

    Returns:
        Canonical answers, one index per decision.
    """
    uniform = tuple(int(rng.integers(d.num_options)) for d in decisions)
    return canonical(decisions, uniform)
