"""A trained network as two files: network.json says what it is, weights.safetensors the numbers."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from reinas.children import build as registered
from reinas.children.build import Builder, apply_recipe, load_builder
from reinas.children.ensemble import combined
from reinas.devices import Placement
from reinas.errors import FileError, SettingError
from reinas.export.network import FoundNetwork
from reinas.objectives.named import objective_from
from reinas.recorded import settings_of
from reinas.registry import find, make
from reinas.spaces.base import AbstractSpace
from reinas.tasks.base import AbstractTask, Interface
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import Scaling

FORMAT = 3
DESCRIPTION = "network.json"
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class _Shapes:
    name: str
    inputs: tuple[int, ...]
    outputs: int
    flags: tuple[int, ...] = ()


def describe(
    space: AbstractSpace[Any], answers: tuple[int, ...], task: AbstractTask, **more: Any
) -> dict[str, Any]:
    """What network.json says: enough to build the network again without the task's data.

    Args:
        space: Where the network was found.
        answers: What it is.
        task: The task; its objective, shapes and labels are recorded.
        more: Further entries, as JSON takes them.

    Returns:
        The description.

    Raises:
        SettingError: It cannot be written, or `load` would not read it.
    """
    architecture: Any = space.decode(answers)
    fields = asdict(architecture) if is_dataclass(type(architecture)) else None
    if fields is None:
        raise SettingError(
            "a network is saved by the fields of its architecture, so that should be a dataclass;"
            f" got {type(architecture).__name__}"
        )
    description: dict[str, Any] = {
        "format": FORMAT,
        "space": settings_of(space),
        "answers": list(answers),
        "summary": str(architecture),
        "architecture": fields,
        "task": {
            "name": task.name,
            "inputs": list(task.inputs),
            "outputs": task.outputs,
            "objective": task.objective.settings,
            **({"flags": list(task.flags)} if task.flags else {}),
            **task.labels,
        },
        **more,
    }
    try:
        json.dumps(description)
        objective_from(description["task"]["objective"])
    except (TypeError, ValueError) as error:
        raise SettingError(f"the network could not be saved and loaded again: {error}") from None
    return description


def make_folder(folder: Path) -> None:
    """Make the folder for a network, before time is spent on what goes into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"the network cannot be written to {folder}: {error.strerror}") from error


def save(network: FoundNetwork, folder: Path) -> None:
    """Write both files, each whole or not at all; the description has the weights' checksum.

    Args:
        network: The network.
        folder: Is made if it is not there.

    Raises:
        FileError: The files cannot be written.
    """
    make_folder(folder)
    numbers = {k: v.to("cpu") for k, v in network.state_dict().items()}
    weights = to_bytes({k: v.contiguous().clone() for k, v in numbers.items()})
    description = network.description | {"sha256": hashlib.sha256(weights).hexdigest()}
    try:
        write_file(folder / WEIGHTS, weights)
        write_file(folder / DESCRIPTION, (json.dumps(description, indent=2) + "\n").encode())
    except OSError as error:
        raise FileError(f"the network cannot be written to {folder}: {error.strerror}") from error


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(data)
    os.replace(draft, path)


def load(
    folder: str | Path,
    *,
    space: AbstractSpace[Any] | None = None,
    build: Builder | None = None,
    device: str = "cpu",
) -> FoundNetwork:
    """Load the network that `finish` saved.

    Nothing in the files is executed; spaces, objectives and functions of your own are imported
    by their recorded names where those are of the right kind.

    Args:
        folder: Has network.json and weights.safetensors.
        space: Needed only where the network was found in a space that cannot be imported.
        build: Needed only where the function that builds it cannot be imported.
        device: Where the network computes, as in `Placement`; `auto` is an accelerator where
            there is one.

    Returns:
        The network, in evaluation mode, with float32 weights.

    Raises:
        InvalidSettingError: There is no such device here.
        FileError: The files are missing, damaged or do not belong together.
    """
    where = Placement(device).resolved().where()
    description = _read(Path(folder) / DESCRIPTION)
    weights = _read_weights(Path(folder) / WEIGHTS, description)
    try:
        space = space_of(description) if space is None else space
        task = _Shapes(
            description["task"]["name"],
            tuple(description["task"]["inputs"]),
            description["task"]["outputs"],
            tuple(description["task"].get("flags", ())),
        )
        _check_sizes(description["task"])
        builder = build or builder_of(description)
        with torch.device("meta"):  # no memory, no random numbers: the weights are at hand
            child = _child(description, space, builder, task)
        if "recipe" in description:
            apply_recipe(child, Recipe(**description["recipe"]))
        inputs = _scaling(weights, "input")
        targets = _scaling(weights, "target")
        network = FoundNetwork(child, inputs, targets, description)
        _check_shapes(network, weights, task)
        network.load_state_dict(_laid_out(weights, network), assign=True)
    except KeyError as error:
        raise FileError(f"{folder} is not a whole network of reinas: no {error} in it") from error
    except (TypeError, ValueError, RuntimeError) as error:
        text = str(error).partition("\n")[0]  # torch adds its own call stack
        raise FileError(f"{folder} is not a whole network of reinas: {text}") from error
    return network.to(where).eval()


def _check_sizes(task: Mapping[str, Any]) -> None:
    """Raise `ValueError` where an input or the output has no numbers."""
    for size in (*task["inputs"], task["outputs"]):
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"a side of {size!r} numbers")


def builder_of(description: Mapping[str, Any]) -> Builder:
    """What builds a network's architecture: the recorded function, or `reinas.build`.

    Args:
        description: What network.json says.

    Raises:
        InvalidSettingError: It cannot be imported, or does not say that it gives a module.
    """
    recorded = description.get("build")
    return load_builder(recorded) if recorded else registered


def space_of(description: Mapping[str, Any]) -> AbstractSpace[Any]:
    """The space where a network was found.

    A declared dataclass may have changed since: `load` finds out whether the answers mean what
    they did.

    Args:
        description: What network.json says.

    Raises:
        SettingError: It cannot be imported.
    """
    named = find("space", description["space"]["name"])
    space: AbstractSpace[Any] = (
        named if isinstance(named, AbstractSpace) else make("space", description["space"])
    )
    return space


def _child(
    description: Mapping[str, Any], space: AbstractSpace[Any], builder: Builder, task: Interface
) -> nn.Module:
    """The untrained network, or the networks of an ensemble."""
    if "members" not in description:
        return builder(_architecture(description, space), task)
    members = description["members"]
    return combined(
        [builder(_architecture(member, space), task) for member in members],
        [member["weight"] for member in members],
        objective_from(description["task"]["objective"]),
        mirror=description["mirror"],
    )


def _architecture(description: Mapping[str, Any], space: AbstractSpace[Any]) -> Any:
    """What the recorded answers mean; it has to be what was recorded."""
    architecture = space.decode(tuple(description["answers"]))
    if json.loads(json.dumps(asdict(architecture))) != description["architecture"]:
        raise SettingError(f"in this space its answers mean {architecture}")
    return architecture


def _scaling(weights: Mapping[str, Tensor], name: str) -> Scaling:
    more = {key: weights.get(f"{name}_{key}") for key in ("rotation", "quantiles")}
    return Scaling(
        weights[f"{name}_mean"].numpy(),
        weights[f"{name}_std"].numpy(),
        **{key: None if numbers is None else numbers.numpy() for key, numbers in more.items()},
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror}): `reinas fit` and `reinas finish` write it"
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
            f"{path} cannot be read ({error.strerror}): `reinas fit` and `reinas finish` write it"
        ) from None
    except SafetensorError as error:
        raise FileError(f"{path} is damaged: {error}") from None
    if description.pop("sha256", None) != hashlib.sha256(data).hexdigest():
        raise FileError(f"{path} and {DESCRIPTION} beside it do not belong together")
    return weights


def _laid_out(weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights in the memory layout of the built network (channels last for large images).

    Files have none; the layout decides how fast convolutions are, and how their sums are rounded.
    """
    built = network.state_dict()
    return {
        key: torch.empty_like(built[key], device="cpu", dtype=value.dtype).copy_(value)
        for key, value in weights.items()
    }


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
    for key, tensor in network.state_dict().items():
        if weights[key].dtype != tensor.dtype:
            raise ValueError(f"{key} should be {tensor.dtype}, got {weights[key].dtype}")
    for name, shape in (("input", task.inputs or (1,)), ("target", (task.outputs,))):
        for statistic in ("mean", "std"):
            got = found[f"{name}_{statistic}"]
            if torch.broadcast_shapes(got, shape) != torch.Size(shape):
                raise ValueError(f"{name}_{statistic} of shape {got} does not fit {shape}")
    if network.classes and len(network.classes) != task.outputs:
        raise ValueError(f"{len(network.classes)} classes do not fit {task.outputs} outputs")
    size = math.prod(task.inputs)
    if found.get("input_rotation", (size, size)) != (size, size):
        raise ValueError(f"input_rotation should have the shape {(size, size)}")
    quantiles = found.get("input_quantiles")
    if quantiles is not None and (len(quantiles) < 2 or quantiles[1:] != task.inputs):
        raise ValueError(f"input_quantiles should have the shape [K, *{task.inputs}], K above 1")
