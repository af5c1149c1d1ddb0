"""The record of a published architecture."""

from dataclasses import dataclass
from typing import Any

from reinas.spaces.base import AbstractSpace
from reinas.types import Answers


@dataclass(frozen=True, slots=True)
class Published:
    """An architecture from a paper: its answers in a space, and what was reported about it.

    Args:
        name: Its name in the zoo.
        space: The space that the answers belong to.
        answers: The architecture.
        result: The reported result, with its unit.
        source: The figure or section of the paper.
        parameters: The reported number of parameters.
    """

    name: str
    space: AbstractSpace[Any]
    answers: Answers
    result: str
    source: str
    parameters: str | None = None

    @property
    def architecture(self) -> Any:
        """The decoded architecture."""
        return self.space.decode(self.answers)
