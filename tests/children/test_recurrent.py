"""Language models: their size, dropout, windows and training, against plain reckoning."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from torch.nn import functional

from language_models import CELL, Words, architecture, model, plain_cell, reckoned, tokens
from reinas import Job, Recipe, RecurrentSpace, Text, TrainedEvaluator, build
from reinas.children.build import apply_recipe
from reinas.children.recurrent import LanguageModel, size, width_of
from reinas.errors import BuildError
from reinas.evaluators.limits import Limits
from reinas.objectives.language import LanguageModelling, streams
from reinas.spaces.recurrent import Cell, Node
from reinas.training.fit import fit
from reinas.training.tensors import Tensors, seeded
from reinas.training.training import Training, init_weights
from reinas.zoo.recurrent import FIGURE_8, parsed

COMBINATIONS = ("add", "elem_mult", "max")
ACTIVATIONS = ("identity", "tanh", "sigmoid", "relu", "sin")


def count(module):
    """Numbers in the module, those of shared tensors once."""
    return sum({p.data_ptr(): p.numel() for p in module.parameters()}.values())


def closed(width, vocabulary, layers, base, tied):
    """Embedding V H, softmax V H + V, W and U of every leaf of every layer."""
    return vocabulary * width * (2 - tied) + vocabulary + layers * base * 2 * width**2


# ---- size ----------------------------------------------------------------------------------------


@given(
    budget=st.integers(200, 60_000),
    vocabulary=st.integers(2, 90),
    layers=st.integers(1, 4),
    cell=st.sampled_from([CELL, parsed(FIGURE_8)]),
    tied=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_the_model_is_the_largest_within_the_budget(budget, vocabulary, layers, cell, tied):
    """Its numbers, counted, are the closed form; one unit more would be too many."""
    least = closed(1, vocabulary, layers, cell.base, tied)
    design = architecture(budget, layers, tied, cell)
    if least > budget:
        with pytest.raises(BuildError, match=f"{least:,} at least"):
            build(design, Words(vocabulary))
        return
    with torch.device("meta"):
        child = build(design, Words(vocabulary))
    width = child.width
    assert sum(p.numel() for p in child.parameters()) == closed(
        width, vocabulary, layers, cell.base, tied
    )
    assert closed(width, vocabulary, layers, cell.base, tied) <= budget
    assert closed(width + 1, vocabulary, layers, cell.base, tied) > budget


@given(budget=st.integers(10**6, 10**12), vocabulary=st.integers(2, 10**6), tied=st.booleans())
@settings(max_examples=60, deadline=None)
def test_widths_of_large_budgets(budget, vocabulary, tied):
    """The root of a quadratic equation, exactly."""
    design = architecture(budget, 2, tied, parsed(FIGURE_8))
    if closed(1, vocabulary, 2, 8, tied) > budget:
        return
    width = width_of(design, vocabulary)
    assert closed(width, vocabulary, 2, 8, tied) <= budget
    assert closed(width + 1, vocabulary, 2, 8, tied) > budget
    assert size(design, vocabulary, width) == closed(width, vocabulary, 2, 8, tied)


def test_the_budget_may_be_met_exactly():
    """At the very number that a width takes that width is found, one below it is not."""
    exact = closed(10, 11, 2, 2, False)
    assert model(budget=exact).width == 10
    assert count(model(budget=exact)) == exact
    assert model(budget=exact - 1).width == 9


def test_tied_weights_are_one_tensor():
    """Counted once, moved together, and both gradients arrive in it."""
    child = model(tied=True)
    assert child.decoder.weight is child.embedding.weight
    assert count(child) == closed(child.width, 11, 2, 2, True)
    apart = model(budget=10**4)
    assert apart.decoder.weight is not apart.embedding.weight
    child(torch.tensor([[3]])).sum().backward()
    assert (child.embedding.weight.grad.abs().sum(1) > 0).all()


def test_too_small_a_budget_is_refused_with_the_least():
    """11 * 1 * 2 + 11 + 2 * 2 * 2 = 41 for a width of 1."""
    assert model(budget=41).width == 1
    with pytest.raises(BuildError, match=r"budget of 40 .* 41 at least") as error:
        model(budget=40)
    assert "\n" not in str(error.value)


def test_tasks_without_text_are_refused():
    """With the shape of their examples."""
    with pytest.raises(BuildError, match="models text"):
        build(architecture(), Words(3, (1, 8, 8), "digits"))


# ---- what it computes ----------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_logits_are_those_of_a_plain_model(layers, tied):
    """Embedding, stacked layers, softmax with its bias."""
    child = model(layers=layers, tied=tied).eval()
    words = torch.from_numpy(np.random.default_rng(0).integers(0, 11, (7, 3)))
    given = log_softmax(child(words).detach().double().numpy(), axis=-1)
    assert np.abs(given - reckoned(child, words)).max() < 1e-5


@pytest.mark.parametrize("cut", [1, 5, 8])
def test_two_windows_with_carried_state_are_one_long_window(cut):
    """Outputs and states, for every layer."""
    child = model(cell=parsed(FIGURE_8)).eval()
    words = tokens(9 * 4).x.view(9, 4)
    with torch.no_grad():
        whole, end = child.run(words, child.start(4))
        first, state = child.run(words[:cut], child.start(4))
        second, last = child.run(words[cut:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(last, end)


def test_streams_of_a_batch_do_not_see_each_other():
    """Each is what it would be alone."""
    child = model().eval()
    words = tokens(24).x.view(6, 4)
    together = child(words)
    for b in range(4):
        torch.testing.assert_close(child(words[:, b : b + 1]), together[:, b : b + 1])


def test_the_future_is_not_seen():
    """Logits up to a word do not depend on the words after it."""
    child = model().eval()
    words = tokens(10).x.view(10, 1)
    other = words.clone()
    other[6:] = (other[6:] + 1) % 11
    torch.testing.assert_close(child(words)[:6], child(other)[:6])
    assert (child(words)[6:] - child(other)[6:]).abs().max() > 1e-6


# ---- dropout -------------------------------------------------------------------------------------


def test_dropout_is_off_in_evaluation_and_on_in_training():
    """Only training draws random numbers; without rates it draws none either."""
    child = model()
    words = tokens(24).x.view(6, 4)
    quiet = child.train()(words)
    apply_recipe(child, Recipe(embedding_dropout=0.3, recurrent_dropout=0.4))
    torch.testing.assert_close(child.eval()(words), quiet)
    child.train()
    one, two = child(words), child(words)
    assert (one - two).abs().max() > 1e-6
    assert (one - quiet).abs().max() > 1e-6


@pytest.mark.parametrize("key", ["embedding_dropout", "recurrent_dropout"])
def test_each_dropout_works_alone(key):
    """The same seed gives the same numbers, another gives others."""
    child = model(cell=parsed("add tanh | inject add tanh | c 0 0")).train()
    apply_recipe(child, Recipe(**{key: 0.5}))
    words = tokens(24).x.view(6, 4)
    found = []
    for seed in (1, 1, 2):
        with seeded(seed):
            found.append(child(words))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_the_recurrent_mask_is_the_same_at_all_steps_of_a_window():
    """One draw per window: units times 0 or 1 / keep, different ones in every sequence."""
    child = model(layers=1, cell=parsed("add identity | inject add relu | c 0 0"), budget=4000)
    apply_recipe(child, Recipe(recurrent_dropout=0.4))
    child.train()
    masks = [child.recurrent_mask(5000) for _ in range(2)]
    values, numbers = np.unique(masks[0].numpy(), return_counts=True)
    np.testing.assert_allclose(values, [0, 1 / 0.6], rtol=1e-6)
    assert numbers[0] / numbers.sum() == pytest.approx(0.4, abs=0.02)
    assert not torch.equal(*masks)
    with seeded(3):
        mask = child.recurrent_mask(3)
    words = tokens(15).x.view(5, 3)
    layer = child.layers[0]
    x = child.embedding.weight[words]
    zeros = torch.zeros(3, child.width)
    outputs = plain_cell.window(layer.cell, x, zeros, zeros, layer.w, layer.u, mask)[0]
    expected = outputs @ child.decoder.weight.T + child.decoder.bias
    with seeded(3):
        logits = child(words)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


def test_embedding_dropout_drops_whole_words_for_a_window():
    """A word is zeros everywhere or 1 / keep times itself; the softmax's weights stay whole."""
    child = model(tied=True, vocabulary=400, budget=20_000).train()
    apply_recipe(child, Recipe(embedding_dropout=0.25))
    weight = child.embedding.weight.detach()
    dropped = child.embedding_weight().detach()
    kept = dropped.abs().sum(1) > 0
    torch.testing.assert_close(dropped[kept], weight[kept] / 0.75)
    assert 0.65 < kept.float().mean() < 0.85
    with torch.no_grad():
        assert (child.decoder.weight.abs().sum(1) > 0).all()


# ---- training ------------------------------------------------------------------------------------


def gradient_step(child, data, recipe):
    """The child's parameters after one epoch of one window, and before: as flat vectors."""
    before = torch.cat([p.detach().flatten().clone() for p in child.parameters()])
    Training(child, data, None, recipe, LanguageModelling()).run_epoch()
    after = torch.cat([p.detach().flatten() for p in child.parameters()])
    return after - before


def plain(**more):
    """Gradient descent at a rate of 1 over one window."""
    settings = {"momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "steps": 1000}
    return Recipe(**{**settings, "learning_rate": 1.0, "batch_size": 4, **more})


def test_a_step_is_that_of_autograd_on_the_plain_cell():
    """The gradient of the mean loss per token."""
    child, twin, data = model(), model(), tokens(40)
    moved = gradient_step(child, data, plain())
    words, following = streams(data.x, 4), streams(data.y, 4)
    x = twin.embedding.weight[words]
    for layer in twin.layers:
        zeros = torch.zeros(4, twin.width)
        x = plain_cell.window(layer.cell, x, zeros, zeros, layer.w, layer.u)[0]
    logits = x @ twin.decoder.weight.T + twin.decoder.bias
    functional.cross_entropy(logits.flatten(0, 1), following.flatten()).backward()
    gradient = torch.cat([p.grad.flatten() for p in twin.parameters()])
    torch.testing.assert_close(moved, -gradient, rtol=1e-3, atol=1e-5)


def test_gradients_are_clipped_to_their_norm():
    """A longer one keeps its direction and has the norm; a shorter one is left alone."""
    data = tokens(40)
    free = gradient_step(model(), data, plain())
    norm = float(free.norm())
    clipped = gradient_step(model(), data, plain(clip=norm / 10))
    assert float(clipped.norm()) == pytest.approx(norm / 10, rel=1e-3)
    torch.testing.assert_close(10 * clipped, free, rtol=1e-2, atol=1e-4)
    torch.testing.assert_close(gradient_step(model(), data, plain(clip=10 * norm)), free)


def test_initial_draws_all_weights_uniform_in_the_range():
    """Embedding, cells, softmax and its bias; 0 leaves them as they were."""
    child = model(budget=40_000)
    before = [p.detach().clone() for p in child.parameters()]
    init_weights(child, Recipe(initial=0.0))
    assert all(torch.equal(a, b) for a, b in zip(before, child.parameters(), strict=True))
    with seeded(1):
        init_weights(child, Recipe(initial=0.04))
    assert len(before) == 2 + 1 + 2 * 2
    for parameter in child.parameters():
        values = parameter.detach().numpy().ravel()
        assert np.abs(values).max() <= 0.04
        if len(values) > 1000:
            assert abs(values.mean()) < 0.004
            assert values.std() == pytest.approx(0.04 / math.sqrt(3), rel=0.1)
            assert np.abs(values).max() > 0.038


@given(
    decay=st.floats(0.1, 1.0), after=st.integers(0, 9), epoch=st.integers(0, 19), epochs=st.just(20)
)
def test_the_exponential_schedule(decay, after, epoch, epochs):
    """Multiplied by `decay` in every epoch after the first `decay_after`."""
    recipe = Recipe(schedule="exponential", decay=decay, decay_after=after, epochs=epochs)
    expected = 1.0
    for number in range(1, epoch + 2):  # epochs counted from 1
        expected *= decay if number > after else 1.0
    assert recipe.rate(epoch) == pytest.approx(expected, rel=1e-9)


def test_training_learns_a_text_that_repeats_itself():
    """a b c d a b c d ...: the perplexity goes towards 1, far below 4."""
    x = torch.arange(801) % 4
    data = Tensors(x[:-1], x[1:])
    recipe = Recipe(
        optimizer="adam",
        learning_rate=0.02,
        weight_decay=0,
        schedule="constant",
        epochs=4,
        batch_size=4,
    )
    child = model(cell=parsed("add tanh | inject add tanh | c 0 0"), layers=1)
    assert math.exp(fit(child, data, data, recipe, LanguageModelling()).epochs[-1].loss) < 1.2


def test_the_same_seed_trains_the_same_child():
    """Dropout and all; another seed another one."""
    recipe = Recipe(
        epochs=1, batch_size=4, initial=0.1, recurrent_dropout=0.3, embedding_dropout=0.1
    )
    losses = []
    for seed in (1, 1, 2):
        with seeded(seed):
            child = build(architecture(), Words())
            curve = fit(child, tokens(200), tokens(90, 1), recipe, LanguageModelling())
        losses.append(curve.epochs[-1].loss)
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


# ---- trials --------------------------------------------------------------------------------------


@pytest.fixture
def text(tmp_path):
    """A tiny text of 12 words."""
    rng = np.random.default_rng(0)
    lines = [" ".join(f"w{n}" for n in rng.integers(0, 12, 9)) for _ in range(40)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    return Text(str(tmp_path / "text.txt"), size="small")


def drawn_cell(rng, base):
    def node():
        return Node(str(rng.choice(COMBINATIONS)), str(rng.choice(ACTIVATIONS)))

    nodes = tuple(node() for _ in range(2 * base - 1))
    return Cell(nodes, node(), *map(int, rng.integers(0, 2 * base - 1, 2)))


@pytest.mark.parametrize("base", [1, 2, 4, 8])
@pytest.mark.parametrize("rate", [0.003, 50.0])
def test_random_cells_train_or_fail_with_a_reason(text, base, rate):
    """Finite numbers or a sentence, and no warning of NumPy's or torch's."""
    rng = np.random.default_rng(base)
    recipe = replace(text.recipe, epochs=1, learning_rate=rate, optimizer="sgd", clip=0.0)
    evaluate = TrainedEvaluator(text, recipe if rate > 1 else replace(text.recipe, epochs=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(15):
            cell = drawn_cell(rng, base)
            outcome = evaluate(Job(number, architecture(1500, 2, False, cell), number))
            if outcome.reward is None:
                assert "diverged" in outcome.error
            else:
                assert outcome.error is None
                assert math.isfinite(outcome.reward)
                assert all(map(math.isfinite, outcome.metrics.values()))
                assert outcome.metrics["perplexity"] >= 1


def test_a_child_whose_loss_explodes_is_a_failed_trial(text):
    """With its reason; h_t = (U h)(W x) c grows without bound, and nothing is printed."""
    cell = parsed("add identity | inject elem_mult identity | c 0 0")
    recipe = replace(text.recipe, epochs=3, learning_rate=1e6, optimizer="sgd", clip=0.0)
    recipe = replace(recipe, schedule="constant", initial=5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = TrainedEvaluator(text, recipe)(Job(0, architecture(1500, cell=cell), 0))
    assert outcome.reward is None
    assert "diverged" in outcome.error
    assert "\n" not in outcome.error


def test_the_reward_is_that_of_the_validation_perplexity(text):
    """80 / perplexity squared, of the best of three epochs."""
    outcome = TrainedEvaluator(text)(Job(0, architecture(1500), 0))
    best = min(math.exp(epoch.loss) for epoch in outcome.curve.epochs)
    assert outcome.reward == pytest.approx(80 / best**2)
    assert 5 < best < 25  # of 14 words at random
    assert outcome.metrics["perplexity"] == pytest.approx(math.exp(outcome.metrics["loss"]))


def test_limits_hold_for_language_models_too(text):
    """A child with more parameters than the limit is not trained; one within the limit is."""
    design = RecurrentSpace(base=2, budget=1500)
    answers = design.encode_cell(CELL)
    for most, trained in ((100, False), (1500, True)):
        evaluate = TrainedEvaluator(text, replace(text.recipe, epochs=1), Limits(parameters=most))
        outcome = evaluate(Job(0, design.decode(answers), 0))
        assert (outcome.reward is not None) == trained
        assert trained or "parameters" in outcome.error


def test_a_model_is_a_language_model():
    """Logits [T, B, words] of words [T, B]."""
    child = model()
    assert isinstance(child, LanguageModel)
    assert child(torch.zeros(5, 2, dtype=torch.int64)).shape == (5, 2, 11)


@pytest.mark.parametrize(
    "text",
    [
        "add sin | inject add identity | c 0 0",
        "add tanh | inject elem_mult identity | c 0 0",
        "add tanh | inject max identity | c 0 0",
        FIGURE_8,
    ],
)
def test_a_second_backward_pass_gives_the_same_gradients_or_an_error(text):
    """With `retain_graph`, never other numbers in silence: the first pass may use up the tape."""
    child = model(cell=parsed(text))
    loss = child(tokens(20).x.view(10, 2)).square().sum()
    first = torch.autograd.grad(loss, list(child.parameters()), retain_graph=True)
    try:
        second = torch.autograd.grad(loss, list(child.parameters()))
    except RuntimeError:
        return
    torch.testing.assert_close(second, first)
