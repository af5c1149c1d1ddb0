"""A search that is written by hand into a store, so that every number in a report is known."""

import pytest

from reinas import (
    ConvSpace,
    Digits,
    MemoryStore,
    MlpSpace,
    Outcome,
    RandomSearch,
    Recipe,
    TrainedEvaluator,
    Wine,
)
from reinas.store.values import FinalRecord, Proposal

SPACE = MlpSpace(depth=2, widths=(4, 8), activations=("relu", "tanh"))

# number, batch, answers, repeat of, reward or reason, seconds
TRIALS = [
    (0, 0, (0, 0, 0, 0, 0), None, 0.50, 2.0),
    (1, 0, (0, 1, 0, 0, 0), None, "ValueError: bad [luck]", 0.5),
    (2, 0, (1, 0, 0, 1, 1), None, 0.75, 3.0),
    (3, 1, (0, 0, 1, 0, 0), None, 0.75, 4.0),  # as good as 2, but later
    (4, 1, (1, 0, 0, 1, 1), 2, 0.75, 0.0),
    (5, 1, (0, 1, 1, 0, 0), None, "diverged <b>badly</b>", 1.0),
    (6, 2, (1, 1, 1, 1, 1), None, 0.90, 5.0),
    (7, 2, (1, 1, 0, 1, 0), None, "diverged <b>badly</b>", 1.5),
    (8, 2, (0, 0, 0, 0, 0), None, 0.60, 2.5),  # the first once more, trained anew
]
DIAGNOSTICS = [
    (0, {"reward": 1.25 / 3, "entropy": 3.0}),
    (1, {"reward": 0.5, "entropy": 2.0}),
    (2, {"reward": 0.5, "entropy": 1.0}),
]
FINAL = FinalRecord(
    6,
    {"epochs": 9},
    {"examples": 36, "parameters": 211, "accuracy": 0.9722, "low": 0.8583, "high": 0.9951},
    "2026-01-01T00:00:00+00:00",
    "accuracy 0.9722 (95 % interval 0.8583 to 0.9951)",
)


def settings_of(space, task):
    evaluator = TrainedEvaluator(task, Recipe(epochs=3))
    space_settings = {k: list(v) if isinstance(v, tuple) else v for k, v in space.settings.items()}
    return {
        "space": space_settings,
        "policy": dict(RandomSearch(space).settings),
        "evaluator": dict(evaluator.settings),
        "batch_size": 3,
        "seed": 5,
        "reuse": True,
    }


def write(log, trials, diagnostics=(), text=str):
    """Write trials, as TRIALS has them, and the policy's diagnostics."""
    for batch in sorted({t[1] for t in trials}):
        rows = [t for t in trials if t[1] == batch]
        log.propose(batch, [Proposal(n, a, a, text(a), r) for n, _, a, r, _, _ in rows])
    for number, _, _, _, result, seconds in trials:
        if isinstance(result, str):
            outcome = Outcome(None, seconds, error=result)
        else:
            outcome = Outcome(result, seconds, {"parameters": 100 + number, "accuracy": result})
        log.record(number, outcome)
    for batch, values in diagnostics:
        log.learned(batch, values, {})


@pytest.fixture
def make_log():
    """A log of these trials; everything about it can be chosen."""

    def make(
        trials=TRIALS,
        diagnostics=DIAGNOSTICS,
        *,
        name="demo",
        space=SPACE,
        task=None,
        settings=None,
        text=None,
    ):
        chosen = {**settings_of(space, task or Wine()), **(settings or {})}
        log = MemoryStore().put(name, chosen, 12)
        write(log, trials, diagnostics, text or (lambda answers: str(space.decode(answers))))
        return log

    return make


@pytest.fixture
def conv_log(make_log):
    """Two trials of convolutional networks on digits."""
    space = ConvSpace(depth=3, filters=(2, 3), strides=(1, 2))
    answers = [space.sample(1, seed)[0] for seed in (1, 2)]
    trials = [(n, 0, a, None, 0.5 + n / 10, 1.0) for n, a in enumerate(answers)]
    return make_log(trials, [], space=space, task=Digits())


@pytest.fixture
def log(make_log):
    """TRIALS and DIAGNOSTICS."""
    return make_log()


@pytest.fixture
def final():
    """A test result for the best trial."""
    return FINAL
