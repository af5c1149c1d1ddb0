"""A trained network as two files: network.json says what it is, weights.safetensors the numbers."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from reinas.children import build
from reinas.errors import FileError, SettingError
from reinas.registry import make
from reinas.spaces.base import AbstractSpace
from reinas.tasks.base import AbstractTask, Interface, Scaling

FORMAT = 1
DESCRIPTION = "network.json"
WEIGHTS = "weights.safetensors"


class FoundNetwork(nn.Module):
    """A found child together with its standardisation: it takes raw examples.

    x float32 [B, *inputs], as the task gives them -> logits [B, outputs] for classes, or
    numbers in the target's own unit. `description` is what network.json says.
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
        self.input_mean: Tensor
        self.input_std: Tensor
        self.target_mean: Tensor
        self.target_std: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Logits or values [B, outputs] of raw examples [B, *inputs]."""
        outputs: Tensor = self.child((x - self.input_mean) / self.input_std)
        return outputs * self.target_std + self.target_mean


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
        "task": {"name": task.name, "inputs": list(task.inputs), "outputs": task.outputs},
        **more,
    }


def save(network: FoundNetwork, folder: Path) -> None:
    """Write both files. Each is written whole or not at all; the description comes last."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        weights = {k: v.contiguous() for k, v in network.state_dict().items()}
        _replace(folder / WEIGHTS, lambda path: path.write_bytes(to_bytes(weights)))
        text = json.dumps(network.description, indent=2) + "\n"
        _replace(folder / DESCRIPTION, lambda path: path.write_text(text, encoding="utf-8"))
    except (OSError, SafetensorError) as error:
        raise FileError(f"the network cannot be written to {folder}: {error}") from error


def _replace(path: Path, write: Any) -> None:
    draft = path.with_name(path.name + ".part")
    write(draft)
    os.replace(draft, path)


def load(folder: str | Path, *, space: AbstractSpace[Any] | None = None) -> FoundNetwork:
    """The network that `reinas finish` saved in `folder`, in evaluation mode.

    `space` is needed only where the network was found in a space of your own. Nothing in the
    files is executed. `FileError` where they are missing or damaged.
    """
    description = _read(Path(folder) / DESCRIPTION)
    try:
        space = space or make("space", description["space"])
        task: Interface = _Shapes(
            description["task"]["name"],
            tuple(description["task"]["inputs"]),
            description["task"]["outputs"],
        )
        child = build(space.decode(tuple(description["answers"])), task)
        weights = load_file(Path(folder) / WEIGHTS)
        inputs, targets = (
            Scaling(weights[f"{name}_mean"].numpy(), weights[f"{name}_std"].numpy())
            for name in ("input", "target")
        )
        network = FoundNetwork(child, inputs, targets, description)
        network.load_state_dict(weights)
    except (KeyError, TypeError, RuntimeError, SettingError, OSError, SafetensorError) as error:
        text = str(error).partition("\n")[0]
        raise FileError(f"{folder} does not hold a whole network of reinas: {text}") from error
    return network.eval()


def _read(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror}): `reinas finish` writes it"
        ) from None
    except ValueError as error:
        raise FileError(f"{path} is not JSON: {error}") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise FileError(f"{path} is not a network of format {FORMAT}, which this reinas reads")
    return description
