"""The contract of an objective: loss and score are enough, all else has a default."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.names import object_name
from reinas.objectives.shared import batches, beta, outputs_of
from reinas.tasks.scaling import Scaling

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from reinas.tasks.recipes import Recipe


class Objective(ABC):
    """What the outputs of a network mean, and how good they are.

    A subclass implements `loss` and `score`; it is picklable, so in a module, and a frozen
    dataclass if it has parameters, which are recorded. Networks can then be searched, finished,
    saved and loaded for it.
    """

    name: ClassVar[str] = ""
    """The name in settings and network.json; subclasses outside reinas leave it empty and are
    recorded as `module:Name`."""
    score_name: ClassVar[str] = "score"
    """What the score is called in metrics."""
    tokens: ClassVar[bool] = False
    """Whether inputs are one sequence of tokens, int64 [N], and the network maps [T, B] to
    [T, B, outputs]; such inputs are not standardised."""

    @abstractmethod
    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """The mean loss, which training minimises.

        Args:
            outputs: [B, outputs], as the network gives them.
            targets: [B, ...], as `encode_targets` gives them.

        Returns:
            A differentiable scalar.
        """

    @abstractmethod
    def score(self, outputs: "Tensor", targets: "Tensor") -> float:
        """The quality for people and rewards: higher is better.

        Args:
            outputs: [N, outputs], as the network gives them.
            targets: [N, ...], as `encode_targets` gives them.

        Returns:
            The score of all N examples together.
        """

    def training_loss(self, outputs: "Tensor", targets: "Tensor", recipe: "Recipe") -> "Tensor":
        """The mean loss of a batch in training, which a recipe may soften; `loss` by default.

        Args:
            outputs: [B, outputs], as the network gives them.
            targets: [B, ...], as `encode_targets` gives them.
            recipe: How the network is trained.

        Returns:
            A differentiable scalar.
        """
        return self.loss(outputs, targets)

    # ---- targets ---------------------------------------------------------------------------------

    def read_targets(
        self, where: str, y: NDArray[Any], classes: Sequence[str] = ()
    ) -> tuple[NDArray[Any], tuple[str, ...]]:
        """Targets as people have them -> targets as a part of a task holds them.

        Args:
            where: Names the data in messages.
            y: [N, ...].
            classes: The classes of the training part, where these are another part's targets.

        Returns:
            Raw targets [N, ...], float32 where they are not whole by default, and the names of
            the classes; empty where there are none.

        Raises:
            SettingError: They are not what the objective is about.
        """
        return (y.astype("float32") if y.dtype.kind == "f" else y), ()

    def count_outputs(self, y: NDArray[Any], classes: Sequence[str]) -> int:
        """How many numbers the network has to give per example.

        Args:
            y: Raw targets of the training part, [N, ...].
            classes: The names of the classes.

        Returns:
            By default one per class, or one per column of the targets.
        """
        return len(classes) or (int(y.shape[1]) if y.ndim > 1 else 1)

    def check_targets(self, where: str, y: NDArray[Any], outputs: int) -> None:
        """Check raw targets.

        Args:
            where: What names the data in messages.
            y: [N, ...].
            outputs: How many numbers the network gives per example.

        Raises:
            SettingError: The loss cannot take them. By default only numbers are asked for.
        """
        if y.dtype.kind not in "biuf":
            raise SettingError(f"{where}: expected numbers as targets, got {y.dtype}")

    def scale_targets(self, y: NDArray[Any]) -> Scaling:
        """The standardisation of the targets by those of the training part; none by default.

        Args:
            y: Raw targets of the training part, [N, ...].

        Returns:
            The scaling; the outputs of a saved network are mapped back by it.
        """
        return Scaling.none()

    def encode_targets(self, y: NDArray[Any], scaling: Scaling) -> NDArray[Any]:
        """Raw targets as `loss` takes them; unchanged by default.

        Args:
            y: [N, ...].
            scaling: What `scale_targets` gave for the training part.

        Returns:
            [N, ...].
        """
        return y

    def in_unit(self, scaling: Scaling) -> "Objective":
        """The objective for targets that were standardised like this; itself by default.

        Args:
            scaling: What `scale_targets` gave for the training part.

        Returns:
            The objective whose `score` is in the targets' own unit.
        """
        return self

    # ---- training and measuring ------------------------------------------------------------------

    def training_losses(
        self,
        child: "nn.Module",
        x: "Tensor",
        y: "Tensor",
        recipe: "Recipe",
        generator: "torch.Generator",
        augment: Callable[["Tensor"], "Tensor"],
    ) -> Iterator[tuple["Tensor", int]]:
        """The losses of one epoch, batch by batch; the caller steps between them.

        Args:
            child: The network, in training mode.
            x: Inputs of the training part, standardised, [N, *inputs].
            y: Encoded targets, [N, ...].
            recipe: Has the size of a batch.
            generator: Draws the order.
            augment: Changes the inputs of a batch at random.

        Yields:
            The mean loss of a batch, and the number of examples in it.
        """
        import torch

        order = torch.randperm(len(x), generator=generator).to(x.device)
        for index in batches(order, recipe.batch_size):
            inputs, targets = augment(x[index]), y[index]
            if not recipe.mixup:
                yield self.training_loss(child(inputs), targets, recipe), len(index)
                continue
            share = beta(recipe.mixup, generator)
            other = torch.randperm(len(index), generator=generator).to(x.device)
            outputs = child(share * inputs + (1 - share) * inputs[other])
            mixed = share * self.training_loss(outputs, targets, recipe) + (
                1 - share
            ) * self.training_loss(outputs, targets[other], recipe)
            yield mixed, len(index)

    def measure(self, child: "nn.Module", x: "Tensor", y: "Tensor") -> tuple[float, float]:
        """The mean loss and the score, in evaluation mode.

        Args:
            child: The network.
            x: Standardised inputs, [N, *inputs].
            y: Encoded targets, [N, ...].

        Returns:
            Loss and score of all examples.
        """
        outputs = outputs_of(child, x)
        return float(self.loss(outputs, y)), self.score(outputs, y)

    def metrics(self, loss: float, score: float) -> dict[str, float]:
        """What people want to know of a measurement besides its loss.

        Args:
            loss: The mean loss.
            score: The score.

        Returns:
            Metrics by name.
        """
        return {self.score_name: score}

    def test_metrics(
        self, child: "nn.Module", x: "Tensor", y: "Tensor", targets: Scaling
    ) -> dict[str, float]:
        """All that is measured on the test part, `loss` among it.

        Args:
            child: The final network.
            x: Standardised inputs, [N, *inputs].
            y: Encoded targets, [N, ...].
            targets: The standardisation of the targets.

        Returns:
            Metrics by name.
        """
        loss, score = self.measure(child, x, y)
        return {**self.metrics(loss, score), "loss": loss}

    def summary(self, metrics: Mapping[str, float]) -> str:
        """One line about the test metrics, for people."""
        return f"{self.score_name} {metrics[self.score_name]:.4g}"

    def reward(self, inputs: Sequence[int]) -> str:
        """The name of the reward that `auto` stands for; the score by default.

        Args:
            inputs: The shape of one example.
        """
        return "score"

    def recipe_axes(self, recipe: "Recipe") -> Mapping[str, tuple[Any, ...]]:
        """Fields of the recipe that matter to this objective only, with values for a grid.

        Args:
            recipe: The search's own recipe.

        Returns:
            Field -> the values that `finish` tries unless others are given. A field that
            matters everywhere gets other values than usual.
        """
        return {}

    # ---- several networks as one -----------------------------------------------------------------

    def combine(self, outputs: "Tensor", weights: "Tensor") -> "Tensor":
        """The outputs of an ensemble; the weighted mean by default.

        Args:
            outputs: [K, B, outputs], one per network.
            weights: [K], with sum 1.

        Returns:
            [B, outputs], as one network gives them.
        """
        import torch

        return torch.einsum("k,k...->...", weights, outputs)

    def evidence(self, child: "nn.Module", x: "Tensor", y: "Tensor") -> "Tensor":
        """What `joint_loss` needs of one network; its outputs by default.

        Args:
            child: The network.
            x: Standardised inputs, [N, *inputs].
            y: Encoded targets, [N, ...].

        Returns:
            [N, ...].
        """
        return outputs_of(child, x)

    def joint_loss(self, evidence: "Tensor", weights: "Tensor", y: "Tensor") -> float:
        """The mean loss of an ensemble.

        Args:
            evidence: [K, N, ...], what `evidence` gave for each network.
            weights: [K], with sum 1.
            y: Encoded targets, [N, ...].
        """
        return float(self.loss(self.combine(evidence, weights), y))

    # ---- the saved network -----------------------------------------------------------------------

    def predictions(self, outputs: "Tensor", classes: Sequence[str]) -> list[Any]:
        """Outputs of a saved network as people read them; the plain numbers by default.

        Args:
            outputs: [B, outputs], targets' standardisation undone.
            classes: The names of the outputs; empty if they have none.

        Returns:
            One prediction per example.
        """
        values: list[Any] = outputs.squeeze(-1).tolist()
        return values

    @property
    def settings(self) -> dict[str, Any]:
        """Name and parameters, as JSON takes them; `objective_from` makes it again from these."""
        return {"name": self.recorded_name, **vars(self)}

    @property
    def recorded_name(self) -> str:
        """The name; of a class outside reinas, module:Name."""
        return self.name or object_name(self)
