"""The estimator against the exact gradient: bias and variance (Zoph & Le 2016, section 3.2)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from reinas.compare.page import TextTable
from reinas.policies.distributions import AbstractDistribution
from reinas.policies.exact import all_answers, exact_gradient
from reinas.policies.reinforce import Reinforce, independent, reinforce_loss, zoph_le
from reinas.questions.result import QuestionResult
from reinas.seeds import derive
from reinas.tables.base import AbstractBenchmarkTable
from reinas.threads import one_thread
from reinas.types import Answers, Outcome, Trial

CHILDREN = 8
SAMPLES = (0, 200, 1000)
"""Numbers of samples after which the policy is examined."""
BASELINES = ("none", "moving average", "the batch's own mean")
Rewards = dict[Answers, tuple[float, ...]]
"""The rewards of each architecture, one per training seed."""


@dataclass(frozen=True)
class EstimatorError:
    """Bias and variance of the gradient estimator for one policy in one setting.

    Args:
        policy: The policy's name.
        samples: Number of samples that the policy has learned from.
        rewards: `mean` or `one seed`: the mean over the training seeds, or one of them drawn.
        baseline: One of `BASELINES`.
        along: The mean estimate projected on the exact gradient, in units of its length; 1 means
            no bias.
        low: Lower bound of the 95 % interval of `along`.
        high: Upper bound.
        noise: Variance of one estimate, in squared lengths of the exact gradient.
    """

    policy: str
    samples: int
    rewards: str
    baseline: str
    along: float
    low: float
    high: float
    noise: float


def estimator(
    table: AbstractBenchmarkTable, batches: int, on_step: Callable[[int, int], None]
) -> QuestionResult:
    """Bias and variance, with and without a baseline, with deterministic and random rewards.

    The exact gradient is a sum over all architectures (section 3.2).

    Args:
        table: A table whose space can be enumerated.
        batches: Number of gradients, of 8 children each, that are estimated in each setting.
        on_step: Called with the number of finished steps and of all steps.

    Returns:
        The tables of bias and variance.
    """
    space = table.space
    answers = all_answers(space)
    seen: Rewards = {}
    for row in answers.tolist():
        entry = table.look(tuple(row))
        seen[tuple(row)] = (0.0,) if entry is None else entry.rewards
    means = torch.tensor([float(np.mean(rewards)) for rewards in seen.values()])
    policies = {"independent": independent(space), "zoph-le": zoph_le(space, learning_rate=0.01)}
    measured: list[EstimatorError] = []
    total = len(policies) * len(SAMPLES)
    with one_thread():
        for name, policy in policies.items():
            done = 0
            for samples in SAMPLES:
                _learn(policy, seen, done, samples)
                done = samples
                on_step(len(measured) // (2 * len(BASELINES)), total)
                measured += _estimates(name, samples, policy, answers, means, seen, batches)
    on_step(total, total)
    protocol = (
        f"{table.settings.get('name')} {table.settings.get('data', '')}: {len(means):,}"
        f" architectures; {batches} estimates of {CHILDREN} children each; the policies after 0,"
        " 200 and 1,000 samples of learning (independent at rate 0.1, the LSTM at 0.01)."
    )
    more = {"measured": [asdict(m) for m in measured]}
    question = "There is no state and the reward is not random: what does the estimator cost?"
    return QuestionResult(question, protocol, (), _tables(measured), more)


def _learn(policy: Reinforce, seen: Rewards, done: int, until: int) -> None:
    """Let a policy that has learned from `done` samples learn from mean rewards up to `until`."""
    length = len(next(iter(seen)))
    for batch in range(done // CHILDREN, until // CHILDREN):
        drawn = policy.propose(CHILDREN, length=length, seed=derive(0, "estimator", batch))
        policy.update(
            [Trial(k, batch, a, Outcome(float(np.mean(seen[a])))) for k, a in enumerate(drawn)]
        )


def _estimates(
    name: str,
    samples: int,
    policy: Reinforce,
    answers: Tensor,
    means: Tensor,
    seen: Rewards,
    batches: int,
) -> list[EstimatorError]:
    network = policy.network
    exact = _flat(exact_gradient(network, answers, means))
    average = policy.baseline.average
    if np.isnan(
        average
    ):  # nothing was learned yet: take the initial policy's exact expected reward
        with torch.no_grad():
            average = float(network.log_prob(answers).sum(1).exp() @ means)
    settings = [(drawn, base) for drawn in (False, True) for base in BASELINES]
    estimates: dict[tuple[bool, str], list[Tensor]] = {setting: [] for setting in settings}
    rng = np.random.default_rng(derive(samples, "estimator", name))
    generator = torch.Generator().manual_seed(derive(samples, "estimator", name, "draws"))
    for _ in range(batches):
        drawn_answers = network.sample(CHILDREN, answers.shape[1], generator)
        rows = [seen[tuple(row)] for row in drawn_answers.tolist()]
        given = {
            False: torch.tensor([float(np.mean(row)) for row in rows]),
            True: torch.tensor([row[rng.integers(len(row))] for row in rows]),
        }
        log_probs = network.log_prob(drawn_answers)
        for setting in settings:
            rewards = given[setting[0]]
            baseline = {"none": 0.0, "moving average": average}.get(
                setting[1], float(rewards.mean())
            )
            loss = -reinforce_loss(log_probs, rewards, baseline)
            estimates[setting].append(_gradient(network, loss))
    return [
        _error(name, samples, drawn, base, torch.stack(estimates[drawn, base]), exact)
        for drawn, base in settings
    ]


def _gradient(network: AbstractDistribution, value: Tensor) -> Tensor:
    parameters = [p for p in network.parameters() if p.requires_grad]
    return _flat(
        torch.autograd.grad(
            value, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
        )
    )


def _flat(gradient: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([part.flatten() for part in gradient]).double()


def _error(
    name: str, samples: int, drawn: bool, base: str, estimates: Tensor, exact: Tensor
) -> EstimatorError:
    length = float(exact.square().sum())
    along = estimates @ exact / length
    error = 1.96 * float(along.std()) / len(along) ** 0.5
    noise = float((estimates - estimates.mean(0)).square().sum(1).mean()) / length
    mean = float(along.mean())
    kind = "one seed" if drawn else "mean"
    return EstimatorError(name, samples, kind, base, mean, mean - error, mean + error, noise)


def _tables(measured: list[EstimatorError]) -> tuple[TextTable, ...]:
    head = ["policy", "samples", "rewards", *BASELINES]
    groups: dict[tuple[str, int, str], dict[str, EstimatorError]] = {}
    for m in measured:
        groups.setdefault((m.policy, m.samples, m.rewards), {})[m.baseline] = m

    def rows(cell: Callable[[EstimatorError], str]) -> list[list[str]]:
        return [
            [name, f"{samples:,}", kind, *(cell(by[base]) for base in BASELINES)]
            for (name, samples, kind), by in groups.items()
        ]

    def along(m: EstimatorError) -> str:
        return f"{m.along:.3f} [{m.low:.3f}, {m.high:.3f}]"

    return (
        TextTable(
            "Bias: mean estimate along the exact gradient; 1 means no bias", head, rows(along)
        ),
        TextTable(
            "Variance of one estimate, in squared lengths of the exact gradient",
            head,
            rows(lambda m: f"{m.noise:,.1f}"),
        ),
    )
