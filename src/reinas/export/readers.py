"""How a found network reads people's own examples, by the name in network.json."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reinas.errors import SettingError
from reinas.tasks.image_io import read, stacked
from reinas.tasks.table_encoding import Columns


def read_table(rows: Any, about: Mapping[str, Any]) -> Tensor:
    """Encode rows of a table.

    Args:
        rows: Mappings from column name to cell: numbers, text, or None for a missing value.
        about: Has the `columns` and how each is encoded.

    Returns:
        float32 [B, inputs].

    Raises:
        SettingError: They are no such rows.
    """
    for row in _listed(rows):
        if not isinstance(row, Mapping):
            raise SettingError(
                "rows of a table are mappings from column name to cell, got"
                f" {type(row).__name__}: csv.DictReader gives such rows"
            )
    cells = [
        {k: "" if v is None or v != v else str(v) for k, v in row.items()}  # NaN is not itself
        for row in rows
    ]
    return torch.from_numpy(Columns.of_json(about["columns"]).encode(cells))


def read_images(files: Any, about: Mapping[str, Any]) -> Tensor:
    """Read image files, squeezed to the size of training.

    Args:
        files: Paths.
        about: Has the `size` [height, width] and whether images are `grey`.

    Returns:
        uint8 [B, channels, height, width].

    Raises:
        SettingError: They are no paths.
    """
    if not all(isinstance(file, str | Path) for file in _listed(files)):
        raise SettingError("an image network takes a list of image files, by their paths")
    paths = [Path(file) for file in files]
    height, width = about["size"]
    return torch.from_numpy(stacked(read(paths, (height, width)), grey=about["grey"]))


def read_text(text: Any, about: Mapping[str, Any]) -> Tensor:
    """Encode a text, split into words (at white space, as in training) or characters.

    Args:
        text: A text, or a list of texts.
        about: Has the `level` and the vocabulary, as `classes`; other tokens are read as number 0.

    Returns:
        Tokens, int64 [T, 1].

    Raises:
        SettingError: It is no text.
    """
    parts = [text] if isinstance(text, str) and text else list(_listed(text))
    if not all(isinstance(part, str) for part in parts):
        raise SettingError("a text network takes a text, or a list of its words")
    if about["level"] == "char":
        tokens = [character for part in parts for character in part]
    else:
        tokens = [word for part in parts for word in part.split()]
    number = {token: n for n, token in enumerate(about["classes"])}
    return torch.tensor([[number.get(token, 0)] for token in tokens])


READERS: dict[str, Callable[[Any, Mapping[str, Any]], Tensor]] = {
    "images": read_images,
    "table": read_table,
    "text": read_text,
}


def _listed(examples: Any) -> Sequence[Any]:
    """Raise `SettingError` unless there is a list of one or more examples."""
    if not isinstance(examples, Sequence) or isinstance(examples, bytes | str):
        if isinstance(examples, str) and not examples:
            raise SettingError("encode takes one or more examples, got none")
        raise SettingError(f"encode takes a list of examples, got {type(examples).__name__}")
    if not examples:
        raise SettingError("encode takes one or more examples, got none")
    return examples
