"""A found network, which reads people's own examples."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reinas.children.build import parameters
from reinas.errors import SettingError
from reinas.export.readers import READERS
from reinas.objectives.named import objective_from
from reinas.tasks.scaling import TAIL, Scaling


def normal(x: Tensor, quantiles: Tensor) -> Tensor:
    """The standard normal numbers of examples by their places among quantiles.

    Args:
        x: [B, *inputs].
        quantiles: [K, *inputs], ascending along K.

    Returns:
        float32 [B, *inputs]; of no meaning where the quantiles are NaN.
    """
    knots = quantiles.flatten(1).T.double().contiguous()
    columns = x.flatten(1).T.float().double().contiguous()
    most = knots.shape[1] - 1
    low = (torch.searchsorted(knots, columns, right=True) - 1).clamp(0, most)
    high = torch.searchsorted(knots, columns).clamp(0, most)
    below, above = knots.gather(1, low), knots.gather(1, high)
    # on a quantile, or beyond all of them, both are the same number: the middle of its shares
    part = torch.where(above > below, (columns - below) / (above - below), 0.5)
    share = ((low + part * (high - low)) / most).clamp(TAIL, 1 - TAIL)
    numbers: Tensor = torch.special.ndtri(share)
    return numbers.float().T.reshape(x.shape)


class FoundNetwork(nn.Module):
    """A found child together with its standardisation: it takes raw examples.

    x float32 [B, *inputs], as the task gives them -> logits [B, outputs] for classes, or
    numbers in the target's own unit. A language model takes int64 tokens [T, B] and gives
    logits [T, B, tokens], the names of which are `classes`. `description` is what network.json
    says.
    """

    def __init__(
        self,
        child: nn.Module,
        inputs: Scaling,
        targets: Scaling,
        description: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.child = child
        self.description = dict(description)
        self.objective = objective_from(self.description["task"]["objective"])
        for name, scaling in (("input", inputs), ("target", targets)):
            self.register_buffer(f"{name}_mean", torch.from_numpy(scaling.mean))
            self.register_buffer(f"{name}_std", torch.from_numpy(scaling.std))
        for name, numbers in (("rotation", inputs.rotation), ("quantiles", inputs.quantiles)):
            buffer = None if numbers is None else torch.from_numpy(numbers)
            self.register_buffer(f"input_{name}", buffer)
        self.input_mean: Tensor
        self.input_std: Tensor
        self.input_rotation: Tensor | None
        self.input_quantiles: Tensor | None
        self.target_mean: Tensor
        self.target_std: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Run the network on raw examples.

        Args:
            x: [B, *inputs], or int64 tokens [T, B].

        Returns:
            [B, outputs], or [T, B, outputs] for tokens.

        Raises:
            SettingError: The shape is another, or no numbers of tokens.
        """
        if self.objective.tokens:
            words: Tensor = self.child(self._check_tokens(x))
            return words
        outputs: Tensor = self.child(self.standardised(self._check(x)))
        return outputs * self.target_std + self.target_mean

    def standardised(self, x: Tensor, by_quantiles: Callable[..., Tensor] = normal) -> Tensor:
        """The inputs as the child takes them: what `Scaling` does, on tensors.

        Args:
            x: [B, *inputs].
            by_quantiles: What computes `normal`.
        """
        scaled = (x - self.input_mean) / self.input_std
        if self.input_rotation is not None:
            scaled = (scaled.flatten(1) @ self.input_rotation).view_as(scaled)
        if self.input_quantiles is not None:
            scaled = torch.where(
                self.input_quantiles[0].isnan(), scaled, by_quantiles(x, self.input_quantiles)
            )
        return scaled

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names, in the order of the outputs; empty where they have none."""
        return tuple(self.description["task"].get("classes", ()))

    def encode(self, examples: Any) -> Tensor:
        """Your own examples as the network takes them.

        Args:
            examples: For a table: rows as mappings from column name to cell (numbers, text, None
                for a missing value; a category that training did not have counts as none). For
                images: their files, which are squeezed to the size of training. For text: a
                text, or a list of words, split as in training.

        Returns:
            Raw inputs [B, *inputs], or tokens [T, 1].

        Raises:
            SettingError: They are no such examples, or the network takes tensors only.
        """
        about = self.description["task"]
        if "reader" not in about:
            raise SettingError(
                "this network takes numbers as they are: a tensor [B,"
                f" {', '.join(map(str, about['inputs']))}]"
            )
        x = READERS[about["reader"]](examples, about)
        return x if self.objective.tokens else self._check(x)

    def predict(self, examples: Any) -> list[Any]:
        """Predict each example, as the objective reads the outputs.

        Args:
            examples: As in `encode`, or a tensor as in `forward`, on any device, or an array of
                the same numbers.

        Returns:
            Per example the name of its class, its labels, or its numbers.
        """
        if isinstance(examples, list | tuple | np.ndarray) and len(examples) == 0:
            return []
        if isinstance(examples, np.ndarray) and examples.dtype.kind in "biuf":
            number = torch.int64 if self.objective.tokens else torch.float32
            examples = torch.as_tensor(examples).to(number)
        x = examples if isinstance(examples, Tensor) else self.encode(examples)
        with torch.no_grad():
            outputs = self(x.to(self.input_mean.device))
        return self.objective.predictions(outputs, self.classes)

    def _repr_html_(self) -> str:
        """How notebooks show it: what it is, and what was measured."""
        found = self.description
        rows = {"for": found["task"]["name"], "parameters": parameters(self.child)}
        rows |= found.get("metrics", {})
        table = "".join(
            f"<tr><th>{escape(key)}</th><td>{escape(str(value))}</td></tr>"
            for key, value in rows.items()
        )
        members = found.get("members", [found])
        texts = "".join(f"<li><code>{escape(m['summary'])}</code></li>" for m in members)
        return f"<table>{table}</table><ul>{texts}</ul>"

    def _check_tokens(self, x: Any) -> Tensor:
        """Refuse what are no tokens: int64 [T, B], each one of the vocabulary's numbers."""
        most = len(self.classes)
        if not isinstance(x, Tensor) or x.dtype != torch.int64 or x.ndim != 2 or not x.numel():
            got = f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise SettingError(f"the network takes tokens, int64 of shape [T, B], got {got}")
        if int(x.min()) < 0 or int(x.max()) >= most:
            raise SettingError(
                f"tokens are 0 to {most - 1}, got {int(x.min())} to {int(x.max())}: `encode` gives"
                " them"
            )
        return x

    def _check(self, x: Any) -> Tensor:
        """Refuse examples of another shape; some would give numbers that mean nothing."""
        inputs = tuple(self.description["task"]["inputs"])
        if not isinstance(x, Tensor) or x.shape[1:] != inputs:
            shape = ", ".join(("B", *map(str, inputs)))
            got = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise SettingError(f"the network takes a tensor of shape [{shape}], got {got}")
        return x
