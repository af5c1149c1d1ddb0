"""A trained network as two files: network.json says what it is, weights.safetensors the numbers."""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from reinas.children import build
from reinas.children.recurrent import LanguageModel
from reinas.children.training import settle
from reinas.errors import FileError, SettingError
from reinas.registry import make
from reinas.spaces.base import AbstractSpace
from reinas.tasks.base import AbstractTask, Interface
from reinas.tasks.columns import Columns
from reinas.tasks.pictures import read, stacked
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import Scaling

FORMAT = 2
DESCRIPTION = "network.json"
WEIGHTS = "weights.safetensors"


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


@dataclass(frozen=True)
class _Shapes:
    name: str
    inputs: tuple[int, ...]
    outputs: int


def describe(
    space: AbstractSpace[Any], answers: tuple[int, ...], task: AbstractTask, **more: Any
) -> dict[str, Any]:
    """What network.json says: enough to build the network again without the task's data."""
    architecture = space.decode(answers)
    return {
        "format": FORMAT,
        "space": dict(space.settings),
        "answers": list(answers),
        "summary": str(architecture),
        "architecture": asdict(architecture),
        "task": {
            "name": task.name,
            "inputs": list(task.inputs),
            "outputs": task.outputs,
            **task.labels,
        },
        **more,
    }


def make_folder(folder: Path) -> None:
    """Make the folder for a network, before time is spent on what goes into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"the network cannot be written to {folder}: {error.strerror}") from error


def save(network: FoundNetwork, folder: Path) -> None:
    """Write both files, each whole or not at all; the description has the weights' checksum."""
    make_folder(folder)
    weights = to_bytes({k: v.contiguous().clone() for k, v in network.state_dict().items()})
    description = network.description | {"sha256": hashlib.sha256(weights).hexdigest()}
    try:
        _replace(folder / WEIGHTS, weights)
        _replace(folder / DESCRIPTION, (json.dumps(description, indent=2) + "\n").encode())
    except OSError as error:
        raise FileError(f"the network cannot be written to {folder}: {error.strerror}") from error


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(data)
    os.replace(draft, path)


def load(folder: str | Path, *, space: AbstractSpace[Any] | None = None) -> FoundNetwork:
    """The network that `reinas finish` saved in `folder`, in evaluation mode.

    `space` is needed only where the network was found in a space of your own. Nothing in the
    files is executed. `FileError` where they are missing, damaged or do not belong together.
    """
    description = _read(Path(folder) / DESCRIPTION)
    weights = _read_weights(Path(folder) / WEIGHTS, description)
    try:
        space = make("space", description["space"]) if space is None else space
        architecture = space.decode(tuple(description["answers"]))
        if json.loads(json.dumps(asdict(architecture))) != description["architecture"]:
            raise SettingError(f"in this space its answers mean {architecture}")
        task = _Shapes(
            description["task"]["name"],
            tuple(description["task"]["inputs"]),
            description["task"]["outputs"],
        )
        with torch.device("meta"):  # no memory, no random numbers: the weights are at hand
            child = build(architecture, task)
        if "recipe" in description:
            settle(child, Recipe(**description["recipe"]))
        inputs = _scaling(weights, "input")
        targets = _scaling(weights, "target")
        network = FoundNetwork(child, inputs, targets, description)
        _check_shapes(network, weights, task)
        network.load_state_dict(weights, assign=True)
        if isinstance(child, LanguageModel):
            child.tie()
    except KeyError as error:
        raise FileError(f"{folder} is not a whole network of reinas: no {error} in it") from error
    except (TypeError, ValueError, RuntimeError) as error:
        text = str(error).partition("\n")[0]  # torch adds its own call stack
        raise FileError(f"{folder} is not a whole network of reinas: {text}") from error
    return network.eval()


def _scaling(weights: Mapping[str, Tensor], name: str) -> Scaling:
    rotation = weights.get(f"{name}_rotation")
    return Scaling(
        weights[f"{name}_mean"].numpy(),
        weights[f"{name}_std"].numpy(),
        None if rotation is None else rotation.numpy(),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror}): `reinas finish` writes it"
        ) from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not JSON: {error}") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise FileError(f"{path} is not a network of format {FORMAT}, which this reinas reads")
    return description


def _read_weights(path: Path, description: dict[str, Any]) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
        weights: dict[str, Tensor] = from_bytes(data)
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror}): `reinas finish` writes it"
        ) from None
    except SafetensorError as error:
        raise FileError(f"{path} is damaged: {error}") from None
    if description.pop("sha256", None) != hashlib.sha256(data).hexdigest():
        raise FileError(f"{path} and {DESCRIPTION} beside it do not belong together")
    return weights


def _check_shapes(network: FoundNetwork, weights: Mapping[str, Tensor], task: Interface) -> None:
    """Raise `ValueError` with the first tensor that is missing, too many or of another shape."""
    wanted = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    found = {k: tuple(v.shape) for k, v in weights.items()}
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            raise ValueError(
                f"{key} should have the shape {wanted.get(key, 'of none: it is one too many')},"
                f" got {found.get(key, 'nothing')}"
            )
    for name, shape in (("input", task.inputs or (1,)), ("target", (task.outputs,))):
        for statistic in ("mean", "std"):
            got = found[f"{name}_{statistic}"]
            if torch.broadcast_shapes(got, shape) != torch.Size(shape):
                raise ValueError(f"{name}_{statistic} of shape {got} does not fit {shape}")
    size = math.prod(task.inputs)
    if found.get("input_rotation", (size, size)) != (size, size):
        raise ValueError(f"input_rotation should have the shape {(size, size)}")
