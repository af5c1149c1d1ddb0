"""Trainings as files: written whole or not at all, and read as data.

PyTorch is imported in the functions: commands that train nothing start in half of the time.
"""

import contextlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reinas.errors import FileError

FORMAT = 1


def write_checkpoint(path: Path, identity: str, state: Mapping[str, Any]) -> None:
    """Write a training's state.

    Args:
        path: The file; another one of that name is replaced once this one is complete.
        identity: What the training is of; `read_checkpoint` compares it.
        state: Tensors, numbers, text, lists and dicts.

    Raises:
        FileError: The file cannot be written.
    """
    import torch

    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        torch.save({"format": FORMAT, "identity": identity, "state": dict(state)}, draft)
        os.replace(draft, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        with contextlib.suppress(OSError):  # there may be no such folder
            draft.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise FileError(f"the checkpoint {path} cannot be written: {reason}") from None


def read_checkpoint(path: Path, identity: str, device: str = "cpu") -> dict[str, Any]:
    """Read a training's state; nothing in the file is executed.

    Args:
        path: The file.
        identity: What the training has to be of.
        device: Where tensors go.

    Returns:
        What `write_checkpoint` was given.

    Raises:
        FileError: The file is missing, torn, of another version, or of another training.
    """
    import torch

    try:
        with warnings.catch_warnings():  # torch warns of damaged bytes before it refuses them
            warnings.simplefilter("ignore")
            found = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise FileError(f"the checkpoint {path} cannot be read: {error.strerror}") from None
    except torch.OutOfMemoryError:
        raise  # the file may be whole
    except Exception:  # damaged bytes make the unpickler fail in any way
        raise FileError(f"the checkpoint {path} is torn: it is not a whole file") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        version = found.get("format") if isinstance(found, dict) else None
        raise FileError(
            f"the checkpoint {path} has format {version}, and this reinas reads {FORMAT}"
        )
    if found.get("identity") != identity:
        raise FileError(f"the checkpoint {path} is of another training")
    state = found.get("state")
    if not isinstance(state, dict):
        raise FileError(f"the checkpoint {path} is torn: it has no state")
    return state
