"""The policy bayes without each of its parts, and the policy that it was developed from."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from reinas.compare import curves
from reinas.compare.page import interval_text, percent
from reinas.compare.runs import Run, TimedPolicy, of_trials, table_of
from reinas.compare.statistics import interval, share
from reinas.evaluators.tabular import TabularEvaluator
from reinas.executors.serial import Serial
from reinas.policies import bayes, encoding, surrogate
from reinas.policies.acquisition import Acquisition, acquisitions, upper_confidence_bound
from reinas.policies.independent import IndependentSoftmaxes
from reinas.policies.reinforce import reinforce_loss
from reinas.questions.result import QuestionResult, RunContext
from reinas.seeds import derive
from reinas.store.runs import run_key
from reinas.study.budget import Budget
from reinas.study.schedules import Synchronous
from reinas.study.study import Study

TABLE = {"name": "nasbench201", "data": "cifar10"}
EVALUATIONS, AT = 150, (25, 50, 75, 100, 150)


class Imagined(bayes.BayesianSearch):
    """Imagined children: softmaxes trained by policy gradient on the model's predictions.

    For each slot of the batch, the acquisition function is the reward of 8 x 40 imagined children;
    the best of them is proposed.
    """

    def _maximisers(self, count: int, length: int, rng: np.random.Generator) -> list[Any]:
        model = self._model()
        functions = acquisitions(float(model.known.max()), model.noise, enumerated=True)
        decisions = self._space.decisions[:length]
        code = encoding.encoding(decisions)
        known = set(self._history.known)
        proposed = []
        for number in range(count):
            network = IndependentSoftmaxes(decisions)
            adam = torch.optim.Adam(network.parameters(), 0.2)
            generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
            best: dict[tuple[int, ...], float] = {}
            for _ in range(40):
                drawn = network.sample(8, length, generator)
                predicted = model.predict(code.bits(drawn.numpy()))
                scores = functions[number % len(functions)](predicted)
                for row, score in zip(map(tuple, drawn.tolist()), scores, strict=True):
                    if row not in known:
                        best[row] = float(score)
                rewards = torch.tensor(scores, dtype=torch.float32)
                loss = reinforce_loss(network.log_prob(drawn), rewards, float(rewards.mean()))
                adam.zero_grad()
                loss.backward()
                adam.step()
            if best:
                chosen = max(best, key=best.__getitem__)
                known.add(chosen)
                proposed.append(chosen)
        return proposed


def _ranked(rewards: Any) -> Any:
    """Normal scores of the ranks, without the second scale."""
    from scipy.stats import norm, rankdata

    values = norm.ppf((rankdata(rewards) - 0.5) / len(rewards))
    deviation = values.std()
    return values / deviation if deviation > 0 else values


def _confidence_bounds(best: float, noise: float, *, enumerated: bool) -> list[Acquisition]:
    """Upper confidence bounds in place of the probability of improvement with margins."""
    return [partial(upper_confidence_bound, deviations) for deviations in (0.0, 0.5, 1.0, 1.0, 1.5)]


def _without_noise(best: float, noise: float, *, enumerated: bool) -> list[Acquisition]:
    """The doubt about the smooth part of the scores alone."""
    return acquisitions(best, 0.0, enumerated=enumerated)


Patch = tuple[Any, str, Any]
VARIANTS: dict[str, tuple[type[bayes.BayesianSearch], Sequence[Patch]]] = {
    "bayes": (bayes.BayesianSearch, ()),
    "optimism instead of margins": (
        bayes.BayesianSearch,
        [(bayes, "acquisitions", _confidence_bounds)],
    ),
    "noise does not count": (
        bayes.BayesianSearch,
        [(bayes, "acquisitions", _without_noise)],
    ),
    "no distances of options": (
        bayes.BayesianSearch,
        [(encoding, "OPTION", 0.0), (encoding, "KIND", 0.0)],
    ),
    "one distance for all": (
        bayes.BayesianSearch,
        [(encoding, "OPTION", 0.0), (encoding, "KIND", 0.0), (encoding, "DECISION", 0.0)],
    ),
    "decisions share nothing": (bayes.BayesianSearch, [(encoding, "KIND", 0.0)]),
    "no effects of single options": (bayes.BayesianSearch, [(surrogate, "LOG_EFFECT", -20.0)]),
    "ranks alone": (bayes.BayesianSearch, [(bayes, "scores", _ranked)]),
    "weights never fitted": (bayes.BayesianSearch, [(surrogate, "STEPS", 0)]),
    "imagined children": (Imagined, ()),
}


def _run(job: tuple[str, int]) -> Run:
    """One run of a variant in a worker process; its parts are replaced for as long as it runs."""
    name, seed = job
    kind, patches = VARIANTS[name]
    before = [(place, key, getattr(place, key)) for place, key, _ in patches]
    encoding.encoding.cache_clear()
    bayes._enumerated.cache_clear()
    try:
        for place, key, value in patches:
            setattr(place, key, value)
        evaluator = TabularEvaluator(table_of(TABLE))
        space = evaluator.table.space
        policy = TimedPolicy(kind(space, seed=derive(seed, "policy")))
        study = Study(space, policy, seed=seed, budget=Budget(EVALUATIONS))
        Synchronous().run(study, evaluator, Serial())
        return of_trials(study.record.finished(), study.record.diagnostics())
    finally:
        for place, key, value in before:
            setattr(place, key, value)
        encoding.encoding.cache_clear()
        bayes._enumerated.cache_clear()


def ablations(context: RunContext, seeds: int) -> QuestionResult:
    """Each variant on NAS-Bench-201, CIFAR-10: regret, and share of seeds that found the best."""
    from reinas.executors.process_pool import WorkerPool

    jobs = [(name, seed) for name in VARIANTS for seed in range(seeds)]
    kept = context.store.runs()
    keys = {job: run_key({"ablation": job[0], "seed": job[1]}) for job in jobs}
    found = {key: Run.of_state(state) for key, state in kept.get(keys.values()).items()}
    missing = [job for job in jobs if keys[job] not in found]
    context.total += len(jobs)
    context.done += len(jobs) - len(missing)
    workers = WorkerPool(max(1, context.workers))
    try:
        for job, run in workers.run(_run, missing):
            assert isinstance(run, Run), run
            kept.put(keys[job], run.state())
            found[keys[job]] = run
            context.done += 1
            context.on_run(context.done, context.total)
    finally:
        workers.close()
    known = table_of(TABLE).best
    assert known is not None

    def row(name: str, cell: Callable[[Any], str]) -> list[str]:
        runs = [found[keys[name, seed]] for seed in range(seeds)]
        regret = known - curves.best_so_far(runs)
        return [name, *(cell(regret[:, at - 1]) for at in AT)]

    head = ["variant", *(f"at {at}" for at in AT)]
    regrets = [row(name, lambda r: interval_text(interval(r), 3)) for name in VARIANTS]
    hits = [row(name, lambda r: percent(share(int((r < 1e-9).sum()), len(r)))) for name in VARIANTS]
    protocol = (
        f"NAS-Bench-201, CIFAR-10, the table that bayes was tuned on; {seeds} seeds, batches of 5."
        " `imagined children` is the idea that it was developed from: independent softmaxes trained"
        " by policy gradient on the model's acquisition functions, with 320 imagined children per"
        " real one; the best of them is proposed. The other variants leave one part out."
    )
    tables = (
        ("Regret", head, regrets),
        ("Share of seeds that found the best", head, hits),
    )
    return QuestionResult("What does each part of bayes contribute?", protocol, (), tables)
