"""The contract of a space: a sequence of decisions, with `decode` and its inverse `encode`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any, ClassVar, Generic, Literal, final

import numpy as np

from reinas.errors import AnswersError, SettingError
from reinas.names import object_name
from reinas.spaces.counting import Counter, canonical, draw_decisions
from reinas.spaces.pool import Pool
from reinas.types import A, Answers, Choice, Decision, Link

MAX_SIZE = 1_000_000
"""The largest number of units, filters or pixels: no larger network can be built."""
MAX_LAYERS = 200
"""The largest depth, since every pair of layers may be a decision."""
Over = Literal["architectures", "decisions"]


class AbstractSpace(ABC, Generic[A]):
    """A search space: the set of architectures that a search can propose.

    Subclasses are frozen dataclasses whose fields are the space's parameters. They define
    `name`, `decisions` and `decode`; `encode` is optional. `decode(encode(a)) == a` for every
    architecture a, and `encode(decode(answers))` is the canonical form of the answers: two answers
    that mean the same network decode to equal architectures.
    """

    name: ClassVar[str]
    """The space's name for people: in messages, and in the names of searches."""

    @property
    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions that define an architecture, in order."""

    @abstractmethod
    def decode(self, answers: Answers) -> A:
        """Build the architecture that the answers mean.

        Args:
            answers: One index per decision, as many as one of `lengths`.

        Returns:
            The architecture: a value, which can be compared and hashed.

        Raises:
            AnswersError: The answers are not canonical answers of this space.
        """

    def encode(self, architecture: A) -> Answers:
        """Find the canonical answers that mean an architecture; optional for a space of your own.

        Args:
            architecture: An architecture of this space.

        Returns:
            One index per decision.

        Raises:
            AnswersError: The architecture is not in the space, or the space defines no `encode`.
        """
        raise AnswersError(f"space '{self.name}' defines no encode, which this needs")

    @property
    @final
    def has_encode(self) -> bool:
        """Whether the space defines `encode`."""
        return type(self).encode is not AbstractSpace.encode

    @final
    def key(self, answers: Answers) -> Answers:
        """A key that is equal for answers that mean equal architectures.

        Args:
            answers: Canonical answers of this space.

        Returns:
            The answers that `encode` gives for the decoded architecture. Without `encode`, the
            answers unchanged: then two answers that mean the same network count as two
            architectures.
        """
        return self.encode(self.decode(answers)) if self.has_encode else answers

    @property
    def lengths(self) -> tuple[int, ...]:
        """Valid numbers of answers, for 1, 2, ... layers; the last is the number of decisions."""
        return (len(self.decisions),)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The space's name and parameters, from which an equal space can be built.

        The name of a built-in space is short; that of any other has the form `module:Name`.
        """
        own = not type(self).__module__.startswith("reinas.")
        name = object_name(type(self)) if own else self.name
        return {"name": name, **asdict(self)}  # type: ignore[call-overload]

    @property
    def pool(self) -> Pool | None:
        """The only architectures that there are; None, the default: every combination is one."""
        return None

    @final
    def snapped(self, answers: Answers) -> Answers:
        """The architecture that is taken for these answers: themselves, or the pool's nearest.

        Args:
            answers: Canonical answers.

        Returns:
            Answers of this space.
        """
        return answers if self.pool is None else self.pool.nearest(answers)

    @property
    @final
    def size(self) -> int:
        """The exact number of architectures."""
        return counter(self.decisions).total if self.pool is None else len(self.pool)

    @final
    def sample(
        self,
        count: int,
        seed: int,
        *,
        length: int | None = None,
        over: Over = "architectures",
    ) -> list[Answers]:
        """Draw canonical answers at random, with replacement.

        Args:
            count: How many to draw.
            seed: All randomness comes from it.
            length: Answer only this many decisions, one of `lengths`. None: all of them.
            over: "architectures" makes every architecture equally likely; "decisions" makes the
                options of each active decision equally likely. The two differ only where decisions
                are conditional, and not at all where there is a pool.

        Returns:
            `count` answers, each with `length` indices.

        Raises:
            SettingError: `over` is neither "architectures" nor "decisions".
        """
        if over not in ("architectures", "decisions"):
            raise SettingError(f"over is architectures or decisions, got {over!r}")
        decisions = self.decisions[:length]
        rng = np.random.default_rng(seed)
        if self.pool is not None:
            return self.pool.draw(count, rng)
        if over == "decisions":
            return [draw_decisions(decisions, rng) for _ in range(count)]
        return [counter(decisions).draw(rng) for _ in range(count)]

    @final
    def enumerate(self) -> Iterator[Answers]:
        """Yield all canonical answers in lexicographic order; feasible only for small spaces."""
        return counter(self.decisions).each() if self.pool is None else iter(self.pool.rows)

    @final
    def check(self, answers: Answers) -> None:
        """Raise an error unless the answers are canonical answers of this space.

        Args:
            answers: One index per decision, for whole layers.

        Raises:
            AnswersError: Their number is not among `lengths`, an index is out of range, an
                inactive decision has an answer other than 0, or the pool does not have them.
        """
        if len(answers) not in self.lengths:
            lengths = ", ".join(str(n) for n in self.lengths)
            raise AnswersError(
                f"{self.name}: expected {lengths} answers, got {len(answers)}"
                " (one index per decision, for whole layers)"
            )
        for decision, answer in zip(self.decisions, answers, strict=False):
            if not 0 <= answer < decision.num_options:
                raise AnswersError(
                    f"{self.name}: {decision.name} takes 0 to {decision.num_options - 1},"
                    f" got {answer}"
                )
        plain = canonical(self.decisions, answers)
        for decision, answer, wanted in zip(self.decisions, answers, plain, strict=False):
            if answer != wanted:
                raise AnswersError(
                    f"{self.name}: {decision.name} is inactive after the answers before it,"
                    f" so it must be 0, got {answer}"
                )
        if self.pool is not None and tuple(answers) not in self.pool:
            raise AnswersError(
                f"{self.name}: there is no architecture with the answers {tuple(answers)}"
            )


@lru_cache(maxsize=64)
def counter(decisions: tuple[Decision, ...]) -> Counter:
    """The counter of these decisions, cached because its tables are expensive to build.

    Args:
        decisions: A space's decisions, in order.
    """
    return Counter(decisions)


def check_decisions(decisions: tuple[Decision, ...]) -> None:
    """Raise an error unless the decisions form a space that every policy can search.

    Names are unique. A condition names an earlier decision and some of its values. All choices
    of one kind have the same number of options. Layers come in ascending order, each with its
    choices before its links. The links of a layer are consecutive and do not depend on each
    other, because they are decided together.

    Args:
        decisions: A space's decisions, in order.

    Raises:
        SettingError: One of these rules is broken, or there are no decisions.
    """
    if not decisions:
        raise SettingError("a space needs at least one decision, got none")
    seen: dict[str, Decision] = {}
    options: dict[str, int] = {}
    layer = linked = 0  # the highest layer so far, and the highest one with links so far
    previous: Decision | None = None
    for decision in decisions:
        if decision.name in seen:
            raise SettingError(f"two decisions are called {decision.name}: names must differ")
        _check_conditions(decision, seen)
        match decision:
            case Choice():
                _check_choice(decision, options, layer, linked)
                layer = max(layer, decision.layer)
            case Link():
                _check_link(decision, layer)
                together = isinstance(previous, Link) and previous.target == linked
                if decision.target == linked and not together:
                    raise SettingError(
                        f"{decision.name}: a layer's links come one after the other, but"
                        f" something is decided between those of layer {linked}"
                    )
                layer = linked = decision.target
        previous = seen[decision.name] = decision


def with_tuples(space: Any) -> None:
    """Let a space that is being made have tuples where it was given lists: they can be hashed.

    Args:
        space: A frozen dataclass, in its `__post_init__`.
    """
    for field in fields(space):
        value = getattr(space, field.name)
        if isinstance(value, list | tuple):
            object.__setattr__(space, field.name, _as_tuple(value))


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list | tuple) else value


def _check_conditions(decision: Decision, seen: Mapping[str, Decision]) -> None:
    for when in decision.when:
        parent = seen.get(when.decision)
        if parent is None:
            raise SettingError(
                f"{decision.name} depends on {when.decision}, which is not an earlier decision"
            )
        if not when.values or not all(value in parent.choices for value in when.values):
            raise SettingError(
                f"{decision.name} depends on the values {list(when.values)} of {parent.name},"
                f" which has {list(parent.choices)}"
            )
        if (
            isinstance(decision, Link)
            and isinstance(parent, Link)
            and decision.target == parent.target
        ):
            raise SettingError(
                f"{decision.name} depends on {parent.name}, but a layer's links are decided"
                " together"
            )


def _check_choice(choice: Choice, options: dict[str, int], layer: int, linked: int) -> None:
    """Check one choice, and add its kind to `options`, the number of options by kind so far."""
    if options.setdefault(choice.kind, choice.num_options) != choice.num_options:
        raise SettingError(
            f"{choice.name} has {choice.num_options} choices, but others of kind {choice.kind} have"
            f" {options[choice.kind]}: give it another kind"
        )
    if choice.num_options == 0:
        raise SettingError(f"{choice.name} has no choices")
    if choice.layer and (choice.layer < layer or choice.layer == linked):
        raise SettingError(
            f"{choice.name}: layers must come in ascending order, each with its choices before"
            f" its links; it is of layer {choice.layer}, after layer {layer}"
        )


def _check_link(link: Link, layer: int) -> None:
    if not 1 <= link.source < link.target or link.target < layer:
        raise SettingError(
            f"{link.name}: a link goes from an earlier layer to a later one and follows its"
            f" layer's choices, got {link.source} to {link.target}"
        )


def check_number(owner: str, key: str, value: int, least: int, most: int) -> None:
    """Raise an error unless `value` lies between `least` and `most`, inclusive.

    Args:
        owner: The space's name, for the message.
        key: The parameter's name, for the message.
        value: The parameter's value.
        least: The smallest allowed value.
        most: The largest allowed value.

    Raises:
        SettingError: The value is too small or too large.
    """
    if value < least:
        raise SettingError(f"{owner}: {key} must be at least {least}, got {value}")
    if value > most:
        raise SettingError(f"{owner}: {key} must be at most {most:,}, got {value}")


def check_options(owner: str, key: str, values: tuple[Any, ...], least: float | None) -> None:
    """Raise an error unless `values` are distinct and not empty, and numbers within bounds.

    Args:
        owner: The space's name, for the message.
        key: The parameter's name, for the message.
        values: The options of a decision.
        least: The smallest allowed number; the largest is 1,000,000. None: the values are not
            numbers.

    Raises:
        SettingError: There are no values, two are equal, or one is out of bounds.
    """
    if not values or len(set(values)) != len(values):
        raise SettingError(f"{owner}: {key} needs one or more different values, got {list(values)}")
    if least is not None and any(v < least for v in values):
        raise SettingError(f"{owner}: {key} must be at least {least}, got {list(values)}")
    if least is not None and any(v > MAX_SIZE for v in values):
        raise SettingError(f"{owner}: {key} must be at most {MAX_SIZE:,}, got {list(values)}")
