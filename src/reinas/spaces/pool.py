"""The architectures of a space that is not the product of its decisions' options."""

from collections.abc import Iterable

import numpy as np

from reinas.errors import SettingError
from reinas.types import Answers


class Pool:
    """The only architectures that there are, such as the rows of a table.

    A policy may answer anything; what it answers is snapped to the pool.

    Args:
        rows: Answers of all decisions; repeats count once.

    Raises:
        SettingError: There are none.

    Attributes:
        rows: In lexicographic order.
    """

    def __init__(self, rows: Iterable[Answers]) -> None:
        self.rows: tuple[Answers, ...] = tuple(sorted(set(rows)))
        if not self.rows:
            raise SettingError("a pool needs one or more architectures, got none")
        self._known = frozenset(self.rows)
        self._array = np.array(self.rows, np.int64)

    def __len__(self) -> int:
        """The number of architectures."""
        return len(self.rows)

    def __contains__(self, answers: object) -> bool:
        """Whether there is an architecture with these answers."""
        return answers in self._known

    def draw(self, count: int, rng: np.random.Generator) -> list[Answers]:
        """Draw uniformly, with replacement.

        Args:
            count: How many.
            rng: The only source of randomness.

        Returns:
            Their answers.
        """
        return [self.rows[place] for place in rng.integers(len(self.rows), size=count)]

    def nearest(self, answers: Answers) -> Answers:
        """The architecture that differs in the fewest answers.

        Of equally near ones it is the one whose answers are closest in number, then the first.

        Args:
            answers: Of all decisions.

        Returns:
            `answers` themselves if they are in the pool.
        """
        if answers in self._known:
            return answers
        apart = np.abs(self._array - np.array(answers, np.int64))
        different, distance = (apart > 0).sum(1), apart.sum(1)
        return self.rows[int(np.lexsort((distance, different))[0])]
