"""A training that is stopped and continued, and schedules that change with every step."""

import math

import pytest
import torch
from torch import nn

from language_models import model, tokens
from reinas import ConvSpace, Recipe, build
from reinas.objectives.classification import Classification
from reinas.objectives.language import LanguageModelling
from reinas.objectives.regression import Regression
from reinas.tasks.sklearn_data import Digits
from reinas.training.fit import fit
from reinas.training.optimizers import optimizer
from reinas.training.tensors import Tensors, search_tensors, seeded
from reinas.training.training import Pace, Training


def with_dropout():
    """A network that draws random numbers while it trains."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.Linear(16, 10)
    )


def conv():
    space = ConvSpace(depth=2, filters=(4,))
    return build(space.decode(space.sample(1, 3)[0]), Digits())


RECIPES = [
    Recipe(epochs=5, flip=True, pad=1, upsample=1),
    Recipe("adam", 0.01, epochs=5, schedule="cosine", patience=1),
    Recipe("adamw", 0.01, epochs=5, schedule="trapezoid", warmup=0.3, clip=0.5, validate_every=2),
    Recipe(epochs=5, schedule="linear", patience=2, initial=0.1),
    Recipe(epochs=5, average=0.2, mixup=0.3, cutout=3, label_smoothing=0.1, patience=2),
]


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("make", [with_dropout, conv])
@pytest.mark.parametrize("stops", [(1,), (2, 4), (1, 2, 3, 4, 5)])
def test_a_training_that_is_continued_is_the_whole_one_to_the_last_bit(
    make, recipe, stops, tmp_path
):
    """Weights and curve, with dropout and augmentation; the state goes through a file."""
    train, valid = search_tensors(Digits())

    def begun():
        return Training(make(), train, valid, recipe, Classification())

    with seeded(3):
        whole = begun()
        while not whole.finished:
            whole.run_epoch()
        whole.finish()
    file = tmp_path / "state"
    with seeded(3):
        torch.save(begun().state(), file)
    for stop in (*stops, 9):
        with seeded(999):  # whatever the generator was, the state has its own
            training = begun()
            training.restore(torch.load(file, weights_only=True))
            while not training.finished and training.epoch < stop:
                training.run_epoch()
            torch.save(training.state(), file)
    training.finish()
    assert training.curve == whole.curve
    expected = whole.child.state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in training.child.state_dict().items())


def test_a_language_model_is_continued_to_the_last_bit():
    """With dropout of words and of the recurrent state."""
    data = tokens(400)
    recipe = Recipe(
        epochs=3, batch_size=4, steps=10, embedding_dropout=0.2, recurrent_dropout=0.2, clip=1.0
    )

    def begun():
        return Training(model(), data, None, recipe, LanguageModelling())

    with seeded(1):
        whole = begun()
        while not whole.finished:
            whole.run_epoch()
    with seeded(1):
        first = begun()
        first.run_epoch()
        state = first.state()
    with seeded(2):
        second = begun()
        second.restore(state)
        while not second.finished:
            second.run_epoch()
    assert second.curve == whole.curve


@pytest.mark.parametrize(
    ("pace", "spent", "factor"),
    [
        (Pace(10.0), 3.0, 1.0),
        (Pace(10.0, warmup=4.0), 1.0, 0.25),
        (Pace(10.0, warmup=4.0), 9.0, 1.0),
        (Pace(10.0, decay_from=6.0), 6.0, 1.0),
        (Pace(10.0, decay_from=6.0), 7.0, 0.75),
        (Pace(10.0, decay_from=6.0), 10.5, 0.0),
        (Pace(10.0, warmup=8.0, decay_from=2.0), 4.0, 0.5 * 0.75),
    ],
)
def test_a_pace_warms_up_and_falls_linearly(pace, spent, factor):
    """By hand."""
    assert pace.rate(spent) == pytest.approx(factor)


def test_training_by_the_clock_ends_in_time_and_goes_on(monkeypatch):
    """The clock counts the steps: pieces of 4 and 3 seconds; the rate falls in the last."""
    now = [0.0]

    def clock():
        now[0] += 0.25
        return now[0]

    monkeypatch.setattr("reinas.training.training.time.monotonic", clock)
    rates = spied_rates(monkeypatch)
    x = torch.zeros(12, 1)
    recipe = Recipe(learning_rate=1.0, epochs=1, batch_size=4)

    def piece(pace, state):
        training = Training(nn.Linear(1, 1), Tensors(x, x), None, recipe, Regression(), pace=pace)
        if state is not None:
            training.restore(state)
        while not training.finished:
            training.run_epoch()
        return training

    first = piece(Pace(4.0), None)
    assert first.seconds == pytest.approx(4.0, abs=0.75)  # three looks at the clock
    assert set(rates) == {1.0}
    rates.clear()
    second = piece(Pace(7.0, decay_from=first.seconds), first.state())
    assert second.seconds == pytest.approx(7.0, abs=0.75)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.3
    assert second.curve.epochs[: len(first.curve.epochs)] == first.curve.epochs


def spied_rates(monkeypatch):
    rates = []

    def spied(child, recipe):
        made = optimizer(child, recipe)
        made.register_step_pre_hook(lambda o, *_: rates.append(o.param_groups[0]["lr"]))
        return made

    monkeypatch.setattr("reinas.training.training.optimizer", spied)
    return rates


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ({"schedule": "linear"}, [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
        ({"schedule": "linear", "warmup": 0.5}, [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]),
        ({"schedule": "trapezoid", "cooldown": 0.5}, [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
        ({"schedule": "constant", "warmup": 0.25}, [0, 0.5, 1, 1, 1, 1, 1, 1]),
        (
            {"schedule": "cosine", "warmup": 0.5},
            [0, 0.25, 0.5, 0.75] + [(1 + math.cos(math.pi * k / 4)) / 2 for k in range(4)],
        ),
    ],
)
def test_smooth_schedules_change_the_rate_with_every_step(monkeypatch, schedule, factors):
    """Two epochs of four steps each; factors by hand."""
    rates = spied_rates(monkeypatch)
    x = torch.zeros(16, 1)
    recipe = Recipe(learning_rate=1.0, epochs=2, batch_size=4, **schedule)
    fit(nn.Linear(1, 1), Tensors(x, x), None, recipe, Regression())
    assert rates == pytest.approx(factors)


def test_adamw_decays_weights_apart_from_the_gradient():
    """A weight without a gradient shrinks by rate times decay per step, whatever its moments."""
    child = nn.Linear(2, 1, bias=False)
    nn.init.ones_(child.weight)
    x = torch.tensor([[1.0, 0.0], [2.0, 0.0]])
    recipe = Recipe("adamw", 0.1, weight_decay=0.5, schedule="constant", epochs=3, batch_size=2)
    fit(child, Tensors(x, x[:, :1]), None, recipe, Regression())
    assert float(child.weight.detach()[0, 1]) == pytest.approx((1 - 0.1 * 0.5) ** 3, rel=1e-6)
