"""How the parameters are cut into shards, and put together again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
from torch import Tensor

from reinas.errors import SettingError
from reinas.policies.base import State

BLOCK = 64
"""Numbers that are never parted: the optimiser works on several at once, and on the last few of a
tensor by other instructions, whose results may differ in the last bit. Cut at whole blocks, every
number is treated as it would be in the whole tensor."""
MOMENTS = ("exp_avg", "exp_avg_sq")
SUM = "sum"


@dataclass(frozen=True, slots=True)
class Piece:
    """The numbers `start` to `stop` of parameter number `parameter`, flattened."""

    parameter: int
    start: int
    stop: int


class Slices:
    """The parameters `shapes` (by name, in order) in `shards` slices of nearly equal size."""

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
        """For every shard its pieces of one tensor a parameter, flat."""
        flat = [None if tensor is None else tensor.detach().reshape(-1) for tensor in tensors]

        def part(piece: Piece) -> Tensor | None:
            whole = flat[piece.parameter]
            return None if whole is None else whole[piece.start : piece.stop].clone()

        return [[part(piece) for piece in pieces] for pieces in self.pieces]

    def whole(self, shards: Sequence[Sequence[Tensor]]) -> dict[str, Tensor]:
        """The parameters by name, from every shard's pieces."""
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
        """For every shard its part of a policy's state: `<piece>.<what>`."""
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
        """What a state says of one piece."""
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
        """The state that `shares` cut: everything but what the policy has outside its network."""
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
    """Neighbouring blocks of one parameter as one piece."""
    pieces: list[Piece] = []
    for block in blocks:
        if pieces and pieces[-1].parameter == block.parameter:
            pieces[-1] = Piece(block.parameter, pieces[-1].start, block.stop)
        else:
            pieces.append(block)
    return pieces
