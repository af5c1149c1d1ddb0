"""A kind of task is added in one place: Poisson regression from search to prediction."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_poisson_deviance
from torch.nn import functional

import reinas
from reinas.objectives.base import Objective
from reinas.tasks.base import Part, Parts

SPACE = reinas.MlpSpace(depth=1, widths=(4, 8), activations=("tanh",))


@dataclass(frozen=True)
class Poisson(Objective):
    """Counts: the network gives the logarithm of the rate."""

    eps: float = 1e-8

    def loss(self, outputs, targets):
        return functional.poisson_nll_loss(outputs, targets, log_input=True, eps=self.eps)

    def score(self, outputs, targets):
        return -float(functional.l1_loss(outputs.exp(), targets))

    def predictions(self, outputs, classes):
        return outputs.exp().squeeze(-1).tolist()


@dataclass(frozen=True)
class Counts(reinas.AbstractTask):
    """Counts with the rate e to the sum of two inputs."""

    reward: str = "auto"
    name: ClassVar[str] = "counts"
    objective: ClassVar[Objective] = Poisson()
    inputs: ClassVar[tuple[int, ...]] = (2,)
    outputs: ClassVar[int] = 1
    recipe: ClassVar[reinas.Recipe] = reinas.Recipe(
        optimizer="adam", learning_rate=0.02, epochs=10, batch_size=32
    )

    def _part(self, seed):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((200, 2)).astype(np.float32)
        return Part(x, rng.poisson(np.exp(x.sum(1, keepdims=True))).astype(np.float32))

    def parts(self):
        return Parts(self._part(0), self._part(1))

    def test(self):
        return self._part(2)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The search and the saved network."""
    folder, store = tmp_path_factory.mktemp("own"), reinas.MemoryStore()
    study = reinas.search(
        SPACE,
        reinas.RandomSearch(SPACE),
        reinas.TrainedEvaluator(Counts()),
        budget=reinas.Budget(4),
        store=store,
        name="s",
    )
    done = reinas.finish(store, "s", SPACE, Counts(), folder=folder, grid=None)
    return study, done, folder


def test_the_reward_is_its_score(finished):
    """The highest of the last five epochs: an own objective needs to name no reward."""
    study, _, _ = finished
    scores = [epoch.score for epoch in study.best_trial.outcome.curve.epochs[-5:]]
    assert study.best_trial.reward == max(scores)
    assert study.best_trial.outcome.metrics["score"] == scores[-1]


def test_it_is_tested_by_its_loss_and_score(finished):
    """Recomputed from the loaded network's raw outputs; the summary names the score."""
    _, done, folder = finished
    part = Counts().test()
    with torch.no_grad():
        rate = reinas.load(folder)(torch.from_numpy(part.x)).double().exp().numpy()
    metrics = done.final.metrics
    assert metrics["score"] == pytest.approx(-np.abs(rate - part.y).mean(), rel=1e-4)
    assert metrics["loss"] == pytest.approx((rate - part.y * np.log(rate)).mean(), rel=1e-4)
    assert done.final.summary == f"score {metrics['score']:.4g}"


def test_the_loaded_network_predicts_by_it(finished):
    """Its predictions are rates, and better ones than the mean."""
    _, _, folder = finished
    part = Counts().test()
    rates = np.array(reinas.load(folder).predict(torch.from_numpy(part.x)))
    mean = np.full(len(rates), part.y.mean())
    assert mean_poisson_deviance(part.y[:, 0], rates) < mean_poisson_deviance(part.y[:, 0], mean)


def test_the_network_records_it_by_module_and_name(finished):
    """With its parameters."""
    _, _, folder = finished
    settings = reinas.load(folder).description["task"]["objective"]
    assert settings == {"name": f"{__name__}:Poisson", "eps": 1e-8}
