"""A plain function that builds children, reports while they train, and costs in rewards."""

import pickle

import pytest
import torch
from torch import nn

import reinas
from reinas.children.build import load_builder
from reinas.errors import SettingError
from reinas.rewards import constrained

SPACE = reinas.MlpSpace(depth=1, widths=(4, 8), activations=("tanh",))
RECIPE = reinas.Recipe(optimizer="adam", learning_rate=0.02, epochs=4, batch_size=32)


def linear(architecture, task) -> nn.Module:
    """A linear layer, whatever the architecture."""
    return nn.Linear(*task.inputs, task.outputs)


def undeclared(architecture, task):
    return nn.Linear(*task.inputs, task.outputs)


def job(on_report=None):
    return reinas.Job(0, SPACE.decode(SPACE.sample(1, 0)[0]), 7, on_report)


def test_children_are_built_by_the_function():
    """A linear model of wine has 13 x 3 + 3 parameters."""
    evaluator = reinas.TrainedEvaluator(reinas.Wine(), RECIPE, build=linear)
    evaluator.check(job().architecture)
    assert evaluator(job()).metrics["parameters"] == 42


def test_it_travels_to_worker_processes_and_is_recorded():
    """By its module and name."""
    evaluator = reinas.TrainedEvaluator(reinas.Wine(), RECIPE, build=linear)
    assert pickle.loads(pickle.dumps(evaluator)) == evaluator
    assert evaluator.settings["build"] == f"{__name__}:linear"
    assert "build" not in reinas.TrainedEvaluator(reinas.Wine(), RECIPE).settings


def test_a_function_that_cannot_be_imported_is_refused():
    """A lambda does not travel."""
    with pytest.raises(SettingError, match="build should be a function"):
        reinas.TrainedEvaluator(reinas.Wine(), build=lambda a, t: nn.Linear(1, 1))


def test_a_function_from_a_file_is_called_only_if_it_is_declared_to_build():
    """The name comes from data."""
    assert load_builder(f"{__name__}:linear") is linear
    with pytest.raises(SettingError, match="no annotation"):
        load_builder(f"{__name__}:undeclared")


@pytest.mark.parametrize("named", [True, False])
def test_finish_and_load_build_by_it(tmp_path, named):
    """By the recorded name, or given again."""
    build = linear if named else undeclared
    given = {} if named else {"build": build}
    store = reinas.MemoryStore()
    evaluator = reinas.TrainedEvaluator(reinas.Wine(), RECIPE, build=build)
    reinas.search(
        SPACE,
        reinas.RandomSearch(SPACE),
        evaluator,
        budget=reinas.Budget(2),
        store=store,
        name="s",
    )
    done = reinas.finish(
        store, "s", SPACE, reinas.Wine(), folder=tmp_path, grid=None, epochs=2, **given
    )
    assert done.final.metrics["parameters"] == 42
    loaded = reinas.load(tmp_path, **given)
    assert isinstance(loaded.child, nn.Linear)
    right = loaded(torch.from_numpy(reinas.Wine().test().x)).argmax(1).numpy()
    assert (right == reinas.Wine().test().y).mean() == pytest.approx(done.final.metrics["accuracy"])


def test_a_function_given_to_finish_alone_is_recorded(tmp_path):
    """The saved network is what it built, so it is loaded by it."""
    store = reinas.MemoryStore()
    reinas.search(
        SPACE,
        reinas.RandomSearch(SPACE),
        reinas.TrainedEvaluator(reinas.Wine(), RECIPE),
        budget=reinas.Budget(1),
        store=store,
        name="s",
    )
    about = (store, "s", SPACE, reinas.Wine())
    with pytest.raises(SettingError, match="build should be a function"):
        reinas.finish(*about, folder=tmp_path, build=lambda a, t: nn.Linear(1, 1))
    reinas.finish(*about, folder=tmp_path, grid=None, epochs=1, build=linear)
    assert reinas.load(tmp_path).description["build"] == f"{__name__}:linear"


def test_every_epoch_reports_the_reward_by_then():
    """Accuracy: the best of the epochs so far; the last report is the reward."""
    seen = []
    found = reinas.TrainedEvaluator(reinas.Wine(), RECIPE)(job(lambda *row: seen.append(row)))
    scores = [epoch.score for epoch in found.curve.epochs]
    assert seen == [(n, max(scores[:n])) for n in range(1, 5)]
    assert seen[-1][1] == found.reward


def test_costs_are_measured_where_the_reward_asks_for_them():
    """A linear model: 39 multiply-adds; some time, which nothing else is measured."""
    reward = constrained("accuracy", flops=39, latency=1e9, exponent=(0, -1))
    task = reinas.Wine(reward=reward)
    found = reinas.TrainedEvaluator(task, RECIPE, build=linear)(job())
    assert found.metrics["flops"] == 39
    assert 0 < found.metrics["latency"] < 1
    assert found.reward == max(epoch.score for epoch in found.curve.epochs)
    plain = reinas.TrainedEvaluator(reinas.Wine(), RECIPE, build=linear)(job())
    assert not {"flops", "latency"} & plain.metrics.keys()


def test_twice_the_target_costs_half_the_reward():
    """With exponents (0, -1)."""
    task = reinas.Wine(reward=constrained("accuracy", parameters=21, exponent=(0, -1)))
    found = reinas.TrainedEvaluator(task, RECIPE, build=linear)(job())
    best = max(epoch.score for epoch in found.curve.epochs)
    assert found.reward == pytest.approx(best / 2)


def no_module(architecture, task):
    return None


def too_wide(architecture, task) -> nn.Module:
    return nn.Linear(*task.inputs, task.outputs + 1)


def too_narrow(architecture, task) -> nn.Module:
    return nn.Linear(5, task.outputs)


def forgetful(architecture, task) -> nn.Module:
    return {}["width"]


class OnlyForReal(nn.Module):
    """Its shape depends on numbers, which the meta device has none of."""

    def forward(self, x):
        return x[:, :3] * x.abs().sum().item()


def only_for_real(architecture, task) -> nn.Module:
    return OnlyForReal()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (no_module, "no_module of 4 tanh should give a torch.nn.Module, got NoneType"),
        (too_wide, r"inputs of shape \(2, 13\) to outputs of shape \(2, 3\), got \(2, 4\)"),
        (
            too_narrow,
            r"does not take inputs of shape \(2, 13\): RuntimeError: .*13\] X",
        ),
        (forgetful, "forgetful of 4 tanh failed: KeyError: 'width'"),
    ],
)
def test_a_function_that_builds_nothing_useful_is_refused(build, words):
    """In one sentence, before the search begins."""
    evaluator = reinas.TrainedEvaluator(reinas.Wine(), RECIPE, build=build)
    with pytest.raises(SettingError, match=words):
        evaluator.check(SPACE.decode((0, 0, 0)))


def test_a_network_that_cannot_run_without_numbers_is_not_refused():
    """Whether it fits is seen where it is trained."""
    evaluator = reinas.TrainedEvaluator(reinas.Wine(), RECIPE, build=only_for_real)
    evaluator.check(SPACE.decode((0, 0, 0)))
