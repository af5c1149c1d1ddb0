"""`reinas compare --question`: the review's questions by name."""

from collections.abc import Callable

from reinas.cli.compare.options import CompareOptions
from reinas.cli.compare.setup import check_files
from reinas.cli.compare.show import show_question
from reinas.cli.interrupts import interruptible
from reinas.cli.output import Bar
from reinas.compare.runs import table_of
from reinas.config.execution import worker_count
from reinas.config.settings import Settings
from reinas.errors import InvalidSettingError, nearest
from reinas.questions import estimator
from reinas.questions.result import QuestionResult, RunContext
from reinas.questions.rl import rl
from reinas.questions.rnn import rnn
from reinas.store import Store

SIZES = {"rnn": (100, 1000), "rl": (100, 200)}
"""Seeds and evaluations of a question, unless they are given."""
ESTIMATES = 2000
"""How many gradients the question `estimator` estimates per setting, unless seeds are given."""
OWN_SETTINGS = ("policies", "at", "batch_size", "reuse", "first_seed", "stopping")
"""What a question brings itself."""
QUESTIONS: dict[str, Callable[..., QuestionResult]] = {
    "rnn": rnn,
    "rl": rl,
}


def on_question(options: CompareOptions, name: str, given: Settings) -> None:
    """Answer the question of that name, with a progress bar."""
    _check(options, name, given)
    check_files(options)
    bar = Bar()
    task = bar.add_task(name, total=None, note="")

    def advance(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    def stopped() -> str:
        return f"stopped; finished runs are kept in {options.store}: the same command continues"

    with interruptible(bar, stopped):
        bar.start()
        result = _answer(options, name, advance)
    show_question(options, result)


def _check(options: CompareOptions, name: str, given: Settings) -> None:
    """Raise `InvalidSettingError` where the question does not take the options."""
    known = [*QUESTIONS, "estimator"]
    if name not in known:
        raise InvalidSettingError("question", f"'{name}' is not known: {nearest(name, known)}")
    for key in OWN_SETTINGS:
        if key in given:
            raise InvalidSettingError(key, "must be left out: a question has its own settings")
    if name == "estimator":
        if options.evaluations is not None:
            raise InvalidSettingError(
                "evaluations", "must be left out: estimator takes --seeds estimates per setting"
            )
        if options.seeds is not None and options.seeds < 2:
            raise InvalidSettingError("seeds", f"must be at least 2, got {options.seeds}")


def _answer(
    options: CompareOptions, name: str, advance: Callable[[int, int], None]
) -> QuestionResult:
    if name == "estimator":
        table = table_of({"name": "nasbench201", "data": "cifar10"})
        return estimator.estimator(table, options.seeds or ESTIMATES, advance)
    seeds, evaluations = SIZES[name]
    context = RunContext(Store(options.store), worker_count(options), advance)
    answer = QUESTIONS[name]
    return answer(context, options.seeds or seeds, options.evaluations or evaluations)
