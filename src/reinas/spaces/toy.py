"""The review's toy example (docs/review.md): two activations, four networks."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from reinas.errors import AnswersError
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Choice

ACTIVATIONS = ("linear", "sigmoid")


@dataclass(frozen=True, slots=True)
class ToyArchitecture:
    """A network Dense(1) -> h -> Dense(1) -> g -> Dense(1).

    Args:
        h: The first activation, "linear" or "sigmoid".
        g: The second activation, "linear" or "sigmoid".
    """

    h: str
    g: str

    def __str__(self) -> str:
        """The two activations."""
        return f"{self.h}, {self.g}"


@dataclass(frozen=True)
class ToySpace(AbstractSpace[ToyArchitecture]):
    """The review's four networks: each of two hidden units is linear or sigmoid."""

    name: ClassVar[str] = "toy"

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """The activation h, then g."""
        return (
            Choice("h", "activation", ACTIVATIONS, layer=1),
            Choice("g", "activation", ACTIVATIONS, layer=2),
        )

    def decode(self, answers: Answers) -> ToyArchitecture:
        """The network that the answers mean.

        Args:
            answers: The indices of the two activations.

        Raises:
            AnswersError: The answers are not answers of this space.
        """
        self.check(answers)
        return ToyArchitecture(ACTIVATIONS[answers[0]], ACTIVATIONS[answers[1]])

    def encode(self, architecture: ToyArchitecture) -> Answers:
        """The two activations as indices.

        Args:
            architecture: One of the four networks.

        Raises:
            AnswersError: An activation is neither "linear" nor "sigmoid".
        """
        for activation in (architecture.h, architecture.g):
            if activation not in ACTIVATIONS:
                raise AnswersError(f"toy: expected linear or sigmoid, got {activation!r}")
        return ACTIVATIONS.index(architecture.h), ACTIVATIONS.index(architecture.g)
