"""Multilayer perceptrons of scikit-learn.

scikit-learn's MLPClassifier or MLPRegressor, standardised inputs, random search for 80 % of the
time in as many processes as there are threads: 1 to 3 layers of 16 to 512, relu or tanh, alpha,
learning rate, batch size; Adam, stopped early by the validation part (patience 15, at most 500
epochs). The best is then trained for as many epochs on the training and validation part.
"""

# /// script
# dependencies = ["numpy==2.4.6", "scikit-learn==1.9.1", "threadpoolctl==3.8.0"]
#
# [tool.versus]
# kinds = ["table"]
# ///

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.rivals.contract import Answer, Array, Work, accuracy_or_r2, main

PATIENCE, EPOCHS, SEARCH = 15, 500, 0.8
Scaled = tuple[dict[str, Array], dict[str, Array]]


@dataclass(frozen=True)
class Found:
    """The best of a random search: its validation score, epochs, setting and network."""

    score: float
    epochs: int
    setting: dict[str, Any]
    model: Any
    trials: int


def setting(rng: np.random.Generator) -> dict[str, Any]:
    """One random setting."""
    layers = int(rng.integers(1, 4))
    return {
        "hidden_layer_sizes": tuple(int(2 ** rng.uniform(4, 9)) for _ in range(layers)),
        "activation": str(rng.choice(["relu", "tanh"])),
        "alpha": float(10 ** rng.uniform(-6, 0)),
        "learning_rate_init": float(10 ** rng.uniform(-3.5, -1.5)),
        "batch_size": int(rng.choice([32, 64, 128, 256])),
        "random_state": int(rng.integers(2**31)),
    }


def scaled(work: Work) -> Scaled:
    """Standardised inputs, and targets, which are standardised for regression."""
    x = {part: work.data[f"x_{part}"].astype(np.float64) for part in ("train", "valid", "test")}
    mean, spread = x["train"].mean(0), x["train"].std(0)
    x = {p: np.clip((a - mean) / np.where(spread > 0, spread, 1), -10, 10) for p, a in x.items()}
    y = {part: work.data[f"y_{part}"].ravel() for part in x}
    if work.regression:
        center, width = float(y["train"].mean()), float(y["train"].std())
        y = {part: (a - center) / width for part, a in y.items()}
    return x, y


def model_of(work: Work, chosen: dict[str, Any]) -> Any:
    """The estimator."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return (MLPRegressor if work.regression else MLPClassifier)(**chosen)


def epoch_of(work: Work, model: Any, x: Array, y: Array) -> None:
    """One epoch."""
    if work.regression:
        model.partial_fit(x, y)
    else:
        model.partial_fit(x, y, classes=np.arange(work.classes))


def search(work: Work, data: Scaled, worker: int) -> Found:
    """Random search until the time is over."""
    from threadpoolctl import threadpool_limits

    x, y = data
    rng = np.random.default_rng([work.seed, worker])
    best = Found(-np.inf, 0, {}, None, 0)
    trials = 0
    with threadpool_limits(1):
        while not trials or work.left(SEARCH) > 0:
            chosen = setting(rng)
            model = model_of(work, chosen)
            top, at, then = -np.inf, 0, model
            for epoch in range(1, EPOCHS + 1):
                epoch_of(work, model, x["train"], y["train"])
                score = accuracy_or_r2(model.predict(x["valid"]), y["valid"])
                if score > top:
                    top, at, then = score, epoch, copy.deepcopy(model)
                if epoch - at >= PATIENCE or work.left(SEARCH) < 0:
                    break
            trials += 1
            if top > best.score:
                best = Found(top, at, chosen, then, 0)
    return replace(best, trials=trials)


def rival(work: Work) -> Answer:
    """Search in processes, then train the best on both parts."""
    from joblib import Parallel, delayed

    data = scaled(work)
    found = Parallel(n_jobs=work.threads)(
        delayed(search)(work, data, n) for n in range(work.threads)
    )
    best = max(found, key=lambda one: one.score)
    x, y = data
    model = model_of(work, best.setting)
    inputs = np.concatenate([x["train"], x["valid"]])
    targets = np.concatenate([y["train"], y["valid"]])
    for _ in range(best.epochs):
        epoch_of(work, model, inputs, targets)
        if work.left(0.98) < 0:
            model = best.model  # of the search: the time does not suffice to train anew
            break
    test = accuracy_or_r2(model.predict(x["test"]), y["test"])
    trials = sum(one.trials for one in found)
    sizes = " ".join(map(str, best.setting["hidden_layer_sizes"]))
    what = f"{sizes} {best.setting['activation']}, {best.epochs} epochs"
    return Answer(test, f"{trials} trials, best {what}")


if __name__ == "__main__":
    main(rival)
