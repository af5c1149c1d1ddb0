"""A found network, which reads people's own examples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reinas.errors import SettingError
from reinas.tasks.image_io import read, stacked
from reinas.tasks.scaling import Scaling
from reinas.tasks.table_encoding import Columns


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
        for name, scaling in (("input", inputs), ("target", targets)):
            self.register_buffer(f"{name}_mean", torch.from_numpy(scaling.mean))
            self.register_buffer(f"{name}_std", torch.from_numpy(scaling.std))
        rotation = None if inputs.rotation is None else torch.from_numpy(inputs.rotation)
        self.register_buffer("input_rotation", rotation)
        self.input_mean: Tensor
        self.input_std: Tensor
        self.input_rotation: Tensor | None
        self.target_mean: Tensor
        self.target_std: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Logits or values [B, outputs] of raw examples [B, *inputs]."""
        if "level" in self.description["task"]:
            words: Tensor = self.child(self._check_tokens(x))
            return words
        self._check(x)
        x = (x - self.input_mean) / self.input_std
        if self.input_rotation is not None:
            x = (x.flatten(1) @ self.input_rotation).view_as(x)
        outputs: Tensor = self.child(x)
        return outputs * self.target_std + self.target_mean

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names, in the order of the outputs; empty where they have none."""
        return tuple(self.description["task"].get("classes", ()))

    def encode(self, examples: Any) -> Tensor:
        """Your own examples as the network takes them.

        For a table: rows as mappings from column name to cell (numbers, text, None where there
        is no value; a category that training did not have counts as none). For images: their
        files, which are read and squeezed to the size of training. For text: a text, or a list
        of words, split at white space as in training (or into characters).
        """
        about = self.description["task"]
        listed = isinstance(examples, Sequence) and not isinstance(examples, bytes)
        if not listed or (isinstance(examples, str) and "level" not in about):
            raise SettingError(f"encode takes a list of examples, got {type(examples).__name__}")
        if not examples:
            raise SettingError("encode takes one or more examples, got none")
        if "columns" in about:
            return torch.from_numpy(Columns.of_json(about["columns"]).encode(_cells(examples)))
        if "picture" in about:
            return self._check(_pictures(examples, about["picture"]))
        if "level" in about:
            number = {token: n for n, token in enumerate(self.classes)}
            tokens = _tokens(examples, about["level"])
            return torch.tensor([[number.get(token, 0)] for token in tokens])
        raise SettingError(
            "this network takes numbers as they are: a tensor [B,"
            f" {', '.join(map(str, about['inputs']))}]"
        )

    def predict(self, examples: Any) -> list[Any]:
        """For each example the name of its class, or its numbers; examples as in `encode`."""
        if isinstance(examples, list | tuple) and not examples:
            return []
        x = examples if isinstance(examples, Tensor) else self.encode(examples)
        with torch.no_grad():
            outputs = self(x)
        if not self.classes:
            values: list[Any] = outputs.squeeze(-1).tolist()
            return values
        return [self.classes[n] for n in outputs.argmax(-1).flatten().tolist()]

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


def _cells(rows: Sequence[Any]) -> list[dict[str, str]]:
    """Rows with their cells as text."""
    for row in rows:
        if not isinstance(row, Mapping):
            raise SettingError(
                "rows of a table are mappings from column name to cell, got"
                f" {type(row).__name__}: csv.DictReader gives such rows"
            )
    return [
        {k: "" if v is None or v != v else str(v) for k, v in row.items()}  # NaN is not itself
        for row in rows
    ]


def _tokens(text: Any, level: str) -> list[str]:
    """Words (at white space, as in training) or characters of a text, or of a list of texts."""
    parts = [text] if isinstance(text, str) else list(text)
    if not all(isinstance(part, str) for part in parts):
        raise SettingError("a text network takes a text, or a list of its words")
    if level == "char":
        return [character for part in parts for character in part]
    return [word for part in parts for word in part.split()]


def _pictures(files: Sequence[Any], how: Mapping[str, Any]) -> Tensor:
    if not all(isinstance(file, str | Path) for file in files):
        raise SettingError("an image network takes a list of image files, by their paths")
    paths = [Path(file) for file in files]
    height, width = how["size"]
    return torch.from_numpy(stacked(read(paths, (height, width)), paths, grey=how["grey"]))
