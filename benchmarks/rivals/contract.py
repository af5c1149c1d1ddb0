"""What every rival script has in common: its arguments, its data, its clock and its answer.

It needs NumPy alone, for it is imported in every rival's environment.
"""

import time

_BEGUN = time.monotonic()  # before the heavy imports, which count as the rival's time

import argparse  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Work:
    """One run of a rival.

    Args:
        kind: `images`, `table` or `text`.
        data: x_train, y_train, x_valid, y_valid, x_test, y_test.
        minutes: How long the rival may take, imports and the test included.
        seed: The run's seed.
        threads: How many threads it may use.
        begun: When the time began, on time.monotonic()'s clock.
    """

    kind: str
    data: dict[str, Array]
    minutes: float
    seed: int
    threads: int
    begun: float = _BEGUN

    @property
    def regression(self) -> bool:
        """Whether the targets are numbers, not classes."""
        return self.data["y_train"].dtype.kind == "f"

    @property
    def classes(self) -> int:
        """How many classes, or different tokens, there are."""
        return 1 + max(int(self.data[f"y_{part}"].max()) for part in ("train", "valid", "test"))

    @property
    def both(self) -> tuple[Array, Array]:
        """Training and validation part together."""
        x, y = (
            np.concatenate([self.data[f"{a}_train"], self.data[f"{a}_valid"]]) for a in ("x", "y")
        )
        return x, y

    def left(self, share: float = 1.0) -> float:
        """Seconds until that share of the time is over; negative after it."""
        return share * 60 * self.minutes - (time.monotonic() - self.begun)


@dataclass(frozen=True)
class Answer:
    """The test score, and what a reader of the table should know about the run.

    Args:
        test: Accuracy, R² or perplexity.
        note: A few words: what was chosen, how many trials there were.
    """

    test: float
    note: str


def accuracy_or_r2(predicted: Array, targets: Array) -> float:
    """Accuracy for class numbers, R² for numbers.

    Args:
        predicted: Classes [N], or numbers [N] or [N, 1].
        targets: Of the same kind.
    """
    if targets.dtype.kind != "f":
        return float((np.asarray(predicted).ravel() == targets.ravel()).mean())
    targets = targets.astype(np.float64).ravel()
    residual = np.square(np.asarray(predicted, np.float64).ravel() - targets).sum()
    return float(1 - residual / np.square(targets - targets.mean()).sum())


def main(rival: Callable[[Work], Answer]) -> None:
    """Read the arguments, run the rival, and print its answer as one JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--kind", required=True, choices=("images", "table", "text"))
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    with np.load(args.data, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    answer = rival(Work(args.kind, data, args.minutes, args.seed, args.threads))
    if not math.isfinite(answer.test):
        sys.exit(f"the test score is {answer.test}")
    seconds = round(time.monotonic() - _BEGUN, 1)
    print(json.dumps({"test": answer.test, "seconds": seconds, "note": answer.note}), flush=True)
    os._exit(0)  # threads and pools of some libraries would keep the process for minutes
