"""Answers encoded as bits, so that a weighted Hamming distance compares architectures."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reinas.types import Choice, Decision

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

# A bit's log weight is a sum of parts; these are the parts' prior standard deviations.
OVERALL, DECISION, KIND, OPTION = 1.0, 1.0, 0.7, 1.0
MAX_BITS = 2000  # with more bits, options have no weights of their own: fitting is too slow


class Encoding:
    """Encodes the answers of T decisions as bits.

    The distance of two architectures is the sum of the weights of the bits that differ. An
    unordered choice is one-hot: the distance of two options is the sum of their weights. A choice
    among ascending numbers has one bit per step between neighbouring options, so the distance of
    two options is the sum over the steps between them. One more bit per decision marks it as
    inactive.

    Args:
        decisions: The space's T decisions.

    Attributes:
        num_options: int64 [T], the number of options of each decision.
        width: Number of bits W.
        design: [W, parts]: the log weights of the bits are `offset + design @ parts`, with parts
            that are standard normal a priori.
        offset: [W], the prior mean of the log weights.
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
        """The attributes `design` and `offset`.

        Parts are shared by all bits, by the bits of a decision, and by the same option of a kind:
        what is learned about one layer's filters carries over, in part, to the next layer's.
        """
        owner = np.repeat(np.arange(len(widths)), widths)
        names = [
            (kind_name(d), bit)
            for d, w in zip(self.decisions, widths, strict=True)
            for bit in range(w)
        ]
        kinds = {name: place for place, name in enumerate(dict.fromkeys(names))}
        kind = np.array([kinds[name] for name in names])
        parts = [
            np.full((self.width, 1), OVERALL),
            (owner[:, None] == np.arange(len(widths))) * DECISION,
        ]
        if self.width <= MAX_BITS:
            parts += [
                (kind[:, None] == np.arange(len(kinds))) * KIND,
                np.eye(self.width) * OPTION,
            ]
        design = np.concatenate(parts, axis=1)
        # a priori the distance of two random architectures is about 1 for any number of decisions
        apart = max(0.5, float((1 - 1 / self.num_options).sum()))
        shrink = np.array([6 / (d.num_options + 1) if _ordered(d) else 1.0 for d in self.decisions])
        return design, np.log(0.5 / apart * shrink[owner])

    def active(self, answers: Ints) -> NDArray[np.bool_]:
        """Which decisions are active.

        Args:
            answers: int64 [B, T].

        Returns:
            bool [B, T].
        """
        live = np.ones(answers.shape, bool)
        for t, parents in self._conditions:
            for parent, allowed in parents:
                live[:, t] &= allowed[answers[:, parent]] & live[:, parent]
        return live

    def canonical(self, answers: Ints) -> Ints:
        """Set the answers of inactive decisions to 0.

        Args:
            answers: int64 [B, T].

        Returns:
            int64 [B, T].
        """
        return np.where(self.active(answers), answers, 0) if self._conditions else answers

    def filled(self, answers: Ints, rng: np.random.Generator) -> Ints:
        """Draw the answers of inactive decisions uniformly.

        A change that activates such a decision then finds a random answer there.

        Args:
            answers: int64 [B, T].
            rng: Draws the answers.

        Returns:
            int64 [B, T].
        """
        if not self._conditions:
            return answers
        return np.where(
            self.active(answers), answers, rng.integers(0, self.num_options, answers.shape)
        )

    def bits(self, answers: Ints) -> NDArray[np.float32]:
        """Encode answers.

        Args:
            answers: int64 [B, T]; a shallower network has fewer columns, or -1 at the end.

        Returns:
            float32 [B, W], zeros and ones.
        """
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
    """The encoding of these decisions, cached.

    Args:
        decisions: The space's decisions, or the first of them.

    Returns:
        The encoding.
    """
    return Encoding(decisions)


def _ordered(decision: Decision) -> bool:
    """Whether the options are three or more numbers in ascending order."""
    if not isinstance(decision, Choice) or decision.num_options < 3:
        return False
    values = decision.choices
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return numbers and all(a < b for a, b in pairwise(values))


def kind_name(decision: Decision) -> str:
    """A name that decisions share if what is learned about one holds for the other."""
    return f"choice {decision.kind}" if isinstance(decision, Choice) else "link"


def _codes(decision: Decision) -> Floats:
    """[options + 1, bits]: the bits of each answer; the last row is an inactive decision."""
    count = decision.num_options
    steps = np.tri(count, count - 1, -1) if _ordered(decision) else np.eye(count)
    code = np.zeros((count + 1, steps.shape[1] + 1))
    code[:count, :-1] = steps
    code[count, -1] = 1
    return code


def _conditions(
    decisions: tuple[Decision, ...],
) -> list[tuple[int, list[tuple[int, NDArray[np.bool_]]]]]:
    """For each conditional decision: its parents, and which of their answers activate it."""
    place = {d.name: t for t, d in enumerate(decisions)}
    parents = {d.name: d for d in decisions}
    return [
        (
            t,
            [
                (
                    place[when.decision],
                    np.array(when.holds(parents[when.decision])),
                )
                for when in decision.when
            ],
        )
        for t, decision in enumerate(decisions)
        if decision.when
    ]
