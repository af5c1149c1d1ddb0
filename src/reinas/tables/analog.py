"""AnalogNAS-Bench (arXiv 2506.18495, 2025), from the package analog-nasbench (extra `bench`).

The cells of NAS-Bench-201 on CIFAR-10, as they do on analogue in-memory hardware.
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reinas.spaces.nasbench201 import NasBench201Space
from reinas.tables.array_table import BenchmarkTable
from reinas.tables.pickled import package_folder, read_pickle
from reinas.types import Answers

CODES = (1, 0, 3, 2, 4)
"""The paper's number of each of NAS-Bench-201's operations: it has skip before none, and the
convolution of 3 x 3 before that of 1 x 1."""
PLACES = (0, 1, 3, 2, 4, 5)
"""Where a key has each of NAS-Bench-201's edges: it goes by the node that an edge leaves."""

Metric = Literal[
    "baseline_accuracy",
    "ptq_accuracy",
    "qat_accuracy",
    "noisy_accuracy",
    "analog_accuracy",
    "baseline_drift_60",
    "baseline_drift_3600",
    "baseline_drift_86400",
    "baseline_drift_2592000",
    "analog_drift_60",
    "analog_drift_3600",
    "analog_drift_86400",
    "analog_drift_2592000",
]


def analognasbench(metric: Metric = "analog_accuracy") -> BenchmarkTable:
    """AnalogNAS-Bench: the 15,625 cells of NAS-Bench-201 on noisy hardware; CIFAR-10 accuracy.

    Args:
        metric: `baseline` on exact hardware; `ptq` and `qat` quantised after and during training;
            `noisy` with the weights' noise; `analog` trained for such hardware; `drift_N` N
            seconds after programming.

    Returns:
        The table (arXiv 2506.18495), in percent.

    Raises:
        SettingError: The package is not installed.
        FileError: The package's file is damaged.
    """
    return _table(metric)


@lru_cache(maxsize=4)
def _table(metric: Metric) -> BenchmarkTable:
    folder = package_folder("analognasbench", "analognasbench", "analog-nasbench")
    path, space = folder / "data.anb", NasBench201Space()
    module = "analognasbench.data"
    allowed = {(module, "Architecture"): _Fields, (module, "DriftMeasurement"): _Fields}

    def read(rows: Any) -> NDArray[np.float64]:
        values = [getattr(rows[_key(answers)], metric) for answers in space.enumerate()]
        return np.array([getattr(value, "value", value) for value in values], np.float64)

    rewards, fingerprint = read_pickle(path, read, "analog-nasbench 0.1.3", allowed)
    return BenchmarkTable(
        space,
        rewards[:, None],
        {"name": "analognasbench", "metric": metric},
        reward=metric,
        fingerprint=fingerprint,
    )


def _key(answers: Answers) -> Answers:
    """The package's key of a cell.

    The order of the edges is written nowhere. Of the 720 x 120 ways to read the keys this is the
    one in which the accuracies on exact hardware agree best with NAS-Bench-201's (rank correlation
    0.99; the next, 0.97, reads the same cell from its output), and it has the paper's operations.
    """
    key = [0] * len(answers)
    for edge, place in enumerate(PLACES):
        key[place] = CODES[answers[edge]]
    return tuple(key)


class _Fields:
    """Stands for the package's own classes, which only hold values."""
