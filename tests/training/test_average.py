"""Running means of weights, against a plain mean in NumPy."""

import copy
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from reinas import Recipe
from reinas.objectives.classification import Classification
from reinas.training.average import AveragedWeights
from reinas.training.fit import fit
from reinas.training.tensors import Tensors


def network(seed=0):
    """Has parameters, floating-point buffers, and a counter."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 2))


def walk(child, steps, seed=0):
    """Change everything at random, step by step; yields a copy of all values after each."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        with torch.no_grad():
            for value in child.state_dict().values():
                if value.dtype.is_floating_point:
                    value.add_(torch.randn(value.shape, generator=generator))
                else:
                    value.fill_(step + 1)
        yield {k: v.clone() for k, v in child.state_dict().items()}


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.9])
def test_it_is_the_running_mean(share):
    """mean += (weights - mean) / (1 + share n) at step n, from the first weights on, in NumPy."""
    child = network()
    average = AveragedWeights(child, share)
    means = {
        k: v.numpy().astype(np.float64)
        for k, v in child.state_dict().items()
        if v.dtype.is_floating_point
    }
    for n, values in enumerate(walk(child, 60), start=1):
        average.step()
        means = {k: m + (values[k].numpy() - m) / (1 + share * n) for k, m in means.items()}
    for key, mean in means.items():
        np.testing.assert_allclose(average.module.state_dict()[key], mean, rtol=1e-4, atol=1e-4)


def test_with_a_share_near_1_it_is_the_mean_of_all_weights():
    """The mean of n + 1 numbers, the first weights included, is the recursion for a share of 1."""
    child = network()
    average = AveragedWeights(child, 1 - 1e-9)
    values = [child[0].weight.detach().clone()]
    for value in walk(child, 20):
        average.step()
        values.append(value["0.weight"])
    torch.testing.assert_close(
        average.module[0].weight, torch.stack(values).mean(0), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("share", [0.05, 0.25])
def test_the_mean_age_of_what_it_remembers_is_a_share_of_the_steps(share):
    """For weights t = 1, 2, ... the mean lags n share / (1 + share) behind n, for large n.

    By hand: a lag of c n stays a lag of c (n + 1) if c = share / (1 + share).
    """
    child = nn.Linear(1, 1, bias=False).double()
    average, steps = AveragedWeights(child, share), 4000
    for t in range(1, steps + 1):
        nn.init.constant_(child.weight, t)
        average.step()
    lag = steps - average.module.weight.item()
    assert lag == pytest.approx(steps * share / (1 + share), rel=0.02)


def test_counts_are_those_of_the_network():
    """A number of batches has no mean."""
    child = network()
    average = AveragedWeights(child, 0.1)
    for _ in walk(child, 7):
        average.step()
    assert int(average.module[1].num_batches_tracked) == 7


def test_the_network_itself_is_not_changed():
    """Neither by the steps nor by what is done with the mean."""
    child, plain = network(), network()
    average = AveragedWeights(child, 0.1)
    for one, other in zip(walk(child, 5), walk(plain, 5), strict=True):
        average.step()
        assert all(torch.equal(one[k], other[k]) for k in one)
    nn.init.zeros_(average.module[0].weight)
    assert bool((child[0].weight != 0).any())


class Tied(nn.Module):
    """One matrix under two names, as in language models with tied embeddings."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 3)
        self.decoder = nn.Linear(3, 4, bias=False)
        self.decoder.weight = self.embedding.weight


def test_a_weight_with_two_names_is_averaged_once():
    """One step from 0 to 1 with share 0.5 is 1 / 1.5."""
    child = Tied()
    nn.init.zeros_(child.embedding.weight)
    average = AveragedWeights(child, 0.5)
    nn.init.ones_(child.embedding.weight)
    average.step()
    mean = average.module.embedding.weight
    torch.testing.assert_close(mean, torch.full((4, 3), 1 / 1.5))
    assert average.module.decoder.weight is mean


def test_it_goes_on_from_a_state_to_the_last_bit():
    """Stopped after 5 of 12 steps, written and read, restored into a fresh one."""
    child = network()
    average = AveragedWeights(child, 0.05)
    file = io.BytesIO()
    for n, _ in enumerate(walk(child, 12), start=1):
        average.step()
        if n == 5:
            torch.save({"child": child.state_dict(), "average": average.state()}, file)
    whole = average.module.state_dict()

    file.seek(0)
    state = torch.load(file, weights_only=True)
    child = network(seed=1)
    average = AveragedWeights(child, 0.05)
    child.load_state_dict(state["child"])
    average.restore(state["average"])
    for n, values in enumerate(walk(network(), 12), start=1):
        if n > 5:
            child.load_state_dict(values)
            average.step()
    assert all(torch.equal(v, whole[k]) for k, v in average.module.state_dict().items())


def test_a_training_measures_and_keeps_the_mean():
    """The child ends with the mean of its own steps, and the last validation is the mean's."""
    generator = torch.Generator().manual_seed(0)
    data = Tensors(torch.randn(24, 5, generator=generator), torch.arange(24) % 3)
    recipe = Recipe(epochs=3, batch_size=8, average=0.3, schedule="constant", learning_rate=0.05)
    torch.manual_seed(0)
    child = nn.Linear(5, 3)
    plain = copy.deepcopy(child)
    curve = fit(child, data, None, recipe, Classification())

    # the same training without a mean, step by step through a hook of torch's optimiser
    plainly = replace(recipe, average=0.0)
    mean, n = plain.weight.detach().numpy().astype(np.float64), 0

    def after_step(*_):
        nonlocal mean, n
        n += 1
        mean = mean + (plain.weight.detach().numpy() - mean) / (1 + 0.3 * n)

    hook = register_optimizer_step_post_hook(after_step)
    fit(plain, data, None, plainly, Classification())
    hook.remove()
    assert n == 9
    np.testing.assert_allclose(child.weight.detach(), mean, rtol=1e-4, atol=1e-6)
    assert curve.epochs[-1].loss == pytest.approx(
        Classification().measure(child, data.x, data.y)[0], rel=1e-6
    )
