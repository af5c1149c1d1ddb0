"""What Bayesian search believes: which decisions matter, what would be good, why it asked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from reinas.policies.base import AbstractPolicy
from reinas.policies.bayes import BayesianSearch
from reinas.policies.encoding import encoding
from reinas.policies.model import Model
from reinas.types import Decision
from reinas.web.replay import Look, Replay

SAMPLES = 400
"""Random architectures over which effects of single options are averaged."""

EVERY_BATCH = False

Floats = NDArray[np.float64]


def is_shown(policy: AbstractPolicy) -> bool:
    """Whether there is a view of this policy here."""
    return isinstance(policy, BayesianSearch)


def look(decisions: Sequence[Decision]) -> Look:
    """What is kept of each moment: the effect of every option on the predicted score.

    The effect of an option is the mean prediction over random architectures that have it, and a
    decision's importance the share of the predictions' variance that these means explain (the
    first-order index of Sobol 1993).

    Args:
        decisions: The space's decisions.

    Returns:
        A function of the replay and of the policy.
    """
    rng = np.random.default_rng(0)
    code = encoding(tuple(decisions))
    drawn = np.array([rng.integers(d.num_options, size=SAMPLES) for d in decisions]).T
    answers = code.canonical(drawn)
    active = code.active(answers)

    def effects(replay: Replay, policy: AbstractPolicy) -> dict[str, Any] | None:
        assert isinstance(policy, BayesianSearch)
        model = policy.belief()
        if model is None:
            return None
        mean = np.asarray(model.predict(code.bits(answers)).mean, np.float64)
        total = float(mean.var()) or 1.0
        means, importance = [], []
        for t, decision in enumerate(decisions):
            rows = [active[:, t] & (answers[:, t] == o) for o in range(decision.num_options)]
            own = [float(mean[r].mean()) if r.any() else None for r in rows]
            counts = np.array([r.sum() for r in rows], float)
            filled = np.array([m if m is not None else 0.0 for m in own])
            center = (counts * filled).sum() / max(counts.sum(), 1)
            spread = (counts * (filled - center) ** 2).sum() / len(mean)
            means.append(own)
            importance.append(round(float(spread) / total, 4))
        return {"effects": means, "importance": importance, "noise": float(model.noise)}

    return effects


def overview(replay: Replay) -> dict[str, Any]:
    """The decisions, and what was believed at every moment that was looked at."""
    return {
        "kind": "belief",
        "decisions": [
            {"name": d.name, "options": [str(c) for c in d.choices]} for d in replay.space.decisions
        ],
        "moments": [{"batch": b, **seen} for b, seen in replay.until_now() if seen is not None],
        "samples": SAMPLES,
    }


def moment(replay: Replay, batch: int, pair: tuple[int, int] | None = None) -> dict[str, Any]:
    """Why the trials of one batch were proposed, and a slice through what was believed then.

    Args:
        replay: The study once more.
        batch: The batch's number.
        pair: Two decisions for the slice through the best architecture; None: no slice.

    Returns:
        Per trial what was predicted and what came out, in units of the scores; the slice.
    """
    policy, trials = replay.before(batch), replay.trials(batch)
    assert isinstance(policy, BayesianSearch)
    model = policy.belief()
    found: dict[str, Any] = {"batch": batch, "trials": [], "slice": None}
    code = encoding(replay.space.decisions)
    answers = np.array(
        [[*t.answers, *(0,) * (len(replay.space.decisions) - len(t.answers))] for t in trials],
        np.int64,
    )
    predicted = None if model is None else model.predict(code.bits(answers))
    for k, trial in enumerate(trials):
        row: dict[str, Any] = {
            "trial": trial.number,
            "reward": None if trial.outcome is None else trial.outcome.reward,
        }
        if model is not None and predicted is not None:
            deviation = float(np.sqrt(predicted.variance[k]))
            best = float(model.known.max())
            row |= {
                "mean": float(predicted.mean[k]),
                "deviation": deviation,
                "chance": float(
                    ndtr((predicted.mean[k] - best) / np.sqrt(predicted.variance[k] + model.noise))
                ),
            }
        found["trials"].append(row)
    if model is not None and pair is not None:
        found["slice"] = _slice(replay, policy, model, pair)
    return found


def _slice(
    replay: Replay, policy: BayesianSearch, model: Model, pair: tuple[int, int]
) -> dict[str, Any]:
    """Prediction and doubt along two decisions, the others as in the best architecture so far."""
    decisions = replay.space.decisions
    one, other = pair
    code = encoding(decisions)
    best = policy.best_answers()
    rows = np.tile(
        np.array(best, np.int64), (decisions[one].num_options * decisions[other].num_options, 1)
    )
    grid = np.indices((decisions[one].num_options, decisions[other].num_options)).reshape(2, -1)
    rows[:, one], rows[:, other] = grid
    predicted = model.predict(code.bits(code.canonical(rows)))
    shape = (decisions[one].num_options, decisions[other].num_options)
    return {
        "pair": [one, other],
        "mean": np.asarray(predicted.mean, np.float64).reshape(shape).tolist(),
        "deviation": np.sqrt(np.asarray(predicted.variance, np.float64)).reshape(shape).tolist(),
    }
