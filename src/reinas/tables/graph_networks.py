"""NAS-Bench-Graph (Qin et al. 2022), from the package nas-bench-graph (Apache-2.0; extra `bench`).

A network has four nodes; each applies one operation to the output of one earlier node or to the
input, and the outputs that nothing takes are its own. 26,206 different ones were trained, with
three seeds each.
"""

import struct
from functools import lru_cache
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reinas.spaces.product import ProductSpace
from reinas.tables.array_table import BenchmarkTable
from reinas.tables.pickled import Allowed, package_folder, read_pickle

NODES = 4
INPUTS = ("0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123")
"""Which node each of the four takes its input from; 0 is the network's input."""
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
PROTEINS = ("gcn", "sage", "arma", "fc", "skip")
"""The operations that were tried on the proteins."""
SKIP = "skip"
BASE = 10  # the package's keys are decimal: the inputs' number, then those of the operations

Data = Literal[
    "arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "proteins", "pubmed"
]
Tree = tuple[Any, ...]


def nasbenchgraph(data: Data = "cora") -> BenchmarkTable:
    """NAS-Bench-Graph: graph networks of four operations; validation accuracy.

    Networks that compute the same have the same row, so that every combination of inputs and
    operations has one. Four skips are no network: they fail. The test accuracy is reported.

    Args:
        data: The graph.

    Returns:
        The table (Qin et al. 2022): 9 x 9^4 combinations, 9 x 5^4 for `proteins`.

    Raises:
        SettingError: The package is not installed.
        FileError: The package's file is damaged.
    """
    return _table(data)


@lru_cache(maxsize=4)
def _table(data: Data) -> BenchmarkTable:
    operations = PROTEINS if data == "proteins" else OPERATIONS
    columns = {"inputs": INPUTS} | {f"node_{n}": operations for n in range(1, NODES + 1)}
    space = ProductSpace(tuple(columns.items()))
    folder = package_folder("nas_bench_graph", "nasbenchgraph", "nas-bench-graph") / "light"
    allowed: Allowed = {
        ("numpy.core.multiarray", "scalar"): _number,
        ("numpy._core.multiarray", "scalar"): _number,
        ("numpy", "dtype"): _Dtype,
    }

    def read(rows: Any) -> NDArray[np.float64]:
        known = {
            tree(*_network(key)): (row["valid_perf"], row["perf"]) for key, row in rows.items()
        }
        every = product(INPUTS, *[operations] * NODES)
        nothing = (np.nan, np.nan)
        return np.array([known.get(tree(i, tuple(o)), nothing) for i, *o in every], np.float64)

    path = folder / f"{data}.bench"
    measured, fingerprint = read_pickle(path, read, "nas-bench-graph 1.4.0", allowed)
    return BenchmarkTable(
        space,
        measured[:, :1],
        {"name": "nasbenchgraph", "data": data},
        reward="valid_acc",
        report="test_acc",
        reported=measured[:, 1],
        fingerprint=fingerprint,
    )


def tree(inputs: str, operations: tuple[str, ...]) -> Tree:
    """What a network computes: equal for two networks that differ in their writing only.

    A skip hands on its input, so it counts only where it is an output beside others, and not the
    network's input itself. The order of the nodes that take the same input does not count.

    Args:
        inputs: One of `INPUTS`.
        operations: One per node.

    Returns:
        What takes the network's input, sorted: an (operation, what takes its output) each.
    """
    takers = [
        [n for n, source in enumerate(inputs, start=1) if int(source) == node]
        for node in range(NODES + 1)
    ]

    def taking(node: int, *, raw: bool) -> Tree:
        """What takes the output of a node; `raw` if that output is the network's input."""
        found: list[Tree] = []
        for taker in takers[node]:
            operation = operations[taker - 1]
            if operation != SKIP:
                found.append((operation, taking(taker, raw=False)))
            else:  # what takes the skip takes its input
                found += taking(taker, raw=raw) or [(SKIP, ())]
        lone = len(found) == 1
        return tuple(sorted(x for x in found if x[0] != SKIP or not (raw or lone)))

    return taking(0, raw=True)


def _network(key: int) -> tuple[str, tuple[str, ...]]:
    """The inputs and operations that a key of the package means."""
    digits = [key // BASE**place % BASE for place in reversed(range(NODES))]
    return INPUTS[key // BASE**NODES], tuple(OPERATIONS[digit] for digit in digits)


class _Dtype:
    """Stands for NumPy's float64, which is all that the files hold."""

    def __init__(self, kind: str, *_: Any) -> None:
        if kind != "f8":
            raise ValueError(f"it has numbers of type {kind}, expected f8")

    def __setstate__(self, state: Any) -> None:
        pass


def _number(_: _Dtype, data: bytes) -> float:
    return float(struct.unpack("<d", data)[0])
