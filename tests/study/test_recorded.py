"""Searches give the trials that they gave before the study became their core.

`recorded.json` was written by the code of version 0.1.0, and for `bayes` by that which learns
failures apart. For each case it has the trials (answers in hexadecimal digits, batch, the trial
that it repeats, reward) and the last batch's diagnostics.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from reinas import AbstractEvaluator, Budget, Growth, Outcome, TrainedEvaluator, search
from reinas.compare.comparison import policy_spec
from reinas.compare.runs import RunSpec, run, table_of
from reinas.registry import make

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
SPACES = {
    "conv": {"name": "conv", "depth": 3, "strides": (1, 2)},
    "mlp": {"name": "mlp", "depth": 3},
    "nasbench201": {"name": "nasbench201"},
    "recurrent": {"name": "recurrent", "base": 4},
}
POLICIES = {
    "bayes": {"name": "bayes", "seed": 5},
    "zoph-le": {"name": "zoph-le", "learning_rate": 0.02, "seed": 5},
    "independent": {"name": "independent"},
    "random": {"name": "random"},
    "evolution": {"name": "evolution", "population": 10, "sample": 5},
    "local": {"name": "local"},
    "tpe": {"name": "tpe"},
}


class Scored(AbstractEvaluator):
    """A reward that depends on the answers and a little on the job's seed; one in ten fails."""

    settings: ClassVar = {"name": "scored"}

    def __init__(self, space):
        self.space = space

    def __call__(self, job):
        answers = self.space.encode(job.architecture)
        text = repr((answers, job.seed % 7)).encode()
        digest = hashlib.blake2b(text, digest_size=8).digest()
        value = int.from_bytes(digest, "big") / 2**64
        if value < 0.1:
            raise ValueError("told to fail")
        return Outcome(value)


def trials(record):
    return [
        ["".join(f"{a:x}" for a in t.answers), t.batch, t.repeat_of, t.outcome.reward]
        for t in record.finished()
    ]


def searched(space, policy, **more):
    made = make("space", SPACES[space])
    policy = make("policy", POLICIES[policy], space=made)
    return search(made, policy, Scored(made), **more).record


def assert_recorded(case, record):
    """The same trials, and the diagnostics but for the last bits of another processor."""
    assert trials(record) == RECORDED[case]["trials"]
    assert record.diagnostics()[-1][1] == pytest.approx(RECORDED[case]["diagnostics"], rel=1e-4)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_on_every_space(space, policy):
    """36 trials in batches of the policy's own size."""
    record = searched(space, policy, budget=Budget(36), seed=11)
    assert_recorded(f"{space}/{policy}", record)


@pytest.mark.parametrize("space", SPACES)
def test_searches_that_evaluate_repeats_again(space):
    """24 trials in batches of four."""
    record = searched(space, "zoph-le", budget=Budget(24), batch_size=4, seed=12, reuse=False)
    assert_recorded(f"{space}/zoph-le/train", record)


def test_a_search_whose_networks_grow():
    """From one layer, one more every twelve trials."""
    growth = Growth(1, 1, 12)
    record = searched("conv", "zoph-le", budget=Budget(36), batch_size=6, seed=13, growth=growth)
    assert_recorded("conv/zoph-le/growth", record)


@pytest.mark.parametrize("policy", POLICIES)
def test_runs_of_comparisons(policy):
    """60 evaluations on NAS-Bench-201, rewards drawn from the training seeds."""
    settings = {k: v for k, v in POLICIES[policy].items() if k != "seed"}
    table = table_of({"name": "nasbench201", "data": "cifar10"})
    settings = policy_spec(policy, settings).settings
    found = run(RunSpec(table.settings, table.fingerprint, "seeds", settings, None, 60, True, 3))
    assert found.rewards.tolist() == RECORDED[f"compare/{policy}"]["rewards"]
    assert found.places.tolist() == RECORDED[f"compare/{policy}"]["places"]


def test_trained_children():
    """Convolutional networks for digits; a reward may differ by a few images elsewhere."""
    space = make("space", {"name": "conv", "depth": 2, "filters": (4, 8)})
    task = make("task", {"name": "digits"})
    policy = make("policy", POLICIES["zoph-le"], space=space)
    evaluator = TrainedEvaluator(task, replace(task.recipe, epochs=2))
    study = search(space, policy, evaluator, budget=Budget(8), batch_size=4, seed=14)
    found, recorded = trials(study.record), RECORDED["trained/conv"]["trials"]
    assert [row[:3] for row in found[:4]] == [row[:3] for row in recorded[:4]]
    rewards = [row[3] for row in found[:4]]
    assert rewards == pytest.approx([row[3] for row in recorded[:4]], abs=0.02)
