"""Divides parameters, gradients and states among shards, and reassembles them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
from torch import Tensor

from reinas.errors import SettingError
from reinas.policies.base import State

BLOCK = 64
"""Tensors are cut only at multiples of this many numbers. The optimiser handles numbers in vector
registers, and the last few of a tensor with other instructions, whose results may differ in the
last bit. Cut at whole blocks, every number gets the same result as in the whole tensor."""
MOMENTS = ("exp_avg", "exp_avg_sq")
SUM = "sum"


@dataclass(frozen=True, slots=True)
class Piece:
    """A contiguous piece of one flattened parameter.

    Args:
        parameter: The parameter's index.
        start: Index of the first number.
        stop: Index after the last number.
    """

    parameter: int
    start: int
    stop: int


class Slices:
    """The division of parameters into one slice per shard, of nearly equal sizes.

    Args:
        shapes: The shape of each parameter by name, in the network's order.
        shards: Number of shards.

    Raises:
        SettingError: There are more shards than blocks of parameters.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], shards: int) -> None:
        self._names, self._shapes = list(shapes), list(shapes.values())
        sizes = [prod(shape) for shape in self._shapes]
        blocks = [
            Piece(number, start, min(start + BLOCK, size))
            for number, size in enumerate(sizes)
            for start in range(0, size, BLOCK)
        ]
        if shards > len(blocks):
            raise SettingError(
                f"shards must be at most {len(blocks)} for this policy: it has {sum(sizes)}"
                f" parameters, which are cut in blocks of {BLOCK}; got {shards}"
            )
        ends = [len(blocks) * shard // shards for shard in range(shards + 1)]
        self.pieces = [_joined(blocks[a:b]) for a, b in pairwise(ends)]

    def cut(self, tensors: Sequence[Tensor | None]) -> list[list[Tensor | None]]:
        """Cut one tensor per parameter, such as a gradient, into slices.

        Args:
            tensors: One tensor per parameter, of its shape, or None where it has no gradient.

        Returns:
            For each shard its pieces, flat; None for those of a missing tensor.
        """
        flat = [None if tensor is None else tensor.detach().reshape(-1) for tensor in tensors]

        def part(piece: Piece) -> Tensor | None:
            whole = flat[piece.parameter]
            return None if whole is None else whole[piece.start : piece.stop].clone()

        return [[part(piece) for piece in pieces] for pieces in self.pieces]

    def whole(self, shards: Sequence[Sequence[Tensor]]) -> dict[str, Tensor]:
        """Reassemble the parameters.

        Args:
            shards: For each shard its pieces, flat.

        Returns:
            The parameters by name, in their shapes.
        """
        sizes = [prod(shape) for shape in self._shapes]
        flat = [shards[0][0].new_empty(size) for size in sizes]
        for pieces, values in zip(self.pieces, shards, strict=True):
            for piece, value in zip(pieces, values, strict=True):
                flat[piece.parameter][piece.start : piece.stop] = value
        return {
            name: numbers.reshape(shape)
            for name, numbers, shape in zip(self._names, flat, self._shapes, strict=True)
        }

    def shares(self, state: State) -> list[State]:
        """Cut the state of a policy's network and optimiser into shares.

        Args:
            state: The policy's state.

        Returns:
            For each shard arrays named `<piece>.<part>`, where pieces count from 0 and parts are
            theta, Adam's step and moments, and the sum of the gradients that await a step.
        """
        result: list[State] = []
        for pieces in self.pieces:
            share: State = {}
            for place, piece in enumerate(pieces):
                share |= {
                    f"{place}.{key}": value for key, value in self._share(state, piece).items()
                }
            result.append(share)
        return result

    def _share(self, state: State, piece: Piece) -> State:
        """The part of a state that belongs to one piece."""
        part = slice(piece.start, piece.stop)
        head = f"adam.{piece.parameter}"
        found = {"theta": state[f"network.{self._names[piece.parameter]}"].reshape(-1)[part]}
        if f"{head}.step" in state:
            found |= {key: state[f"{head}.{key}"].reshape(-1)[part] for key in MOMENTS}
            found["step"] = state[f"{head}.step"]
        if (total := state.get(f"{SUM}.{piece.parameter}")) is not None:
            found[SUM] = total.reshape(-1)[part]
        return found

    def gathered(self, shares: Sequence[State]) -> State:
        """Reassemble the state that `shares` has cut.

        Args:
            shares: For each shard its share.

        Returns:
            The state of the network and the optimiser, without the rest of the policy's state.
        """
        state: State = {}
        for pieces, share in zip(self.pieces, shares, strict=True):
            for place, piece in enumerate(pieces):
                self._gather(state, piece, share, str(place))
        return state

    def _gather(self, state: State, piece: Piece, share: State, place: str) -> None:
        shape, number = self._shapes[piece.parameter], piece.parameter
        names = {
            "theta": f"network.{self._names[number]}",
            **{key: f"adam.{number}.{key}" for key in MOMENTS},
            SUM: f"{SUM}.{number}",
        }
        for key, name in names.items():
            value = share.get(f"{place}.{key}")
            if value is not None:
                whole = state.setdefault(name, np.empty(shape, value.dtype))
                whole.reshape(-1)[piece.start : piece.stop] = value
        if f"{place}.step" in share:
            state[f"adam.{number}.step"] = share[f"{place}.step"]


def _joined(blocks: Sequence[Piece]) -> list[Piece]:
    """Merge neighbouring blocks of the same parameter into one piece."""
    pieces: list[Piece] = []
    for block in blocks:
        if pieces and pieces[-1].parameter == block.parameter:
            pieces[-1] = Piece(block.parameter, pieces[-1].start, block.stop)
        else:
            pieces.append(block)
    return pieces
