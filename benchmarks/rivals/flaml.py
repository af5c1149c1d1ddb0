"""FLAML.

FLAML's AutoML with its usual settings: LightGBM, random forests, extra trees and linear models
(XGBoost is installed, since FLAML does not start without it, but in its build without CUDA, which
is newer than FLAML knows, and so it is not among the models), 90 % of the minutes, the validation
part as its validation data, and the best model fitted anew on both.
"""

# /// script
# dependencies = [
#     "numpy==2.4.6",
#     "flaml==2.7.0",
#     "lightgbm==4.7.0",
#     "xgboost-cpu==3.2.0",
#     "scikit-learn==1.9.1",
#     "pandas==2.3.3",
# ]
#
# [tool.versus]
# kinds = ["table"]
# ///

import sys

from benchmarks.rivals.contract import Answer, Work, accuracy_or_r2, main


def rival(work: Work) -> Answer:
    """One call of fit."""
    from flaml import AutoML

    data = {name: a.ravel() if name.startswith("y") else a for name, a in work.data.items()}
    estimators = ["lgbm", "rf", "extra_tree"] + ([] if work.regression else ["lrl1"])
    sys.stdout, kept = sys.stderr, sys.stdout
    model = AutoML()
    model.fit(
        data["x_train"],
        data["y_train"],
        X_val=data["x_valid"],
        y_val=data["y_valid"],
        task="regression" if work.regression else "classification",
        metric="r2" if work.regression else "accuracy",
        time_budget=max(2.0, work.left(0.9)),
        estimator_list=estimators,
        n_jobs=work.threads,
        seed=work.seed,
        retrain_full="budget",
        verbose=0,
    )
    sys.stdout = kept
    test = accuracy_or_r2(model.predict(data["x_test"]), data["y_test"])
    return Answer(test, f"best {model.best_estimator}")


if __name__ == "__main__":
    main(rival)
