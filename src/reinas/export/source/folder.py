"""The folder of a found network's code: it needs PyTorch and safetensors alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save as to_bytes
from torch import Tensor

from reinas.children.build import Builder
from reinas.errors import FileError
from reinas.export.network import FoundNetwork
from reinas.export.saved import WEIGHTS, builder_of, make_folder, space_of, write_file
from reinas.export.source.network_file import network_file
from reinas.export.source.predict_file import predict_file
from reinas.export.source.train_file import train_file
from reinas.spaces.base import AbstractSpace
from reinas.tasks.base import AbstractTask

DATA = "data.safetensors"
MEANINGS = {
    "low": "lower end of the 95 % interval of the accuracy",
    "high": "upper end of the 95 % interval of the accuracy",
}


def export_source(
    network: FoundNetwork,
    folder: str | Path,
    *,
    space: AbstractSpace[Any] | None = None,
    build: Builder | None = None,
    task: AbstractTask | None = None,
) -> Path:
    """Write a network as code that a person could have written, with its weights.

    The folder has network.py (a `nn.Module`), weights.safetensors, predict.py (reads your own
    examples as in training), train.py (trains it anew by the recipe that it was found with) and
    README.md with what was measured. It needs PyTorch and safetensors, not reinas. On the CPU its
    outputs are those of the network to the last bit; of recurrent cells, which reinas computes
    through NumPy, those of the same steps in PyTorch.

    Args:
        network: The network.
        folder: Is made if it is not there; files of these names are replaced.
        space: Needed only where the network was found in a space that cannot be imported.
        build: Needed only where the function that builds it cannot be imported. Its code, and all
            that it uses of its module, is copied.
        task: Write the training and the validation part, too, as train.py takes them.

    Returns:
        The folder.

    Raises:
        SettingError: It has something that cannot be written as code, which is named.
        FileError: The folder cannot be written.
    """
    place, found = Path(folder), network.description
    space = space_of(found) if space is None else space
    builder = build or builder_of(found)
    code = network_file(network, space, builder)
    members = found.get("members", [found])
    architectures = [space.decode(tuple(entry["answers"])) for entry in members]
    files = {
        "network.py": code.text.encode(),
        "predict.py": predict_file(network).encode(),
        "train.py": train_file(network, architectures).encode(),
        "README.md": _readme(network, has_data=task is not None).encode(),
        WEIGHTS: _bytes(code.weights),
    }
    if network.objective.tokens:
        files["vocabulary.json"] = json.dumps(list(network.classes), ensure_ascii=False).encode()
    if task is not None:
        files[DATA] = _bytes(_data(task))
    make_folder(place)
    try:
        for name, content in files.items():
            write_file(place / name, content)
    except OSError as error:
        raise FileError(f"{place} cannot be written: {error.strerror}") from error
    return place


def _bytes(tensors: Mapping[str, Tensor]) -> bytes:
    return to_bytes({k: v.to("cpu").contiguous().clone() for k, v in tensors.items()})


def _data(task: AbstractTask) -> dict[str, Tensor]:
    """The parts that a search sees, as train.py takes them."""
    import torch

    parts = task.parts()
    if task.objective.tokens:
        # the last target is the one token that is no input
        return {
            f"tokens_{name}": torch.cat([torch.from_numpy(part.x), torch.from_numpy(part.y[-1:])])
            for name, part in (("train", parts.train), ("valid", parts.valid))
        }
    return {
        f"{axis}_{name}": torch.from_numpy(array)
        for name, part in (("train", parts.train), ("valid", parts.valid))
        for axis, array in (("x", part.x), ("y", part.y))
    }


def _readme(network: FoundNetwork, *, has_data: bool) -> str:
    found = network.description
    about, metrics = found["task"], found.get("metrics", {})
    count = sum(p.numel() for p in network.parameters())
    measured = [f"- {MEANINGS.get(name, name)}: {value:.6g}" for name, value in metrics.items()]
    inputs = "tokens, int64 [T, B]" if network.objective.tokens else f"[B, {_shape(about)}]"
    reads = {
        "table": "`python predict.py FILE.csv` reads a table with the columns of training.",
        "images": "`python predict.py IMAGE ...` reads image files; this needs Pillow, too.",
        "text": '`python predict.py "how it begins"` continues a text.',
    }
    reader = about.get("reader", "text" if network.objective.tokens else "")
    use = reads.get(reader, "`python predict.py FILE.safetensors` reads a tensor `x`.")
    data = f"`{DATA}` has the parts that it was found with." if has_data else ""
    summary = "\n".join(f"    {line}" for line in _summaries(found))
    lines = [
        f"# A network for {about['name']}",
        "",
        f"Found by [reinas](https://pypi.org/project/reinas), {count:,} parameters. It takes raw"
        f" examples, {inputs}. All that is here needs PyTorch and safetensors alone.",
        "",
        summary,
        "",
        "| file | what it is |",
        "| --- | --- |",
        "| network.py | the network as a `torch.nn.Module` |",
        "| weights.safetensors | its weights, and the standardisation of its inputs |",
        "| predict.py | uses it on your own examples |",
        "| train.py | trains it anew, by the recipe that it was found with |",
        "",
        use,
        "",
        f"`python train.py DATA.safetensors` trains it anew. {data}".strip(),
        "",
        *(["Measured on the test part, once:", "", *measured, ""] if measured else []),
    ]
    return "\n".join(lines)


def _shape(about: Mapping[str, Any]) -> str:
    return ", ".join(map(str, about["inputs"]))


def _summaries(found: Mapping[str, Any]) -> list[str]:
    if "members" not in found:
        return [str(found["summary"])]
    return [f"{member['weight']:.3f} {member['summary']}" for member in found["members"]]
