"""AutoKeras.

AutoKeras's ImageClassifier, or StructuredDataClassifier and -Regressor, with their usual settings
and the validation part as validation data. AutoKeras has no limit of time: a callback stops the
training that runs when 85 % of the minutes are over, and the best trial's saved network is tested.
Pretrained networks cannot be downloaded here, so that trials with them fail and are passed over.
"""

# /// script
# dependencies = ["autokeras==3.0.0", "keras==3.12.0", "tensorflow-cpu==2.21.0", "numpy==2.4.6"]
#
# [tool.versus]
# kinds = ["images", "table"]
# ///

import os
import sys
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.rivals.contract import Answer, Work, accuracy_or_r2, main

SEARCH = 0.85


class TimeIsOver(BaseException):
    """Ends the search."""


def clock_of(work: Work) -> Any:
    """A callback that ends a training, and the search, when the time is over."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __deepcopy__(self, memo: Any) -> "Clock":
            return Clock()

        def on_train_begin(self, logs: Any = None) -> None:
            if work.left(SEARCH) < 0:
                raise TimeIsOver

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if work.left(SEARCH) < 0:
                self.model.stop_training = True

    return Clock()


def rival(work: Work) -> Answer:
    """Search until the time is over, then test the best trial's network."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import autokeras
    import keras
    import tensorflow
    from autokeras import pipeline

    tensorflow.config.threading.set_intra_op_parallelism_threads(work.threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(work.threads)
    keras.utils.set_random_seed(work.seed)
    name = "Image" if work.kind == "images" else "StructuredData"
    kind = getattr(autokeras, name + ("Regressor" if work.regression else "Classifier"))
    x = {part: work.data[f"x_{part}"] for part in ("train", "valid", "test")}
    y = {part: work.data[f"y_{part}"] for part in x}
    sys.stdout, kept = sys.stderr, sys.stdout
    with TemporaryDirectory() as folder:
        model = kind(
            directory=folder,
            max_trials=1000,
            seed=work.seed,
            overwrite=True,
        )
        model.tuner.oracle.max_consecutive_failed_trials = 1000
        try:
            model.fit(
                x["train"],
                y["train"],
                validation_data=(x["valid"], y["valid"]),
                callbacks=[clock_of(work)],
                verbose=0,
            )
        except TimeIsOver:
            tuner = model.tuner
            best = tuner.oracle.get_best_trials(1)[0].trial_id
            try:
                tuner.get_best_model().save(tuner.best_model_path)
            except FileNotFoundError:
                sys.exit("no trial had saved a network when the time was over")
            kept_pipeline = pipeline.load_pipeline(tuner._pipeline_path(best))
            kept_pipeline.save(tuner.best_pipeline_path)
        trials = [trial.status for trial in model.tuner.oracle.trials.values()]
        predicted = np.asarray(model.predict(x["test"], verbose=0))
    sys.stdout = kept
    predicted = predicted.astype(np.float64).ravel()
    good = trials.count("COMPLETED")
    note = f"{good} trials complete, {len(trials) - good} not"
    return Answer(accuracy_or_r2(predicted, y["test"]), note)


if __name__ == "__main__":
    main(rival)
