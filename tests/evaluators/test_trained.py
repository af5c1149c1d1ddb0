"""Training as an evaluation: what the outcome says, and what it must not depend on."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from reinas import (
    ConvSpace,
    Diabetes,
    Digits,
    Job,
    MlpSpace,
    Recipe,
    Toy,
    ToySpace,
    TrainedEvaluator,
    Wine,
    build,
)
from reinas.errors import BuildError
from reinas.executors.base import attempt
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer
from reinas.spaces.mlp import MlpArchitecture, MlpLayer
from reinas.tasks.base import Part, Parts

SMALL = MlpArchitecture((MlpLayer(8, "tanh"),))
QUICK = Recipe(optimizer="adam", learning_rate=0.01, schedule="constant", epochs=7, batch_size=32)


def evaluate(task=None, recipe=QUICK, seed=1, architecture=SMALL):
    return TrainedEvaluator(task or Wine(), recipe)(Job(0, architecture, seed))


def test_the_outcome_tells_the_whole_story():
    """Reward, time, parameters, loss and score of the last epoch, and the curve."""
    outcome = evaluate()
    assert outcome.error is None
    assert outcome.seconds > 0
    assert [e.number for e in outcome.curve.epochs] == [1, 2, 3, 4, 5, 6, 7]
    last = outcome.curve.epochs[-1]
    assert outcome.metrics == {
        "parameters": (13 + 1) * 8 + (8 + 1) * 3,
        "loss": last.loss,
        "accuracy": last.score,
    }


def test_the_reward_is_the_tasks_reward_of_the_curve():
    """By hand: the best accuracy of the last five epochs, cubed; 1 / (1 + the least loss)."""
    outcome = evaluate(Wine(reward="cubed"))
    assert outcome.reward == pytest.approx(max(e.score for e in outcome.curve.epochs[-5:]) ** 3)
    outcome = evaluate(Diabetes())
    assert outcome.metrics.keys() == {"parameters", "loss", "r2"}
    assert outcome.reward == pytest.approx(1 / (1 + min(e.loss for e in outcome.curve.epochs[-5:])))


def test_a_child_learns():
    """Wine is easy: far better than the largest class's share of 40 %."""
    assert evaluate().reward > 0.9


def test_the_reviews_four_children_have_its_losses():
    """About 0.05 and 0.38 with a linear second unit, tens with a sigmoid one (docs/review.md)."""
    space = ToySpace()
    r00, r01, r10, r11 = (
        evaluate(Toy(), Toy().recipe, architecture=space.decode(answers)).metrics["loss"]
        for answers in space.enumerate()
    )
    assert 0.03 < r00 < 0.12
    assert 0.34 < r10 < 0.42
    assert min(r01, r11) > 15


@dataclass(frozen=True)
class Sealed(Wine):
    """Wine whose test part must not be looked at."""

    def test(self):
        raise AssertionError("the test part was read")


@dataclass(frozen=True)
class Flipped(Wine):
    """Wine whose validation part says the contrary of what can be learned."""

    def parts(self):
        parts = Wine().parts()
        return Parts(parts.train, Part(parts.valid.x, (parts.valid.y + 1) % 3))


def test_the_test_part_is_never_read():
    """The outcome is the same where reading it raises."""
    sealed, free = evaluate(Sealed()), evaluate()
    assert (sealed.reward, sealed.curve) == (free.reward, free.curve)


def test_the_reward_comes_from_the_validation_part():
    """Where that contradicts the training part, a child that learns is worth nothing."""
    assert evaluate(Flipped()).reward < 0.2


def test_the_same_job_has_the_same_curve_bit_for_bit():
    """Whatever the global generator was; another seed of job or recipe gives another."""
    torch.manual_seed(1)
    one = evaluate()
    torch.manual_seed(2)
    assert evaluate().curve == one.curve
    assert evaluate(seed=2).curve != one.curve
    other = Recipe(**{**QUICK.settings, "seed": 1})
    assert evaluate(recipe=other).curve != one.curve


def test_initial_weights_depend_on_the_jobs_seed():
    """Two children of one architecture begin differently: seen after one tiny step."""
    tiny = Recipe(optimizer="sgd", learning_rate=1e-9, epochs=1, batch_size=1000)
    assert evaluate(recipe=tiny).curve != evaluate(recipe=tiny, seed=2).curve


def test_the_global_generator_is_put_back():
    """Torch's and NumPy's states are as before."""
    torch.manual_seed(5)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    evaluate()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)


@dataclass(frozen=True)
class Nosy:
    """An architecture whose child looks at the number of threads."""

    raises: bool


SEEN = []


@build.register
def _(architecture: Nosy, task):
    SEEN.append(torch.get_num_threads())
    if architecture.raises:
        raise RuntimeError("no child today")
    return nn.Linear(13, 3)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("raises", [False, True])
def test_a_child_has_one_thread_and_the_caller_gets_its_own_back(two_threads, raises):
    """Also where the child raises; the generator is put back too."""
    SEEN.clear()
    before = torch.get_rng_state()
    outcome = attempt(TrainedEvaluator(Wine(), QUICK), Job(0, Nosy(raises), 1))
    assert (outcome.error is not None) == raises
    assert SEEN == [1]
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("rate", [1e9, 1e30])
def test_a_child_that_diverges_is_a_failed_outcome(rate):
    """No reward, a reason that names the epoch, the curve so far, and no warning."""
    wild = Recipe(learning_rate=rate, epochs=50, schedule="constant")
    outcome = evaluate(Diabetes(), wild)
    assert outcome.reward is None
    assert outcome.error.startswith("diverged: the ")
    assert f"epoch {len(outcome.curve.epochs) + 1}" in outcome.error
    assert outcome.curve.stopped == outcome.error
    assert outcome.metrics["parameters"] == (10 + 1) * 8 + (8 + 1) * 1
    assert outcome.value == 0


def test_the_recipe_is_the_tasks_unless_it_is_given():
    """And both are among the settings, which JSON can hold."""
    assert TrainedEvaluator(Wine()).recipe == Wine().recipe
    settings = TrainedEvaluator(Wine(), QUICK).settings
    assert settings == {"task": {"name": "wine", "reward": "accuracy"}, "recipe": QUICK.settings}


def test_a_pickled_copy_gives_the_same_outcomes():
    """Worker processes get copies."""
    evaluator = TrainedEvaluator(Wine(), QUICK)
    again = pickle.loads(pickle.dumps(evaluator))
    assert again == evaluator
    assert again(Job(0, SMALL, 3)).curve == evaluator(Job(0, SMALL, 3)).curve


@pytest.mark.parametrize(
    ("space", "task"),
    [(ConvSpace(depth=2), Wine()), (ToySpace(), Wine()), (ToySpace(), Digits())],
)
def test_a_space_that_does_not_fit_is_refused_before_the_search(space, task):
    """The message names both."""
    architecture = space.decode(space.sample(1, 0)[0])
    with pytest.raises(BuildError, match=f"'{space.name}' needs.*'{task.name}'"):
        TrainedEvaluator(task).check(architecture)


@pytest.mark.parametrize(
    ("space", "task"),
    [
        (ConvSpace(depth=2), Digits()),
        (MlpSpace(), Digits()),
        (MlpSpace(), Toy()),
        (ToySpace(), Toy()),
    ],
)
def test_a_space_that_fits_passes(space, task):
    """And the check draws nothing from the global generator."""
    before = torch.get_rng_state()
    assert TrainedEvaluator(task).check(space.decode(space.sample(1, 0)[0])) is None
    assert torch.equal(torch.get_rng_state(), before)


def test_the_check_allocates_nothing():
    """A child of 49 trillion weights passes in no time: it has no memory to fill."""
    giant = ConvLayer(7, 7, 10**6, (0,))
    two = ConvArchitecture((giant, ConvLayer(7, 7, 10**6, (1,))))
    assert TrainedEvaluator(Digits()).check(two) is None
