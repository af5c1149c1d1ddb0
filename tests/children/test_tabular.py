"""Residual networks for tables, against their formulas."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from scipy.stats import norm

import reinas
from reinas import (
    ArrayTask,
    Budget,
    Digits,
    RandomSearch,
    Store,
    TabularSpace,
    TrainedEvaluator,
    build,
)
from reinas.children import adjust_recipe, parameters
from reinas.children.tabular import FREQUENCIES, PerColumn, Periodic, Piecewise
from reinas.errors import BuildError
from reinas.spaces.tabular import PERIODIC, PIECEWISE, TabularArchitecture
from reinas.tasks.recipes import TABULAR_RECIPE
from reinas.tasks.scaling import TAIL
from reinas.training.costs import costs

PLAIN = TabularArchitecture(blocks=1, width=8, dropout=0.0)
EMBEDDED = [
    PLAIN,
    replace(PLAIN, embedding=PIECEWISE, size=4, bins=8),
    replace(PLAIN, embedding=PERIODIC, size=4, sigma=0.1),
]


@dataclass(frozen=True)
class Shapes:
    """A table of seven columns, two of them flags."""

    name: str = "shapes"
    inputs: tuple[int, ...] = (7,)
    outputs: int = 3
    flags: tuple[int, ...] = (2, 5)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("normalisation", ["none", "batch", "layer"])
@pytest.mark.parametrize("architecture", EMBEDDED)
def test_every_embedding_and_normalisation_can_be_built(architecture, normalisation):
    """[B, columns] -> [B, outputs], with flags and without."""
    architecture = replace(architecture, normalisation=normalisation)
    for flags in ((), (2, 5), tuple(range(7))):
        child = build(architecture, Shapes(flags=flags))
        assert child(torch.randn(5, 7)).shape == (5, 3)


@pytest.mark.parametrize("architecture", EMBEDDED)
def test_outputs_depend_on_every_column(architecture):
    """Another number in one column changes the output of that example, and of no other."""
    child = build(architecture, Shapes()).eval()
    x = torch.randn(4, 7)
    before = child(x)
    for column in range(7):
        other = x.clone()
        other[1, column] += 0.7
        changed = (child(other) != before).any(1)
        assert changed.tolist() == [False, True, False, False]


@pytest.mark.parametrize("bins", [2, 8, 32])
def test_piecewise_is_the_papers_encoding_with_the_bins_of_a_normal(bins):
    """Gorishniy et al. 2022, equation 1, with SciPy's quantiles; cut off at both ends."""
    edges = norm.ppf([TAIL, *np.arange(1, bins) / bins, 1 - TAIL])
    x = np.linspace(-6, 6, 101)
    wanted = np.zeros((101, bins))
    for row, value in enumerate(x):
        for t in range(bins):
            low, high = edges[t], edges[t + 1]
            wanted[row, t] = (
                0 if value < low else 1 if value >= high else (value - low) / (high - low)
            )
    found = Piecewise(bins)(torch.from_numpy(x.astype(np.float32))[:, None])
    np.testing.assert_allclose(found[:, 0].numpy(), wanted, atol=1e-5)


def test_periodic_is_its_formula():
    """Gorishniy et al. 2022, section 3.3: cos(2 pi c x), then sin(2 pi c x), c per column."""
    module, x = Periodic(3, 0.5), torch.randn(6, 3)
    c = module.frequencies.detach().double().numpy()
    found = module(x).detach().numpy()
    for column in range(3):
        angles = 2 * np.pi * np.outer(x[:, column].double().numpy(), c[column])
        wanted = np.concatenate([np.cos(angles), np.sin(angles)], 1)
        np.testing.assert_allclose(found[:, column], wanted, atol=1e-5)


def test_frequencies_begin_with_the_deviation_asked_for():
    """Normal, with deviation sigma: of 9,600 numbers within 5 %."""
    frequencies = Periodic(400, 0.3).frequencies
    assert frequencies.shape == (400, FREQUENCIES)
    assert float(frequencies.detach().std()) == pytest.approx(0.3, rel=0.05)


def test_each_column_has_a_linear_layer_of_its_own():
    """ReLU(x W_c + b_c), column by column."""
    module, x = PerColumn(3, 4, 2), torch.randn(5, 3, 4)
    for column in range(3):
        wanted = (x[:, column] @ module.weight[column] + module.bias[column]).clamp(0)
        torch.testing.assert_close(module(x)[:, column], wanted)


def test_gradients_reach_the_frequencies():
    """They are trained."""
    child = build(EMBEDDED[2], Shapes())
    child(torch.randn(9, 7)).square().sum().backward()
    (frequencies,) = [p for name, p in child.named_parameters() if "frequencies" in name]
    assert (frequencies.grad.abs().sum(1) > 0).all()


def test_the_plain_network_is_its_formula():
    """W ReLU(h + B ReLU(A h + a) + b) + w, with h = F x + f; flags come after the numbers."""
    child = build(PLAIN, Shapes()).eval()
    f, f0, a, a0, b, b0, w, w0 = (p.detach().double().numpy() for p in child.parameters())
    x = np.random.default_rng(0).standard_normal((6, 7))
    h = x[:, [0, 1, 3, 4, 6, 2, 5]] @ f.T + f0
    h = h + np.maximum(h @ a.T + a0, 0) @ b.T + b0
    with torch.no_grad():
        found = child(torch.from_numpy(x.astype(np.float32))).numpy()
    np.testing.assert_allclose(found, np.maximum(h, 0) @ w.T + w0, rtol=1e-4, atol=1e-5)


def test_parameters_are_those_counted_by_hand():
    """5 columns (8 + 1) 4, (5 * 4 + 2 + 1) 8, two layers (8 + 1) 8, (8 + 1) 3: 535."""
    assert parameters(build(EMBEDDED[1], Shapes())) == 180 + 184 + 144 + 27


def test_multiply_adds_are_those_counted_by_hand():
    """5 columns 8 x 4, then 22 x 8, two of 8 x 8, and 8 x 3."""
    assert costs(EMBEDDED[1], Shapes()) == (535, 160 + 176 + 128 + 24)


def test_the_architecture_decides_learning_rate_and_weight_decay():
    """Both are factors; all else is the recipe's."""
    recipe = replace(TABULAR_RECIPE, learning_rate=0.25, weight_decay=0.5)
    adjusted = adjust_recipe(replace(PLAIN, rate=3.0, decay=0.1), recipe)
    assert adjusted == replace(recipe, learning_rate=0.75, weight_decay=0.05)


def test_images_are_refused():
    """The message says what the space needs."""
    with pytest.raises(BuildError, match="space 'tabular' needs a table"):
        build(PLAIN, Digits())


def test_a_search_finds_finishes_saves_and_loads(tmp_path):
    """The loaded network predicts as the finished one, and knows which columns are flags."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.exponential(size=(300, 3)), rng.integers(0, 2, (300, 1))], 1)
    y = (np.sin(3 * x[:, 0]) + x[:, 3] > 0.5).astype(int)
    recipe = replace(TABULAR_RECIPE, epochs=2, batch_size=64)
    task = ArrayTask(x, y, whitening="quantile", recipe=recipe, name="waves")
    assert task.flags == (3,)
    space = TabularSpace(blocks=(1,), widths=(8, 16), bins=(8,), sizes=(4,), sigmas=(0.1,))
    store, evaluator = Store(tmp_path / "s.db"), TrainedEvaluator(task)
    policy = RandomSearch(space)
    reinas.search(space, policy, evaluator, budget=Budget(trials=3), store=store, name="s")
    done = reinas.finish(store, "s", space, task, folder=tmp_path / "net", grid=None)
    test = task.test()
    loaded = reinas.load(tmp_path / "net")
    assert loaded.child.flags == [3]
    assert loaded.input_quantiles.shape == (180, 4)
    outputs = loaded(torch.from_numpy(test.x.astype(np.float32)))
    accuracy = (outputs.argmax(1).numpy() == test.y).mean()
    assert done.final.metrics["accuracy"] == pytest.approx(accuracy)
