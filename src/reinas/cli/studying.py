"""`reinas compare --study`: the review's questions by name."""

from collections.abc import Callable
from typing import Any

from reinas.cli.output import progress, stop
from reinas.compare.runs import table_of
from reinas.errors import InterruptError, SettingError, nearest
from reinas.questions import estimator
from reinas.questions import rnn_and_rl as questions
from reinas.questions.result import QuestionResult, RunContext
from reinas.store import Store

SIZES = {"rnn": (100, 1000), "rl": (100, 200)}
"""Seeds and evaluations of a study, where nobody says otherwise."""
BATCHES = 2000  # gradients that the estimator's study estimates in each setting
STUDIES: dict[str, Callable[..., QuestionResult]] = {"rnn": questions.rnn, "rl": questions.rl}


def answer(name: str, shared: Any) -> QuestionResult:
    """The study of that name, with a progress bar; Ctrl-C says how to go on."""
    if name not in (*STUDIES, "estimator"):
        hint = nearest(name, [*STUDIES, "estimator"])
        raise SettingError(f"--study: '{name}' is not known: {hint}")
    for key in ("policies", "at", "children", "repeats"):
        if getattr(shared, key) is not None:
            raise SettingError(f"--{key}: a study brings its own settings")
    if shared.first_seed:
        raise SettingError("--first-seed: a study has its own seeds")
    least = {"seeds": 2 if name == "estimator" else 1, "evaluations": 1}
    for key, fewest in least.items():
        value = getattr(shared, key)
        if value is not None and value < fewest:
            raise SettingError(f"{key} must be at least {fewest}, got {value}")
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
        context = RunContext(Store(shared.store), shared.workers, advance)
        return STUDIES[name](context, shared.seeds or seeds, shared.evaluations or evaluations)
    except KeyboardInterrupt:
        raise InterruptError(
            f"stopped; finished runs are kept in {shared.store}: the same command goes on"
        ) from None
    finally:
        stop(bar)
