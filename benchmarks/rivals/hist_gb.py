"""Gradient boosting of scikit-learn.

scikit-learn's HistGradientBoosting, random search for 80 % of the time: learning rate, leaves,
examples per leaf, L2, share of features; up to 1,000 trees, stopped early by the validation part
(patience 20). The best is then fitted with as many trees on the training and validation part.
"""

# /// script
# dependencies = ["numpy==2.4.6", "scikit-learn==1.9.1", "threadpoolctl==3.8.0"]
#
# [tool.versus]
# kinds = ["table"]
# ///

from typing import Any

import numpy as np

from benchmarks.rivals.contract import Answer, Work, accuracy_or_r2, main

TREES, PATIENCE, SEARCH = 1000, 20, 0.8


def setting(rng: np.random.Generator) -> dict[str, Any]:
    """One random setting."""
    return {
        "learning_rate": float(10 ** rng.uniform(-2, -0.5)),
        "max_leaf_nodes": int(2 ** rng.uniform(2, 7)),
        "min_samples_leaf": int(2 ** rng.uniform(1, 6)),
        "l2_regularization": float(10 ** rng.uniform(-6, 2)),
        "max_features": float(rng.uniform(0.3, 1.0)),
        "random_state": int(rng.integers(2**31)),
    }


def rival(work: Work) -> Answer:
    """Search, then fit the best on both parts."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    kind = HistGradientBoostingRegressor if work.regression else HistGradientBoostingClassifier
    x = {part: work.data[f"x_{part}"] for part in ("train", "valid", "test")}
    y = {part: work.data[f"y_{part}"].ravel() for part in x}
    rng = np.random.default_rng(work.seed)
    best: tuple[float, int, dict[str, Any]] = (-np.inf, 1, {})
    trials, longest = 0, 0.0
    with threadpool_limits(work.threads):
        # a fit cannot be stopped: begin one only if the longest so far would still end in time
        while not trials or work.left(SEARCH) > longest / 2:
            before, chosen = work.left(), setting(rng)
            model = kind(**chosen, max_iter=TREES, early_stopping=True, n_iter_no_change=PATIENCE)
            model.fit(x["train"], y["train"], X_val=x["valid"], y_val=y["valid"])
            score = accuracy_or_r2(model.predict(x["valid"]), y["valid"])
            trials += 1
            longest = max(longest, before - work.left())
            if score > best[0]:
                best = (score, model.n_iter_, chosen)
        _, trees, chosen = best
        model = kind(**chosen, max_iter=trees, early_stopping=False)
        both, targets = work.both
        model.fit(both, targets.ravel())
        test = accuracy_or_r2(model.predict(x["test"]), y["test"])
    return Answer(test, f"{trials} trials, best {trees} trees, rate {chosen['learning_rate']:.3g}")


if __name__ == "__main__":
    main(rival)
