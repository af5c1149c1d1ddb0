"""Named arrays as bytes, without pickle (safetensors)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from reinas.errors import StoreError


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The arrays as bytes; each keeps its shape, numbers too."""
    # ascontiguousarray makes a number an array of one
    return safetensors.save(
        {k: np.ascontiguousarray(v).reshape(v.shape) for k, v in arrays.items()}
    )


def unpacked(data: bytes) -> dict[str, NDArray[Any]]:
    """What `packed` made bytes of.

    Raises:
        StoreError: The bytes are damaged.
    """
    try:
        return safetensors.load(data)
    except (SafetensorError, TypeError, ValueError, KeyError) as error:
        raise StoreError(
            f"what the policy has learned is damaged in the store ({error}): restore a copy of it"
        ) from None
