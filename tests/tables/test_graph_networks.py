"""NAS-Bench-Graph against its package's own reading of its own file."""

import pickle
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from reinas.evaluators.tabular import TabularEvaluator
from reinas.tables.graph_networks import INPUTS, OPERATIONS, PROTEINS, nasbenchgraph, tree
from reinas.types import Job

spec = find_spec("nas_bench_graph")
pytestmark = pytest.mark.skipif(spec is None, reason="nas-bench-graph is not installed")


def published(data):
    """The package's rows, and its own key of a network."""
    from nas_bench_graph.architecture import Arch

    rows = pickle.loads((Path(spec.origin).parent / "light" / f"{data}.bench").read_bytes())

    def key(inputs, operations):
        return Arch([int(digit) for digit in inputs], list(operations)).valid_hash()

    return rows, key


@pytest.mark.parametrize(
    ("data", "operations", "count"), [("cora", OPERATIONS, 26_206), ("proteins", PROTEINS, 2_021)]
)
def test_as_many_networks_differ_as_were_trained(data, operations, count):
    """Counted over all combinations; four skips, no network at all, are the one tree more."""
    rows, _ = published(data)
    every = {tree(i, tuple(o)) for i, *o in product(INPUTS, *[operations] * 4)}
    assert len(every - {()}) == len(rows) == count


@pytest.mark.parametrize("data", ["cora", "proteins"])
def test_every_combination_has_the_row_that_the_package_finds(data):
    """All but the combinations of skips alone, which have none."""
    rows, key = published(data)
    table = nasbenchgraph(data)
    operations = PROTEINS if data == "proteins" else OPERATIONS
    for answers in table.space.sample(3_000, 0):
        inputs, *chosen = INPUTS[answers[0]], *(operations[a] for a in answers[1:])
        if set(chosen) == {"skip"}:
            continue
        row, entry = rows[key(inputs, chosen)], table.look(answers)
        assert (entry.mean, entry.reported) == (row["valid_perf"], row["perf"])


def test_what_writes_the_same_network_in_two_ways_has_one_tree():
    """Skips in a chain, the order of siblings, and a skip of the network's input."""
    assert tree("0123", ("skip", "gcn", "skip", "gat")) == tree(
        "0123", ("gcn", "gat", "skip", "skip")
    )
    assert tree("0011", ("gcn", "fc", "gat", "gin")) == tree("0011", ("gcn", "fc", "gin", "gat"))
    assert tree("0000", ("skip", "gcn", "gat", "gin")) == (("gat", ()), ("gcn", ()), ("gin", ()))
    assert tree("0111", ("gcn", "skip", "skip", "gat")) != tree(
        "0111", ("gcn", "skip", "gat", "gat")
    )


def test_four_skips_are_a_failed_trial():
    """The other 59,040 combinations have a reward."""
    table = nasbenchgraph()
    nothing = (3, *[OPERATIONS.index("skip")] * 4)
    assert TabularEvaluator(table)(Job(0, table.space.decode(nothing), 0)).reward is None
    assert np.isnan(table.means).sum() == len(INPUTS)
