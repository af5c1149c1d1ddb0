"""The contract of a space: a sequence of decisions, and two functions that are inverses."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any, ClassVar, Generic, Literal

import numpy as np

from reinas.errors import AnswersError, SettingError
from reinas.spaces.counting import Counter, canonical, draw_decisions
from reinas.types import A, Answers, Choice, Decision, Link

Over = Literal["architectures", "decisions"]


class AbstractSpace(ABC, Generic[A]):
    """What may be built.

    Subclasses are frozen dataclasses whose fields are the space's parameters, and define
    `name`, `decisions`, `decode` and `encode`. `decode(encode(a)) == a` for every architecture
    a, and `encode(decode(answers))` is the canonical form of the answers: two answers that mean
    the same network decode to equal architectures.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """What is decided, in order."""

    @abstractmethod
    def decode(self, answers: Answers) -> A:
        """The architecture that the answers mean; `AnswersError` if they are not answers here."""

    @abstractmethod
    def encode(self, architecture: A) -> Answers:
        """The canonical answers that mean the architecture; `AnswersError` if there are none."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """After how many decisions a shallower network may stop; the last is all of them."""
        return (len(self.decisions),)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The space's name and parameters: with them it can be made again."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]

    @property
    def size(self) -> int:
        """How many architectures there are, exactly."""
        return counter(self.decisions).total

    def sample(
        self,
        count: int,
        seed: int,
        *,
        length: int | None = None,
        over: Over = "architectures",
    ) -> list[Answers]:
        """Random canonical answers, with replacement.

        `over="architectures"` makes every architecture equally likely, `over="decisions"` every
        answer to each asked decision: the same thing unless decisions are conditional.
        """
        decisions = self.decisions[:length]
        rng = np.random.default_rng(seed)
        if over == "decisions":
            return [draw_decisions(decisions, rng) for _ in range(count)]
        return [counter(decisions).draw(rng) for _ in range(count)]

    def enumerate(self) -> Iterator[Answers]:
        """All canonical answers, in lexicographic order. Only for small spaces."""
        return counter(self.decisions).each()

    def check(self, answers: Answers) -> None:
        """Raise `AnswersError` unless the answers are canonical answers of this space."""
        if len(answers) not in self.lengths:
            lengths = ", ".join(str(n) for n in self.lengths)
            raise AnswersError(
                f"{self.name}: expected {lengths} answers, got {len(answers)}"
                " (one index a decision, whole layers)"
            )
        for decision, answer in zip(self.decisions, answers, strict=False):
            if not 0 <= answer < decision.options:
                raise AnswersError(
                    f"{self.name}: {decision.name} takes 0 to {decision.options - 1}, got {answer}"
                )
        plain = canonical(self.decisions, answers)
        for decision, answer, wanted in zip(self.decisions, answers, plain, strict=False):
            if answer != wanted:
                raise AnswersError(
                    f"{self.name}: {decision.name} is not asked after the answers before it,"
                    f" so it must be 0, got {answer}"
                )


@lru_cache(maxsize=64)
def counter(decisions: tuple[Decision, ...]) -> Counter:
    """The counter of these decisions, with its tables, made once."""
    return Counter(decisions)


def check_decisions(decisions: tuple[Decision, ...]) -> None:
    """Raise `SettingError` unless the decisions are a space that every policy can learn.

    Names are unique; a condition names an earlier decision and answers that it has; choices of
    a kind have equally many options; a link goes from an earlier layer to a later one, after
    that layer's choices.
    """
    seen: dict[str, Decision] = {}
    options: dict[str, int] = {}
    layer = linked = 0  # the last layer so far, and the last one whose links were decided
    for decision in decisions:
        if decision.name in seen:
            raise SettingError(f"two decisions are called {decision.name}: names must differ")
        for when in decision.when:
            parent = seen.get(when.decision)
            if parent is None:
                raise SettingError(
                    f"{decision.name} depends on {when.decision}, which is not an earlier decision"
                )
            if not when.answers or not all(0 <= a < parent.options for a in when.answers):
                raise SettingError(
                    f"{decision.name} depends on answers {sorted(when.answers)} of"
                    f" {parent.name}, which takes 0 to {parent.options - 1}"
                )
        match decision:
            case Choice():
                if options.setdefault(decision.kind, decision.options) != decision.options:
                    raise SettingError(
                        f"{decision.name} has {decision.options} choices, but others of kind"
                        f" {decision.kind} have {options[decision.kind]}: give it another kind"
                    )
                if decision.options == 0:
                    raise SettingError(f"{decision.name} has no choices")
                if decision.layer and (decision.layer < layer or decision.layer == linked):
                    raise SettingError(
                        f"{decision.name}: layers come in ascending order, each with its choices"
                        f" before its links; layer {decision.layer} is decided already"
                    )
                layer = max(layer, decision.layer)
            case Link():
                if not 1 <= decision.source < decision.target or decision.target < layer:
                    raise SettingError(
                        f"{decision.name}: a link goes from an earlier layer to a later one and"
                        f" follows its layer's choices, got {decision.source} to {decision.target}"
                    )
                layer = linked = decision.target
        seen[decision.name] = decision


def check_options(owner: str, key: str, values: tuple[Any, ...], least: float | None) -> None:
    """Raise `SettingError` unless `values` are distinct, not empty, and at least `least`."""
    if not values or len(set(values)) != len(values):
        raise SettingError(f"{owner}: {key} needs one or more different values, got {list(values)}")
    if least is not None and any(v < least for v in values):
        raise SettingError(f"{owner}: {key} must be at least {least}, got {list(values)}")
