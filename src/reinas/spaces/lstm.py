"""Language models of LSTM layers: what a search for text begins with.

Zaremba, Sutskever & Vinyals 2014 for the dropout between layers; Press & Wolf 2017 and Inan et al.
2017 for the weights that embedding and softmax share.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import AbstractSpace, check_options, with_tuples
from reinas.types import Answers, Choice

FIELDS = ("layers", "width", "dropout", "tied", "rate")


@dataclass(frozen=True, slots=True)
class LstmArchitecture:
    """An embedding, LSTM layers, a softmax over the vocabulary.

    Args:
        layers: Number of LSTM layers.
        width: Units per layer, and numbers per embedded word.
        dropout: Probability of dropping a unit between layers, in training.
        tied: Whether the softmax shares the embedding's weights.
        rate: Factor of the recipe's learning rate.
    """

    layers: int
    width: int
    dropout: float
    tied: bool
    rate: float = 1.0

    def __str__(self) -> str:
        """Layers x width, and what else there is: 2x lstm 256 dropout 0.2 tied."""
        dropout = f" dropout {self.dropout:g}" if self.dropout else ""
        rate = "" if self.rate == 1 else f"rate x{self.rate:g}: "
        return f"{rate}{self.layers}x lstm {self.width}{dropout}{' tied' if self.tied else ''}"


@dataclass(frozen=True)
class LstmSpace(AbstractSpace[LstmArchitecture]):
    """Language models of LSTM layers.

    Args:
        layers: Numbers of layers to choose from.
        widths: Units per layer to choose from.
        dropouts: Dropout probabilities to choose from.
        rates: Factors of the recipe's learning rate to choose from.

    Raises:
        SettingError: A parameter is out of range.
    """

    layers: tuple[int, ...] = (1, 2, 3)
    widths: tuple[int, ...] = (64, 128, 192, 256, 384, 512, 768)
    dropouts: tuple[float, ...] = (0.0, 0.1, 0.2, 0.35, 0.5)
    rates: tuple[float, ...] = (0.5, 1.0, 2.0)
    name: ClassVar[str] = "lstm"

    def __post_init__(self) -> None:
        with_tuples(self)
        for key in ("layers", "widths"):
            check_options("lstm", key, getattr(self, key), least=1)
        for key in ("dropouts", "rates"):
            check_options("lstm", key, getattr(self, key), least=0)
        if max(self.dropouts) >= 1:
            raise SettingError(f"lstm: dropouts must be below 1, got {list(self.dropouts)}")
        if min(self.rates) <= 0:
            raise SettingError(f"lstm: rates must be above 0, got {list(self.rates)}")

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """One per field of the architecture."""
        choices = (self.layers, self.widths, self.dropouts, (False, True), self.rates)
        return tuple(
            Choice(name, name, tuple(values)) for name, values in zip(FIELDS, choices, strict=True)
        )

    def decode(self, answers: Answers) -> LstmArchitecture:
        """The model that the answers mean."""
        self.check(answers)
        values = (d.choices[a] for d, a in zip(self.decisions, answers, strict=True))
        return LstmArchitecture(*values)

    def encode(self, architecture: LstmArchitecture) -> Answers:
        """The answers that mean the model."""
        answers = []
        for decision in self.decisions:
            value = getattr(architecture, decision.name)
            if value not in decision.choices:
                raise AnswersError(
                    f"lstm: {decision.name} is one of {list(decision.choices)}, got {value}"
                )
            answers.append(decision.choices.index(value))
        return tuple(answers)

    def starts(self) -> tuple[LstmArchitecture, ...]:
        """What a search should try first, by width: one layer, which learns most in little time."""
        layers = min(self.layers)
        dropout = min(self.dropouts, key=lambda p: abs(p - 0.1))
        rate = min(self.rates, key=lambda r: abs(r - 1))
        return tuple(
            LstmArchitecture(layers, width, dropout, tied=True, rate=rate)
            for width in sorted(self.widths)
        )
