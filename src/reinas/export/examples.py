"""Predictions for people's own files: what `reinas predict` writes."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reinas.errors import FileError, SettingError
from reinas.export.network import FoundNetwork
from reinas.objectives.classification import Classification
from reinas.objectives.multi_label import MultiLabel
from reinas.tasks.arrays import channels_first, open_arrays, read_array
from reinas.tasks.images import image_files
from reinas.tasks.tables import read_rows

PIECE = 256
"""Examples that are read and predicted at a time."""


@dataclass(frozen=True)
class Examples:
    """Examples from files.

    Args:
        names: What each is called: its file, or the line of its row, or its number from 0.
        raw: What `FoundNetwork.encode` or the network itself takes.
    """

    names: list[str]
    raw: Any


def examples_from(network: FoundNetwork, files: Sequence[Path]) -> Examples:
    """Read examples in the form of those that the network was found for.

    Args:
        network: The found network.
        files: Images or folders of images; CSV files with the columns of training; or .npy files,
            or .npz files with `x`.

    Returns:
        The examples.

    Raises:
        FileError: A file cannot be read.
        SettingError: The network reads text.
    """
    if network.objective.tokens:
        raise SettingError("this network continues a text: give it one, not files")
    match network.description["task"].get("reader"):
        case "images":
            found = [path for file in files for path in _images(file)]
            return Examples(list(map(str, found)), found)
        case "table":
            return _rows(network, files)
        case _:
            arrays = [_array(network, file) for file in files]
            x = torch.from_numpy(np.concatenate(arrays))
            return Examples(list(map(str, range(len(x)))), x)


def predictions_csv(
    network: FoundNetwork, examples: Examples, *, probabilities: bool = False
) -> str:
    """One line of CSV per example, after a header.

    Args:
        network: The found network.
        examples: What to predict.
        probabilities: Whether a column per class follows.

    Returns:
        The text.

    Raises:
        SettingError: The network knows no probabilities.
    """
    objective = network.objective
    if probabilities and not isinstance(objective, Classification | MultiLabel):
        raise SettingError("only networks that classify have probabilities")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for start in range(0, len(examples.names), PIECE):
        names, raw = (part[start : start + PIECE] for part in (examples.names, examples.raw))
        x = raw if isinstance(raw, Tensor) else network.encode(raw)
        with torch.no_grad():
            outputs = network(x)
        answers = objective.predictions(outputs, network.classes)
        shares = outputs.softmax(1) if isinstance(objective, Classification) else outputs.sigmoid()
        if start == 0:
            count = len(answers[0]) if _has_columns(network, answers[0]) else 1
            writer.writerow(_header(network, count, shares.shape[1] if probabilities else 0))
        for name, answer, share in zip(names, answers, shares.tolist(), strict=True):
            cells = answer if _has_columns(network, answer) else [_cell(answer)]
            writer.writerow([name, *cells, *(share if probabilities else ())])
    return text.getvalue()


def continued(network: FoundNetwork, text: str, count: int) -> list[str]:
    """The text's likeliest continuation, token by token.

    Args:
        network: A language model.
        text: How it begins.
        count: Tokens to add.

    Returns:
        The new tokens.

    Raises:
        SettingError: The network reads no text.
    """
    if not network.objective.tokens:
        raise SettingError("this network reads no text: give it files")
    is_char = network.description["task"].get("level") == "char"
    tokens = list(text) if is_char else text.split()
    first = len(tokens)
    for _ in range(count):
        tokens.append(network.predict(tokens)[-1])
    return tokens[first:]


def _images(file: Path) -> list[Path]:
    if not file.is_dir():
        return [file]
    found = image_files(file)
    if not found:
        raise FileError(f"{file} has no images")
    return found


def _rows(network: FoundNetwork, files: Sequence[Path]) -> Examples:
    needed = [column["name"] for column in network.description["task"]["columns"]]
    names: list[str] = []
    rows: list[dict[str, str]] = []
    for file in files:
        _, header, found = read_rows(file)
        if lacking := [name for name in needed if name not in header]:
            raise FileError(f"{file} lacks the column '{lacking[0]}', which training had")
        where = f"{file}:" if len(files) > 1 else ""
        names += [f"{where}{line}" for line, _ in found]
        rows += [dict(zip(header, cells, strict=True)) for _, cells in found]
    return Examples(names, rows)


def _array(network: FoundNetwork, file: Path) -> NDArray[np.float32]:
    """Raw examples, float32 [N, *inputs]."""
    if file.suffix == ".npy":
        try:
            x = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise FileError(f"{file} cannot be read as an array: {error}") from None
    else:
        with open_arrays(str(file)) as archive:
            if "x" not in archive.files:
                raise FileError(f"{file} has {', '.join(archive.files)}, but no array x")
            x = read_array(archive, "x", str(file))
    inputs = tuple(network.description["task"]["inputs"])
    if x.shape[1:] != inputs and len(inputs) == 3:
        x = channels_first(f"{file}, x", x)
    if x.shape[1:] != inputs or not len(x) or x.dtype.kind not in "biuf":
        raise FileError(
            f"{file} has {x.dtype} {list(x.shape)}: the network takes numbers"
            f" [N, {', '.join(map(str, inputs))}]"
        )
    found: NDArray[np.float32] = x.astype(np.float32)
    return found


def _has_columns(network: FoundNetwork, answer: Any) -> bool:
    """Whether an answer is several numbers, and so several columns."""
    return isinstance(answer, list) and not isinstance(network.objective, MultiLabel)


def _cell(answer: Any) -> Any:
    return " ".join(map(str, answer)) if isinstance(answer, list) else answer


def _header(network: FoundNetwork, answers: int, shares: int) -> list[str]:
    first = ["prediction"] if answers == 1 else [f"prediction {n}" for n in range(answers)]
    names = network.classes or [str(n) for n in range(shares)]
    return ["example", *first, *(f"probability of {name}" for name in names if shares)]
