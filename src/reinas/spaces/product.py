"""The space of all combinations of some values, such as those of a table's columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import AbstractSpace
from reinas.spaces.pool import Pool
from reinas.types import Answers, Choice

Columns = tuple[tuple[str, tuple[Any, ...]], ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value per column.

    Args:
        values: Pairs of a column's name and its value, in the order of the columns.
    """

    values: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        """Comma-separated pairs: column=value, ..."""
        return ", ".join(f"{name}={value}" for name, value in self.values)


@dataclass(frozen=True)
class ProductSpace(AbstractSpace[Assignment]):
    """All combinations of the values of some columns.

    Args:
        columns: Pairs of a name and its values; also a mapping, and lists, which become tuples.

    Raises:
        SettingError: There are no columns, or a column has no values or a value that is a list,
            dict or set, or two names or two values of a column are equal.
    """

    columns: Columns
    name: ClassVar[str] = "product"

    def __post_init__(self) -> None:
        columns: Any = self.columns
        pairs = columns.items() if isinstance(columns, Mapping) else columns
        object.__setattr__(self, "columns", tuple((n, tuple(v)) for n, v in pairs))
        if not self.columns:
            raise SettingError("product: needs one or more columns, got none")
        names = [name for name, _ in self.columns]
        if len(set(names)) < len(names):
            raise SettingError(f"product: columns need different names, got {', '.join(names)}")
        for name, values in self.columns:
            for value in values:
                if isinstance(value, list | dict | set):
                    raise SettingError(
                        f"product: {name} has the value {value!r}, but values are numbers or words"
                    )
            if not values or len(set(values)) < len(values):
                raise SettingError(f"product: {name} needs one or more different values")

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """One choice per column; columns with the same values are of one kind."""
        kinds: dict[tuple[Any, ...], str] = {}
        return tuple(
            Choice(name, kinds.setdefault(values, name), values) for name, values in self.columns
        )

    @cached_property
    def _places(self) -> tuple[Mapping[Any, int], ...]:
        return tuple({v: place for place, v in enumerate(values)} for _, values in self.columns)

    def decode(self, answers: Answers) -> Assignment:
        """The values that the answers mean.

        Args:
            answers: One index per column.

        Raises:
            AnswersError: The answers are not answers of this space.
        """
        self.check(answers)
        return Assignment(
            tuple((d.name, d.choices[a]) for d, a in zip(self.decisions, answers, strict=True))
        )

    def encode(self, architecture: Assignment) -> Answers:
        """The values as indices.

        Args:
            architecture: One value per column, in the order of the columns.

        Returns:
            One index per column.

        Raises:
            AnswersError: The columns or a value are not those of the space.
        """
        try:
            if [name for name, _ in architecture.values] != [name for name, _ in self.columns]:
                raise KeyError
            return tuple(
                places[value]
                for places, (_, value) in zip(self._places, architecture.values, strict=True)
            )
        except KeyError:
            raise AnswersError(
                f"product: expected one value per column, got {architecture}"
            ) from None


@dataclass(frozen=True)
class PoolSpace(ProductSpace):
    """Some of the combinations of the values of some columns, such as the rows of a table.

    Args:
        columns: Pairs of a name and its values.
        rows: The combinations that there are, as answers: one index per column.

    Raises:
        SettingError: As for `ProductSpace`, or there are no rows.
        AnswersError: A row has another number of answers than there are columns, or no such value.
    """

    rows: tuple[Answers, ...] = ()
    name: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        super().__post_init__()
        for row in self.pool.rows:
            self.check(row)

    @cached_property
    def pool(self) -> Pool:
        """The rows."""
        return Pool(self.rows)


def product_space(columns: Mapping[str, tuple[Any, ...]] | Columns) -> ProductSpace:
    """All combinations of the values of some columns: space.columns={width=[8,16],depth=[1,2]}.

    Args:
        columns: Each name and its values, as a mapping or as pairs; their order is kept.

    Returns:
        The space.
    """
    pairs = columns.items() if isinstance(columns, Mapping) else columns
    return ProductSpace(tuple((name, tuple(values)) for name, values in pairs))
