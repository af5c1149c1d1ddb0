"""The exact objective and its gradient, against brute force and central differences."""

import pytest
import torch

from policies.enumerated import CASES, NETWORKS, everything, numeric_gradient, table
from reinas import ConvSpace, MlpSpace, ToySpace
from reinas.errors import SettingError
from reinas.policies.exact import (
    MAX_SIZE,
    all_answers,
    all_rewards,
    exact_gradient,
    expected_reward,
)

every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())


@pytest.mark.parametrize(
    "space",
    [ToySpace(), MlpSpace(depth=2), ConvSpace(depth=2, heights=(1, 3), widths=(1,))],
    ids=["toy", "mlp", "conv"],
)
def test_all_answers_and_rewards_cover_the_space_in_one_order(space):
    """Every canonical answer once, as by brute force, each with its own reward."""
    answers = all_answers(space)
    assert answers.dtype == torch.int64
    assert torch.equal(answers, everything(space.decisions))
    rewards = all_rewards(space, lambda a: sum((n + 1) * x for n, x in enumerate(a)))
    assert rewards.dtype == torch.float64
    weights = torch.arange(1, answers.shape[1] + 1)
    assert torch.equal(rewards, (answers * weights).sum(1).double())


@every_network
@pytest.mark.parametrize("case", ["conv", "mlp", "depth first"])
def test_the_expected_reward_is_the_sum_over_all_answers(make, case):
    """J = sum of P R, one answer after the other in plain Python."""
    known = table(1, CASES[case])
    network = make(CASES[case])
    total = 0.0
    for row, reward in known.of.items():
        total += network.log_prob(torch.tensor([row])).sum().exp().item() * reward
    value = expected_reward(network, known.answers, known.rewards)
    assert value.shape == ()
    assert value.item() == pytest.approx(total, rel=1e-12)


@every_network
def test_a_constant_reward_is_expected_and_cannot_be_improved(make):
    """J = 3 and gradient 0 when every reward is 3: the probabilities sum to one."""
    network, answers = make(CASES["conv"]), everything(CASES["conv"])
    rewards = torch.full((len(answers),), 3.0, dtype=torch.float64)
    assert expected_reward(network, answers, rewards).item() == pytest.approx(3, abs=1e-12)
    for gradient in exact_gradient(network, answers, rewards):
        assert gradient.abs().max() < 1e-13


@every_network
@pytest.mark.parametrize("case", ["conv", "conv with strides", "mlp", "conditional links"])
def test_the_gradient_agrees_with_central_differences(make, case):
    """In every parameter, those that the space does not use included: there it is 0."""
    known = table(2, CASES[case])
    arguments = {"hidden": 2} if make is NETWORKS["controller"] else {}
    network = make(CASES[case], **arguments)
    parameters = list(network.parameters())
    exact = exact_gradient(network, known.answers, known.rewards)
    numeric = numeric_gradient(
        lambda: expected_reward(network, known.answers, known.rewards), parameters
    )
    assert len(exact) == len(parameters)
    for ours, theirs in zip(exact, numeric, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("depth", [6, 50, 170])
def test_a_space_too_large_is_refused(depth):
    """The message has the space's size, the limit and what to do, however large it is."""
    with pytest.raises(SettingError, match=f"at most {MAX_SIZE:,}; use a smaller space") as caught:
        all_answers(ConvSpace(depth=depth))
    assert "conv has" in str(caught.value)


def test_the_rewards_of_a_space_too_large_are_refused():
    """Before any of the 10^10 is computed."""

    def reward(_):
        raise AssertionError("a reward was asked for")

    with pytest.raises(SettingError, match="use a smaller space"):
        all_rewards(ConvSpace(depth=6), reward)
