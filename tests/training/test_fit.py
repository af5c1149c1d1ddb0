"""Training, against gradient steps written by hand and scikit-learn's measures."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error, r2_score
from torch import nn

from reinas import Recipe
from reinas.objectives.regression import Regression
from reinas.seeds import derive
from reinas.training.fit import fit
from reinas.training.tensors import Tensors, seeded


def plain(**more):
    """Gradient descent without anything."""
    settings = {"momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "epochs": 6}
    return Recipe(**{**settings, "learning_rate": 0.05, "batch_size": 10**6, **more})


def line(n=40, columns=3, seed=0):
    """A linear regression: x [n, columns], y [n, 1]."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, columns))
    y = x @ np.arange(1, columns + 1)[:, None] + 0.5 + 0.1 * rng.standard_normal((n, 1))
    return Tensors(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))


def linear(columns=3):
    """A linear child with fixed weights."""
    child = nn.Linear(columns, 1)
    with torch.no_grad():
        child.weight.copy_(torch.linspace(-1, 1, columns)[None])
        child.bias.fill_(0.2)
    return child


def gradients(theta, x, y):
    """The gradient of the mean squared error in (weights, bias), by the formula; the loss."""
    left = np.c_[x, np.ones(len(x))]
    residual = left @ theta - y
    return 2 / len(x) * left.T @ residual, float((residual**2).mean())


def start(child):
    return np.append(child.weight.detach().double().numpy(), child.bias.item())[:, None]


def end(child):
    return start(child).ravel()


def orders(recipe, n):
    """The order of the examples in each epoch: what the recipe's seed says."""
    generator = torch.Generator().manual_seed(derive(recipe.seed, "order"))
    return [torch.randperm(n, generator=generator).numpy() for _ in range(recipe.epochs)]


def descend(child, data, recipe, step):
    """The parameters after every batch of every epoch, `step(theta, gradient, rate)` each."""
    x, y = data.x.double().numpy(), data.y.double().numpy()
    theta = start(child)
    rates = {
        "constant": lambda e: 1.0,
        "step": lambda e: [1.0, 0.1, 0.01][(2 * e >= recipe.epochs) + (4 * e >= 3 * recipe.epochs)],
        "cosine": lambda e: (1 + math.cos(math.pi * e / recipe.epochs)) / 2,
    }[recipe.schedule]
    for epoch, order in enumerate(orders(recipe, len(x))):
        for first in range(0, len(x), recipe.batch_size):
            rows = order[first : first + recipe.batch_size]
            gradient, _ = gradients(theta, x[rows], y[rows])
            theta = step(theta, gradient, recipe.learning_rate * rates(epoch))
    return theta.ravel()


# ---- the optimisers ------------------------------------------------------------------------------


def test_full_batch_descent_is_gradient_steps_written_by_hand():
    """theta <- theta - rate * gradient; the losses before and after each step are the curve's."""
    data, held = line(), line(seed=1)
    child, recipe = linear(), plain()
    x, y = data.x.double().numpy(), data.y.double().numpy()
    theta, before, after = start(child), [], []
    for _ in range(recipe.epochs):
        gradient, loss = gradients(theta, x, y)
        theta = theta - 0.05 * gradient
        before.append(loss)
        after.append(gradients(theta, held.x.double().numpy(), held.y.double().numpy())[1])
    curve = fit(child, data, held, recipe, Regression())
    np.testing.assert_allclose(end(child), theta.ravel(), rtol=1e-5, atol=1e-6)
    assert [e.train_loss for e in curve.epochs] == pytest.approx(before, rel=1e-4)
    assert [e.loss for e in curve.epochs] == pytest.approx(after, rel=1e-4)
    assert curve.stopped is None


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine"])
@pytest.mark.parametrize("epochs", [5, 8])
def test_the_learning_rate_follows_its_schedule(schedule, epochs):
    """Plain steps in small batches end where hand-written ones with the schedule's rates end."""
    data, child = line(), linear()
    recipe = plain(schedule=schedule, epochs=epochs, batch_size=8)
    expected = descend(child, data, recipe, lambda theta, g, rate: theta - rate * g)
    fit(child, data, data, recipe, Regression())
    np.testing.assert_allclose(end(child), expected, rtol=1e-4, atol=1e-5)


def test_the_step_schedule_divides_by_ten_at_half_and_at_three_quarters():
    """Eight epochs: four whole, two at a tenth, two at a hundredth."""
    rates = [plain(schedule="step", epochs=8).rate(epoch) for epoch in range(8)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    published = [plain(schedule="step", epochs=50).rate(epoch) for epoch in range(50)]
    assert published == pytest.approx([1.0] * 25 + [0.1] * 13 + [0.01] * 12)


def test_the_cosine_schedule_falls_from_one_towards_zero():
    """1 at first, 1/2 half way, by the cosine between."""
    rates = [plain(schedule="cosine", epochs=4).rate(epoch) for epoch in range(4)]
    half = math.sqrt(0.5)
    assert rates == pytest.approx([1, (1 + half) / 2, 0.5, (1 - half) / 2])


@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_momentum_is_nesterovs(decay):
    """v <- mu v + g; theta <- theta - rate (g + mu v), with the weight decay inside g."""
    data, child = line(), linear()
    recipe = plain(
        momentum=0.9, weight_decay=decay, learning_rate=0.01, batch_size=8, schedule="step"
    )
    velocity = np.zeros((4, 1))

    def step(theta, gradient, rate):
        gradient = gradient + decay * theta
        velocity[:] = 0.9 * velocity + gradient
        return theta - rate * (gradient + 0.9 * velocity)

    expected = descend(child, data, recipe, step)
    fit(child, data, data, recipe, Regression())
    np.testing.assert_allclose(end(child), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_adam_is_adam(decay):
    """Kingma and Ba's algorithm 1 (0.9, 0.999, 1e-8), with the weight decay inside g."""
    data, child = line(), linear()
    recipe = plain(optimizer="adam", weight_decay=decay, batch_size=8, schedule="cosine")
    moments = [np.zeros((4, 1)), np.zeros((4, 1)), 0]

    def step(theta, gradient, rate):
        gradient = gradient + decay * theta
        moments[0] = 0.9 * moments[0] + 0.1 * gradient
        moments[1] = 0.999 * moments[1] + 0.001 * gradient**2
        moments[2] += 1
        first = moments[0] / (1 - 0.9 ** moments[2])
        second = moments[1] / (1 - 0.999 ** moments[2])
        return theta - rate * first / (np.sqrt(second) + 1e-8)

    expected = descend(child, data, recipe, step)
    fit(child, data, data, recipe, Regression())
    np.testing.assert_allclose(end(child), expected, rtol=1e-4, atol=1e-5)


def test_the_training_loss_is_the_mean_over_examples():
    """A last batch of three examples counts three, not a whole batch."""
    data, child = line(11), linear()
    with torch.no_grad():
        expected = float((child(data.x) - data.y).square().mean())
    recipe = plain(batch_size=4, epochs=1, learning_rate=1e-30)
    curve = fit(child, data, None, recipe, Regression())
    assert curve.epochs[0].train_loss == pytest.approx(expected, rel=1e-5)


# ---- the curve -----------------------------------------------------------------------------------


def test_the_curve_has_a_row_for_each_validated_epoch():
    """Every third and the last; each is given to `on_epoch` as it comes."""
    told = []
    recipe = plain(epochs=8, validate_every=3)
    curve = fit(linear(), line(), line(seed=1), recipe, Regression(), on_epoch=told.append)
    assert [e.number for e in curve.epochs] == [3, 6, 8]
    assert told == list(curve.epochs)


def test_without_validation_part_the_curve_measures_the_training_part():
    """Loss and score after each epoch on the very data that was trained on."""
    data, child = line(), linear()
    curve = fit(child, data, None, plain(epochs=3), Regression())
    out = child(data.x).detach()
    assert curve.epochs[-1].loss == pytest.approx(mean_squared_error(data.y, out), rel=1e-5)
    assert curve.epochs[-1].score == pytest.approx(r2_score(data.y, out), rel=1e-4)


class Breaking(nn.Module):
    """Linear until pass `last` of its mode, then `value` is added to its output."""

    def __init__(self, mode, last, value):
        super().__init__()
        self.inner = linear()
        self.mode, self.last, self.value = mode, last, value
        self.passes = {True: 0, False: 0}

    def forward(self, x):
        self.passes[self.training] += 1
        broken = self.training == self.mode and self.passes[self.mode] > self.last
        return self.inner(x) + (self.value if broken else 0.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("mode", "word"), [(True, "training"), (False, "validation")])
def test_a_loss_that_is_no_number_stops_the_training_at_once(mode, word, value):
    """The reason names the loss and the epoch; the rows before it are kept."""
    child = Breaking(mode, 2, value)
    curve = fit(child, line(), line(seed=1), plain(epochs=50), Regression())
    assert [e.number for e in curve.epochs] == [1, 2]
    assert curve.stopped is not None
    assert "diverged" in curve.stopped
    assert word in curve.stopped
    assert str(value) in curve.stopped
    assert curve.stopped.endswith("epoch 3")
    assert child.passes[True] == 3


def test_a_loss_that_breaks_in_the_middle_of_an_epoch_is_noticed():
    """One bad batch among many is enough."""
    child = Breaking(True, 2, math.nan)
    curve = fit(child, line(), line(seed=1), plain(epochs=5, batch_size=8), Regression())
    assert curve.epochs == ()
    assert curve.stopped.endswith("epoch 1")


def test_the_seed_decides_the_order_of_the_examples():
    """The same seed gives the same curve bit for bit, another seed another."""

    def curve(seed):
        return fit(linear(), line(), line(seed=1), plain(batch_size=8, seed=seed), Regression())

    assert curve(1) == curve(1)
    assert curve(1) != curve(2)


def test_the_order_does_not_come_from_the_global_generator():
    """Whatever was drawn before, the curve is the same, and nothing is drawn from it."""

    def curve(seed):
        child = linear()
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        found = fit(child, line(), line(seed=1), plain(batch_size=8), Regression())
        assert torch.equal(before, torch.get_rng_state())
        return found

    assert curve(1) == curve(2)


def test_seeded_puts_the_global_generator_back():
    """Also where the code inside raises."""
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with seeded(7):
        first = torch.rand(2)
    with pytest.raises(ZeroDivisionError), seeded(7):
        torch.rand(int(first[0]) // 0)
    assert torch.equal(before, torch.get_rng_state())


# ---- measuring -----------------------------------------------------------------------------------


def test_measuring_is_done_in_evaluation_mode():
    """Running statistics stay, nothing is dropped out, no gradient is kept."""
    child = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Linear(3, 1)).train()
    before = {k: v.clone() for k, v in child.state_dict().items()}
    data = line(600)
    first = Regression().measure(child, data.x, data.y)
    assert Regression().measure(child, data.x, data.y) == first
    assert all(torch.equal(v, before[k]) for k, v in child.state_dict().items())
    assert all(p.grad is None for p in child.parameters())
    with torch.no_grad():
        out = child[2](data.x / math.sqrt(1 + 1e-5))  # fresh statistics: mean 0, variance 1
    assert first[0] == pytest.approx(mean_squared_error(data.y, out), rel=1e-4)


def test_training_goes_on_in_training_mode_after_measuring():
    """Batch normalisation's statistics move in every epoch, not only in the first."""
    moved = []
    child = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    fit(
        child,
        line(),
        line(seed=1),
        plain(epochs=3, learning_rate=1e-6),
        Regression(),
        on_epoch=lambda _: moved.append(int(child[0].num_batches_tracked)),
    )
    assert moved == [1, 2, 3]
