"""`reinas compare --study`: the review's questions by name."""

from collections.abc import Callable
from typing import Any

from reinas.cli.output import progress, stop
from reinas.compare.runs import table_of
from reinas.errors import InterruptError, SettingError, nearest
from reinas.store import Store
from reinas.studies import estimator, questions
from reinas.studies.answers import Answer, Laboratory

SIZES = {"rnn": (100, 1000), "rl": (100, 200)}
"""Seeds and evaluations of a study, where nobody says otherwise."""
BATCHES = 2000  # gradients that the estimator's study estimates in each setting
STUDIES: dict[str, Callable[..., Answer]] = {"rnn": questions.rnn, "rl": questions.rl}


def answer(name: str, shared: Any) -> Answer:
    """The study of that name, with a progress bar; Ctrl-C says how to go on."""
    if name not in (*STUDIES, "estimator"):
        raise SettingError(f"--study: {nearest(name, [*STUDIES, 'estimator'])}; got {name!r}")
    for key in ("at", "children", "repeats"):
        if getattr(shared, key) is not None:
            raise SettingError(f"--{key}: a study brings its own settings")
    bar = progress(quiet=False)
    task = bar.add_task(name, total=None, note="")

    def advance(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    try:
        bar.start()
        if name == "estimator":
            if shared.evaluations is not None:
                raise SettingError("--evaluations: this study takes --seeds estimates a setting")
            table = table_of({"name": "nasbench201", "data": "cifar10"})
            return estimator.estimator(table, shared.seeds or BATCHES, advance)
        seeds, evaluations = SIZES[name]
        laboratory = Laboratory(Store(shared.store), shared.workers, advance)
        return STUDIES[name](laboratory, shared.seeds or seeds, shared.evaluations or evaluations)
    except KeyboardInterrupt:
        raise InterruptError(
            f"stopped; finished runs are kept in {shared.store}: the same command goes on"
        ) from None
    finally:
        stop(bar)
