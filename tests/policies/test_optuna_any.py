"""Any sampler of Optuna as a policy."""

import pytest

from reinas import MlpSpace
from reinas.cli.compare.setup import policy_specs
from reinas.config.objects import with_place
from reinas.errors import InvalidSettingError, SettingError
from reinas.policies.optuna_samplers import RESUMABLE, AnyOptunaSampler
from reinas.types import Outcome, Trial

SPACE = MlpSpace(depth=2, widths=(4, 8, 16))
pytestmark = pytest.mark.filterwarnings("ignore")


def run(policy, first, last):
    """Propose and tell; the reward prefers wide layers."""
    asked = []
    for number in range(first, last):
        (answers,) = policy.propose(1, length=len(SPACE.decisions), seed=number)
        asked.append(answers)
        policy.update([Trial(number, number, answers, Outcome(float(sum(answers))))])
    return asked


@pytest.mark.parametrize("sampler", ["CmaEsSampler", "NSGAIISampler", "QMCSampler", *RESUMABLE])
def test_every_sampler_proposes(sampler):
    """Architectures of the space, in the form that means them."""
    policy = AnyOptunaSampler(SPACE, sampler=sampler)
    for answers in run(policy, 0, 15):
        SPACE.check(answers)
    assert policy.settings == {"name": "optuna", "sampler": sampler}


@pytest.mark.parametrize("sampler", RESUMABLE)
def test_those_without_a_state_resume_exactly(sampler):
    """From the state at any trial."""
    whole = AnyOptunaSampler(SPACE, sampler=sampler)
    expected = run(whole, 0, 16)
    first, second = (AnyOptunaSampler(SPACE, sampler=sampler) for _ in range(2))
    assert run(first, 0, 12) == expected[:12]
    second.restore(first.state())
    assert run(second, 12, 16) == expected[12:]


def test_others_say_that_they_do_not():
    """A warning when they are restored."""
    policy = AnyOptunaSampler(SPACE, sampler="NSGAIISampler")
    run(policy, 0, 3)
    with pytest.warns(UserWarning, match="NSGAIISampler keeps a state of its own"):
        AnyOptunaSampler(SPACE, sampler="NSGAIISampler").restore(policy.state())


def test_the_sampler_follows_a_colon():
    """In searches and comparisons; unknown ones and functions of one's own, too."""
    assert with_place({"name": "optuna:GPSampler"}) == {"name": "optuna", "sampler": "GPSampler"}
    (spec,) = policy_specs("optuna:QMCSampler")
    assert spec.settings == {"name": "optuna", "sampler": "QMCSampler"}
    (spec,) = policy_specs("reinas.questions.networks:attention:learning_rate=0.1")
    assert spec.settings["name"] == "reinas.questions.networks:attention"
    assert spec.settings["learning_rate"] == 0.1
    with pytest.raises(InvalidSettingError, match="'GpSampler' is not known: did you mean"):
        AnyOptunaSampler(SPACE, sampler="GpSampler")
    with pytest.raises(SettingError, match="takes names with their parameters"):
        policy_specs("bayes:GPSampler")
