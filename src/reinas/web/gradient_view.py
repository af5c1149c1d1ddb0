"""A policy that is trained by policy gradient: its probabilities, and what a batch changes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reinas.errors import SettingError
from reinas.policies.base import AbstractPolicy
from reinas.policies.distributions import Conditions, TellsOptions
from reinas.policies.policy_gradient import PolicyGradient
from reinas.policies.reinforce import Reinforce
from reinas.threads import one_thread
from reinas.types import Choice, Decision, Link, Trial
from reinas.web.replay import Look, Replay

SAMPLES = 64
"""Architectures over which the probabilities of a decision, which depend on the earlier answers,
are averaged."""

EVERY_BATCH = False

Floats = NDArray[np.float64]


def is_shown(policy: AbstractPolicy) -> bool:
    """Whether there is a view of this policy here."""
    return isinstance(policy, PolicyGradient) and isinstance(policy.network, TellsOptions)


def look(decisions: Sequence[Decision]) -> Look:
    """What is kept of each moment: per decision the mean probability of every option.

    Args:
        decisions: The space's decisions.

    Returns:
        A function of the replay and of the policy.
    """

    def probabilities(replay: Replay, policy: AbstractPolicy) -> dict[str, list[Any]]:
        network = _network(policy)
        generator = torch.Generator().manual_seed(0)
        with one_thread(), torch.no_grad():
            answers = network.sample(SAMPLES, len(decisions), generator)
            options = [o.exp() for o in network.options(answers)]
            active = Conditions(decisions).all_active(answers)
        means: list[list[float] | None] = []
        entropies: list[float | None] = []
        for t, shares in enumerate(options):
            rows = shares[active[:, t]].double()
            if not len(rows):
                means.append(None)
                entropies.append(None)
                continue
            means.append([round(float(p), 4) for p in rows.mean(0)])
            entropy = -torch.special.xlogy(rows, rows).sum(1).mean()
            entropies.append(round(float(entropy), 4))
        return {"probabilities": means, "entropies": entropies}

    return probabilities


def overview(replay: Replay) -> dict[str, Any]:
    """The decisions, and the probabilities at every moment that was looked at."""
    return {
        "kind": "gradient",
        "decisions": [_described(decision) for decision in replay.space.decisions],
        "moments": [{"batch": batch, **seen} for batch, seen in replay.until_now()],
        "samples": SAMPLES,
    }


def moment(replay: Replay, batch: int) -> dict[str, Any]:
    """What one batch did to the policy.

    Args:
        replay: The study once more.
        batch: The batch's number.

    Returns:
        Baseline; per trial its reward, its advantage, and per decision the log-probability of its
        answer before and after the update; per decision the norm of the gradient at its softmax.
    """
    policy, trials = replay.before(batch), replay.trials(batch)
    network = _network(policy)
    assert isinstance(policy, PolicyGradient)
    advantages = policy.baseline.advantages(trials)
    answers = torch.tensor([t.answers for t in trials], dtype=torch.int64)
    decisions = replay.space.decisions[: answers.shape[1]]
    active = Conditions(decisions).all_active(answers)
    with one_thread(), torch.no_grad():
        before = network.scores(answers)[0]
        norms = _softmax_gradients(network.options(answers), answers, active, advantages)
    policy.update(trials)
    with one_thread(), torch.no_grad():
        after = network.scores(answers)[0]
    live = active.tolist()
    return {
        "batch": batch,
        "baseline": advantages.baseline,
        "trials": [
            {
                "trial": trial.number,
                "reward": value,
                "advantage": value - advantages.baseline,
                "answers": _words(decisions, trial),
                "before": _where(live[k], before[k]),
                "after": _where(live[k], after[k]),
            }
            for k, (trial, value) in enumerate(zip(trials, advantages.rewards, strict=True))
        ],
        # only REINFORCE takes one step along exactly this gradient
        "norms": norms if isinstance(policy, Reinforce) else None,
    }


def _network(policy: AbstractPolicy) -> Any:
    if not is_shown(policy):
        raise SettingError("this policy has no softmaxes to look at")
    assert isinstance(policy, PolicyGradient)
    return policy.network


def _softmax_gradients(
    options: Sequence[Tensor], answers: Tensor, active: Tensor, advantages: Any
) -> list[float]:
    """Per decision the norm of the gradient of the expected reward at the softmax's inputs.

    The gradient of log P(a) at the inputs is one-hot(a) - p; weighted by the advantages, and the
    mean over the batch (Zoph & Le 2016, section 3.2).
    """
    weight = torch.tensor(advantages.rewards).double() - advantages.baseline
    norms = []
    for t, log_probs in enumerate(options):
        shares = log_probs.exp().double()
        chosen = torch.nn.functional.one_hot(answers[:, t], shares.shape[1])
        gradient = ((chosen - shares) * (weight * active[:, t])[:, None]).mean(0)
        norms.append(float(gradient.norm()))
    return norms


def _described(decision: Decision) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": decision.name,
        "options": [str(choice) for choice in decision.choices],
    }
    match decision:
        case Link(source=source, target=target):
            described["link"] = [source, target]
        case Choice(kind=kind, layer=layer):
            described |= {"kind": kind, "layer": layer}
    return described


def _words(decisions: Sequence[Decision], trial: Trial) -> list[str]:
    return [str(d.choices[a]) for d, a in zip(decisions, trial.answers, strict=False)]


def _where(live: Sequence[bool], values: Tensor) -> list[float | None]:
    return [float(v) if is_live else None for v, is_live in zip(values, live, strict=True)]
