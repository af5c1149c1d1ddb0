"""AutoGluon.

AutoGluon's TabularPredictor: presets best_quality (bagged and stacked boosted trees, forests and
networks) without its dynamic check of stacking, which would take a quarter of the time, with a
time limit of 90 % of the minutes; the training and validation part are its training data.
"""

# /// script
# dependencies = [
#     "torch==2.13.0",
#     "numpy==2.4.6",
#     "autogluon.tabular[lightgbm,catboost,xgboost,fastai]==1.6.3",
# ]
#
# [tool.versus]
# kinds = ["table"]
# ///

import sys
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.rivals.contract import Answer, Array, Work, accuracy_or_r2, main


def rival(work: Work) -> Answer:
    """One call of fit."""
    import pandas as pd
    from autogluon.tabular import TabularPredictor

    def frame(x: Array, y: Array) -> pd.DataFrame:
        return pd.DataFrame(x, columns=[f"c{n}" for n in range(x.shape[1])]).assign(y=y.ravel())

    kind = "regression" if work.regression else ("binary" if work.classes == 2 else "multiclass")
    sys.stdout, kept = sys.stderr, sys.stdout  # it prints a lot
    with TemporaryDirectory() as folder:
        predictor = TabularPredictor(
            "y",
            problem_type=kind,
            eval_metric="r2" if work.regression else "accuracy",
            path=folder,
            verbosity=1,
        )
        predictor.fit(
            frame(*work.both),
            time_limit=max(5.0, work.left(0.9)),
            presets="best_quality",
            dynamic_stacking=False,
            num_cpus=work.threads,
            num_gpus=0,
        )
        test = frame(work.data["x_test"], work.data["y_test"])
        predicted = np.asarray(predictor.predict(test.drop(columns="y")))
        note = f"{len(predictor.model_names())} models, best {predictor.model_best}"
    sys.stdout = kept
    return Answer(accuracy_or_r2(predicted, work.data["y_test"]), note)


if __name__ == "__main__":
    main(rival)
