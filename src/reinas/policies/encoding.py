"""Answers as bits whose weighted differences are distances: what a model of rewards sees."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reinas.types import Choice, Decision

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

# Prior standard deviations of the parts that a bit's log weight is the sum of.
OVERALL, DECISION, KIND, OPTION = 1.0, 1.0, 0.7, 1.0
MANY = 2000  # bits from which on options have no weights of their own: fitting them takes too long


class Encoding:
    """The bits of a sequence of decisions, T of them.

    The distance of two architectures is the sum of the weights of the bits that differ. A choice
    among words has a bit an option, so its options are as far apart as their weights add up to;
    a choice among ascending numbers has a bit a step between neighbours, so that what lies
    between counts. One more bit says that a decision is not asked.
    """

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.decisions = tuple(decisions)
        self.num_options = np.array([d.num_options for d in decisions], np.int64)
        self._conditions = _conditions(self.decisions)
        codes = [_codes(d) for d in decisions]
        widths = [code.shape[1] for code in codes]
        first = np.cumsum([0, *widths])
        self.width = int(first[-1])
        self._codes = [code.astype(np.float32) for code in codes]
        self._columns = [slice(a, b) for a, b in pairwise(first.tolist())]
        self.design, self.offset = self._prior(widths)

    def _prior(self, widths: Sequence[int]) -> tuple[Floats, Floats]:
        """How a log weight is made up of standard normal parts: design [width, parts], offset.

        Bits of the same decision, of the same option of a kind, and all bits have a part in
        common: what is learned of one layer's filters holds a little for the next layer's.
        """
        owner = np.repeat(np.arange(len(widths)), widths)
        names = [
            (_kind(d), bit) for d, w in zip(self.decisions, widths, strict=True) for bit in range(w)
        ]
        kinds = {name: place for place, name in enumerate(dict.fromkeys(names))}
        kind = np.array([kinds[name] for name in names])
        parts = [
            np.full((self.width, 1), OVERALL),
            (owner[:, None] == np.arange(len(widths))) * DECISION,
        ]
        if self.width <= MANY:
            parts += [
                (kind[:, None] == np.arange(len(kinds))) * KIND,
                np.eye(self.width) * OPTION,
            ]
        design = np.concatenate(parts, axis=1)
        # two random architectures are about 1 apart at first, however many decisions there are
        apart = max(0.5, float((1 - 1 / self.num_options).sum()))
        shrink = np.array([6 / (d.num_options + 1) if _ordered(d) else 1.0 for d in self.decisions])
        return design, np.log(0.5 / apart * shrink[owner])

    def active(self, answers: Ints) -> NDArray[np.bool_]:
        """Which decisions these answers ask: [B, T] -> bool [B, T]."""
        live = np.ones(answers.shape, bool)
        for t, parents in self._conditions:
            for parent, allowed in parents:
                live[:, t] &= allowed[answers[:, parent]] & live[:, parent]
        return live

    def canonical(self, answers: Ints) -> Ints:
        """The answers with 0 wherever a decision is not asked."""
        return np.where(self.active(answers), answers, 0) if self._conditions else answers

    def filled(self, answers: Ints, rng: np.random.Generator) -> Ints:
        """The answers with something drawn wherever a decision is not asked.

        So a change that makes it be asked finds any answer there.
        """
        if not self._conditions:
            return answers
        return np.where(
            self.active(answers), answers, rng.integers(0, self.num_options, answers.shape)
        )

    def bits(self, answers: Ints) -> NDArray[np.float32]:
        """Answers [B, T] -> [B, width]; those of a shallower network are fewer, or -1."""
        missing = self.num_options
        full = np.broadcast_to(missing, (len(answers), len(missing))).copy()
        known = answers[:, : len(missing)]
        live = self.active(np.maximum(known, 0)) & (known >= 0) if self._conditions else known >= 0
        full[:, : known.shape[1]] = np.where(live, known, missing[: known.shape[1]])
        result = np.empty((len(answers), self.width), np.float32)
        for t, (code, columns) in enumerate(zip(self._codes, self._columns, strict=True)):
            result[:, columns] = code[full[:, t]]
        return result


@lru_cache(maxsize=8)
def encoding(decisions: tuple[Decision, ...]) -> Encoding:
    """The encoding of these decisions, made once."""
    return Encoding(decisions)


def _ordered(decision: Decision) -> bool:
    """Whether a decision is among three or more ascending numbers."""
    if not isinstance(decision, Choice) or decision.num_options < 3:
        return False
    values = decision.choices
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return numbers and all(a < b for a, b in pairwise(values))


def _kind(decision: Decision) -> str:
    return f"choice {decision.kind}" if isinstance(decision, Choice) else "link"


def _codes(decision: Decision) -> Floats:
    """[options + 1, bits]: the bits that each answer sets; the last row is 'not asked'."""
    count = decision.num_options
    steps = np.tri(count, count - 1, -1) if _ordered(decision) else np.eye(count)
    code = np.zeros((count + 1, steps.shape[1] + 1))
    code[:count, :-1] = steps
    code[count, -1] = 1
    return code


def _conditions(
    decisions: tuple[Decision, ...],
) -> list[tuple[int, list[tuple[int, NDArray[np.bool_]]]]]:
    """For each conditional decision, in order: its parents, and which of their answers ask it."""
    place = {d.name: t for t, d in enumerate(decisions)}
    return [
        (
            t,
            [
                (
                    place[when.decision],
                    np.isin(
                        np.arange(decisions[place[when.decision]].num_options), list(when.answers)
                    ),
                )
                for when in decision.when
            ],
        )
        for t, decision in enumerate(decisions)
        if decision.when
    ]
