"""What a published architecture is: answers in a space."""

from dataclasses import dataclass
from typing import Any

from reinas.spaces.base import AbstractSpace
from reinas.types import Answers


@dataclass(frozen=True, slots=True)
class Published:
    """An architecture from a paper: its answers in a space, and what was reported of it.

    `result` is the reported result, `source` where the architecture stands, `parameters` how
    many it was reported to have.
    """

    name: str
    space: AbstractSpace[Any]
    answers: Answers
    result: str
    source: str
    parameters: str | None = None

    @property
    def architecture(self) -> Any:
        """What the answers mean."""
        return self.space.decode(self.answers)
