"""The command `reinas compare`."""

from collections.abc import Iterable
from typing import Annotated

from reinas.cli.compare.options import CompareOptions, TableOptions, WhatOptions
from reinas.cli.options import set_option, set_settings, with_options
from reinas.config.option import option_fields
from reinas.config.options import PartOptions
from reinas.config.settings import Settings, read
from reinas.errors import InvalidSettingError, SettingError

WHAT = {"table": "--table", "task.name": "--task", "question": "--question"}


@with_options(WhatOptions, PartOptions, CompareOptions, TableOptions, without=["policy"])
def compare(
    given: Settings,
    set_: Annotated[
        list[str] | None,
        set_option("Any parameter of the table, or of the space, task and recipe."),
    ] = None,
) -> None:
    """Compare policies at equal cost: the same seeds, evaluations and rewards for each.

    Every finished run is kept in the store: the same command continues where it was stopped, and
    with more seeds or another policy runs only what is missing. Parameters of a policy that are
    not given are its published defaults.

    Examples:
    - `reinas compare --table nasbench201:cifar10 --policies random,local,bayes --html page.html`
    - `reinas compare --table nasbench201:cifar10 --policies
    random,evolution:population=10:sample=5`
    - `reinas compare --table nasbench201:cifar100 --policies random,tpe,zoph-le:learning_rate=0.01
    --seeds 20 --evaluations 400 --at 100,400`
    - `reinas compare --table runs.csv --decisions depth,width --reward val_1,val_2 --report test`
    - `reinas compare --table runs.csv --decisions depth,width --reward val_27 --fidelities
    val_1,val_3,val_9 --stopping asha`
    - `reinas compare --table landscape --set table.interactions=2 --policies independent,zoph-le`
    - `reinas compare --task digits --space nasbench201 --set space.channels=4`
    - `reinas compare --question rl`
    """
    kind = _kind(given)
    more = set_settings(set_)
    options = read(CompareOptions, given)
    measured = {"task.target", "task.metric", "task.class_weight"}
    parts = {"space.name", *measured, "recipe.epochs", "name"}
    _refuse(given, parts, kind, "task.name")
    _refuse(given, {*_keys(TableOptions), "noise"}, kind, "table")
    from reinas.cli.compare import run

    if kind == "table":
        run.on_table(options, str(given["table"].value), given, more)
    elif kind == "task.name":
        children = {key: given[key] for key in ("task.name", *parts) if key in given}
        run.on_task(options, {k: s for k, s in children.items() if k != "name"}, more)
    else:
        if more:
            raise InvalidSettingError("set", "is for --table and --task: leave it out")
        from reinas.cli.compare import questions

        questions.on_question(options, str(given["question"].value), given)


def _kind(given: Settings) -> str:
    """The key of the one option that says what policies are compared on."""
    chosen = [key for key in WHAT if key in given]
    if len(chosen) != 1:
        got = " and ".join(WHAT[key] for key in chosen)
        raise SettingError(
            "give one of --table, --task and --question, on which policies are compared"
            + (f"; got {got}" if got else "")
        )
    return chosen[0]


def _keys(model: type[TableOptions]) -> set[str]:
    return {field.key for field in option_fields([model])}


def _refuse(given: Settings, keys: Iterable[str], kind: str, needed: str) -> None:
    """Raise `InvalidSettingError` for an option that belongs to another kind of comparison."""
    for key in sorted(keys):
        if key in given and kind != needed:
            raise InvalidSettingError(
                key, f"is for {WHAT[needed]}, and not for {WHAT[kind]}: leave it out"
            )
