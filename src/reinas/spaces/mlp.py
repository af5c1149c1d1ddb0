"""Multilayer perceptrons: their depth, then the width and activation of each layer."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import MAX_LAYERS, AbstractSpace, check_number, check_options, with_tuples
from reinas.types import Answers, Choice, When

ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "identity")


@dataclass(frozen=True, slots=True)
class MlpLayer:
    """One hidden layer.

    Args:
        width: Number of units.
        activation: Name of the activation function.
    """

    width: int
    activation: str


@dataclass(frozen=True, slots=True)
class MlpArchitecture:
    """A multilayer perceptron; its output layer depends on the task.

    Args:
        layers: The hidden layers, in order.
    """

    layers: tuple[MlpLayer, ...]

    def __str__(self) -> str:
        """Width and activation, layer by layer."""
        return " | ".join(f"{layer.width} {layer.activation}" for layer in self.layers)


@dataclass(frozen=True)
class MlpSpace(AbstractSpace[MlpArchitecture]):
    """Multilayer perceptrons for tables and flattened images.

    Args:
        depth: The largest number of hidden layers.
        widths: Numbers of units to choose from.
        activations: Activation functions to choose from: relu, tanh, sigmoid, gelu or identity.

    Raises:
        SettingError: A parameter is out of range or an activation is unknown.
    """

    depth: int = 4
    widths: tuple[int, ...] = (8, 16, 32, 64, 128)
    activations: tuple[str, ...] = ("relu", "tanh", "sigmoid")
    name: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        with_tuples(self)
        check_number("mlp", "depth", self.depth, 1, MAX_LAYERS)
        check_options("mlp", "widths", self.widths, least=1)
        check_options("mlp", "activations", self.activations, least=None)
        for activation in self.activations:
            if activation not in ACTIVATIONS:
                raise SettingError(
                    f"mlp: activations are among {', '.join(ACTIVATIONS)}; got {activation!r}"
                )

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """The depth, then the width and activation of each layer, active up to that depth."""
        depths = tuple(range(1, self.depth + 1))
        decisions = [Choice("depth", "depth", depths)]
        for layer in depths:
            deep_enough = (When("depth", depths[layer - 1 :]),)
            when = () if layer == 1 else deep_enough
            decisions += [
                Choice(f"layer{layer}.width", "width", self.widths, layer, when),
                Choice(f"layer{layer}.activation", "activation", self.activations, layer, when),
            ]
        return tuple(decisions)

    def decode(self, answers: Answers) -> MlpArchitecture:
        """The perceptron that the answers mean.

        Args:
            answers: Canonical answers, one index per decision.

        Raises:
            AnswersError: The answers are not canonical answers of this space.
        """
        self.check(answers)
        pairs = zip(answers[1::2], answers[2::2], strict=True)
        layers = tuple(MlpLayer(self.widths[w], self.activations[a]) for w, a in pairs)
        return MlpArchitecture(layers[: answers[0] + 1])

    def encode(self, architecture: MlpArchitecture) -> Answers:
        """The canonical answers that mean the architecture.

        Args:
            architecture: A perceptron of this space.

        Returns:
            The index of the depth, then two indices per layer, 0 for layers beyond the depth.

        Raises:
            AnswersError: The architecture is not in the space.
        """
        layers = architecture.layers
        if not 1 <= len(layers) <= self.depth:
            raise AnswersError(f"mlp: expected 1 to {self.depth} layers, got {len(layers)}")
        answers = [len(layers) - 1]
        for number, layer in enumerate(layers, start=1):
            if layer.width not in self.widths or layer.activation not in self.activations:
                raise AnswersError(
                    f"mlp: layer {number}, {layer.width} {layer.activation}, is not in the space"
                    f" of widths {list(self.widths)} and activations {list(self.activations)}"
                )
            answers += [
                self.widths.index(layer.width),
                self.activations.index(layer.activation),
            ]
        return tuple(answers) + (0,) * (len(self.decisions) - len(answers))
