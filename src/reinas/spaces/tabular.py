"""Residual networks for tables, with embeddings of numbers.

A network that sees each number as it is learns slowly where an effect jumps or turns. So each
number may first become a vector of its own (Gorishniy, Rubachev & Babenko 2022, "On embeddings for
numerical features in tabular deep learning"); the rest is the residual network of Gorishniy et al.
2021, "Revisiting deep learning models for tabular data", section 3.2.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import MAX_LAYERS, AbstractSpace, check_options
from reinas.types import Answers, Choice, When

NONE, PIECEWISE, PERIODIC = "none", "piecewise", "periodic"
EMBEDDINGS = (NONE, PIECEWISE, PERIODIC)
FREQUENCIES = 24
"""Trained frequencies per column of `periodic`."""
NORMALISATIONS = ("none", "batch", "layer")


@dataclass(frozen=True, slots=True)
class TabularArchitecture:
    """Embedded numbers, one linear layer, residual blocks, and one linear layer.

    Args:
        blocks: Number of residual blocks.
        width: Units between the blocks.
        factor: Units inside of a block, as a multiple of the width.
        dropout: Probability of dropping a unit inside of a block.
        normalisation: At the beginning of each block and after the last one: none, batch or layer.
        embedding: What each number becomes: `none` (itself), `piecewise` (how far it is through
            each bin) or `periodic` (cosines and sines of trained frequencies); the last two are
            followed by a linear layer with ReLU per column.
        size: Numbers per embedded column; 0 without an embedding.
        bins: Number of bins, for `piecewise`; 0 otherwise.
        sigma: Deviation of the frequencies at the beginning, for `periodic`; 0 otherwise.
        rate: Factor of the recipe's learning rate.
        decay: Factor of the recipe's weight decay.
    """

    blocks: int = 2
    width: int = 256
    factor: int = 1
    dropout: float = 0.1
    normalisation: str = "none"
    embedding: str = NONE
    size: int = 0
    bins: int = 0
    sigma: float = 0.0
    rate: float = 1.0
    decay: float = 1.0

    def __str__(self) -> str:
        """The embedding, the blocks, and what else there is, separated by |."""
        embedding = {
            NONE: "",
            PIECEWISE: f"piecewise {self.bins} bins -> {self.size} | ",
            PERIODIC: f"periodic {self.sigma:g} -> {self.size} | ",
        }[self.embedding]
        inner = "" if self.factor == 1 else f" (inner x{self.factor})"
        norm = "" if self.normalisation == "none" else f" {self.normalisation} norm"
        dropout = f" dropout {self.dropout:g}" if self.dropout else ""
        rate = "" if self.rate == 1 else f" | rate x{self.rate:g}"
        decay = "" if self.decay == 1 else f" | decay x{self.decay:g}"
        return f"{embedding}{self.blocks}x {self.width}{inner}{norm}{dropout}{rate}{decay}"


_CONDITIONS = {
    "size": (PIECEWISE, PERIODIC),
    "bins": (PIECEWISE,),
    "sigma": (PERIODIC,),
}
"""The embeddings with which a decision is active."""
_PARAMETERS = {
    "rate": "rates",
    "decay": "decays",
    "blocks": "blocks",
    "width": "widths",
    "factor": "factors",
    "dropout": "dropouts",
    "normalisation": "normalisations",
    "embedding": "embeddings",
    "size": "sizes",
    "bins": "bins",
    "sigma": "sigmas",
}
"""From a decision, which is a field of the architecture, to the space's parameter; in order."""


@dataclass(frozen=True)
class TabularSpace(AbstractSpace[TabularArchitecture]):
    """Residual networks for tables, with embeddings of numbers.

    Made for inputs that are standard normal, `whitening="quantile"`: then the bins of `piecewise`,
    the fixed quantiles of a standard normal, hold equal shares of the examples of each column.
    `reinas.tasks.recipes.TABULAR_RECIPE` trains them.

    Args:
        blocks: Numbers of residual blocks to choose from.
        widths: Units between the blocks to choose from.
        factors: Units inside of a block to choose from, as multiples of the width.
        dropouts: Probabilities of dropping a unit to choose from.
        normalisations: Normalisations to choose from: none, batch, layer.
        embeddings: Embeddings of numbers to choose from: none, piecewise, periodic.
        sizes: Numbers per embedded column to choose from.
        bins: Numbers of bins to choose from, for `piecewise`.
        sigmas: Deviations of the first frequencies to choose from, for `periodic`.
        rates: Factors of the recipe's learning rate to choose from.
        decays: Factors of the recipe's weight decay to choose from.

    Raises:
        SettingError: A parameter is out of range.
    """

    blocks: tuple[int, ...] = (1, 2, 3, 4)
    widths: tuple[int, ...] = (64, 128, 256, 512)
    factors: tuple[int, ...] = (1, 2)
    dropouts: tuple[float, ...] = (0.0, 0.1, 0.2, 0.35)
    normalisations: tuple[str, ...] = NORMALISATIONS
    embeddings: tuple[str, ...] = EMBEDDINGS
    sizes: tuple[int, ...] = (8, 16, 24)
    bins: tuple[int, ...] = (8, 16, 32)
    sigmas: tuple[float, ...] = (0.03, 0.1, 0.3)
    rates: tuple[float, ...] = (0.3, 1.0, 3.0)
    decays: tuple[float, ...] = (0.1, 1.0, 10.0)
    name: ClassVar[str] = "tabular"

    def __post_init__(self) -> None:
        least: dict[str, float] = {"bins": 2, "dropouts": 0}
        least |= dict.fromkeys(("blocks", "widths", "factors", "sizes"), 1)
        for key in _PARAMETERS.values():
            object.__setattr__(self, key, tuple(getattr(self, key)))
            check_options("tabular", key, getattr(self, key), least.get(key))
        if max(self.blocks) > MAX_LAYERS:
            raise SettingError(
                f"tabular: blocks must be at most {MAX_LAYERS}, got {list(self.blocks)}"
            )
        for key in ("rates", "decays", "sigmas"):
            if not all(0 < value <= 100 for value in getattr(self, key)):
                raise SettingError(
                    f"tabular: {key} must be above 0 and at most 100, got"
                    f" {list(getattr(self, key))}"
                )
        if not all(dropout < 1 for dropout in self.dropouts):
            raise SettingError(f"tabular: dropouts must be below 1, got {list(self.dropouts)}")
        for key, known in (("normalisations", NORMALISATIONS), ("embeddings", EMBEDDINGS)):
            if unknown := [word for word in getattr(self, key) if word not in known]:
                raise SettingError(
                    f"tabular: {key} are among {', '.join(known)}; got {unknown[0]!r}"
                )

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """How it is trained, the blocks, the embedding, and what only some embeddings have."""
        found = []
        for name, parameter in _PARAMETERS.items():
            when: tuple[When, ...] = ()
            if name in _CONDITIONS:
                having = tuple(e for e in self.embeddings if e in _CONDITIONS[name])
                if not having:
                    continue
                when = (When("embedding", having),)
            found.append(Choice(name, name, getattr(self, parameter), when=when))
        return tuple(found)

    def decode(self, answers: Answers) -> TabularArchitecture:
        """The network that the answers mean.

        Args:
            answers: Canonical answers, one index per decision.

        Raises:
            AnswersError: The answers are not canonical answers of this space.
        """
        self.check(answers)
        values = {d.name: d.choices[a] for d, a in zip(self.decisions, answers, strict=True)}
        for name, embeddings in _CONDITIONS.items():
            if values["embedding"] not in embeddings:
                values[name] = 0
        return TabularArchitecture(**values)

    def encode(self, architecture: TabularArchitecture) -> Answers:
        """The canonical answers that mean the architecture.

        Args:
            architecture: A network of this space.

        Returns:
            One index per decision; 0 for those that its embedding does not have.

        Raises:
            AnswersError: The architecture is not in the space.
        """
        values = asdict(architecture)
        for name, embeddings in _CONDITIONS.items():
            if values["embedding"] not in embeddings and values[name]:
                raise AnswersError(
                    f"tabular: {name} is 0 with the embedding {values['embedding']}, got"
                    f" {values[name]}"
                )
        return tuple(_answer(decision, values) for decision in self.decisions)

    def starts(self) -> tuple[TabularArchitecture, ...]:
        """What a search should try first, the best first; as far as they are in the space.

        They were chosen on tables of 1,000 to 50,000 rows, with inputs standardised by quantiles
        and trained by `TABULAR_RECIPE`.
        """
        return tuple(start for start in STARTS if self._has(start))

    def _has(self, architecture: TabularArchitecture) -> bool:
        try:
            self.encode(architecture)
        except AnswersError:
            return False
        return True


STARTS = (
    TabularArchitecture(normalisation="batch", embedding=PIECEWISE, size=16, bins=16),
    TabularArchitecture(embedding=PERIODIC, size=16, sigma=0.1),
    TabularArchitecture(),
)
"""Two blocks of 256 units with dropout 0.1, which differ in how numbers come in."""


def _answer(decision: Choice, values: Mapping[str, Any]) -> int:
    if any(values[when.decision] not in when.values for when in decision.when):
        return 0
    value = values[decision.name]
    if value not in decision.choices:
        raise AnswersError(
            f"tabular: {decision.name} is one of {list(decision.choices)}, got {value}"
        )
    return decision.choices.index(value)
