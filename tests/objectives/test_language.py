"""The likelihood of a text, and its windows, against plain reckoning."""

import math

import numpy as np
import pytest
import torch

from language_models import model, reckoned, tokens
from reinas import Recipe
from reinas.objectives.language import LanguageModelling, likelihood, streams, windows
from reinas.zoo.recurrent import FIGURE_8, parsed


@pytest.mark.parametrize("length", [1, 2, 7, 8, 100, 101, 139])
@pytest.mark.parametrize("steps", [1, 7, 35, 1000])
def test_every_token_is_counted_exactly_once(length, steps):
    """In order, one stream: the plain model's log-probability of each following token."""
    child = model(cell=parsed(FIGURE_8)).eval()
    data = tokens(length)
    found = likelihood(child, data.x, data.y, steps=steps, batch=1)
    table = reckoned(child, data.x.view(-1, 1))[:, 0]
    expected = table[np.arange(length), data.y.numpy()]
    assert found.shape == (length,)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [140, 141, 159, 1399, 1401, 1500])
def test_pieces_side_by_side_each_start_from_zero(length):
    """N tokens in p pieces of ceil(N / p): each piece is a text of its own, none is lost."""
    child = model().eval()
    data = tokens(length)
    found = likelihood(child, data.x, data.y, steps=7, batch=20).numpy()
    piece = math.ceil(length / min(20, length // 64))  # of 64 tokens or more
    for first in range(0, length, piece):
        x, y = data.x[first : first + piece], data.y[first : first + piece]
        table = reckoned(child, x.view(-1, 1))[:, 0]
        np.testing.assert_allclose(
            found[first : first + piece], table[np.arange(len(y)), y.numpy()], atol=1e-5
        )


@pytest.mark.parametrize("batch", [1, 4, 20])
def test_the_likelihood_does_not_depend_on_the_window(batch):
    """7, 35 and 1,000 steps give the same numbers."""
    child = model().eval()
    data = tokens(903)
    found = [likelihood(child, data.x, data.y, steps=s, batch=batch) for s in (7, 35, 1000)]
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[0], found[2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [2, 69, 71, 1403, 3001])
def test_constant_logits_have_the_vocabularys_perplexity(length):
    """Whatever the windows: ln V nats per token, a score of 1 / V."""
    child = model()
    with torch.no_grad():
        child.decoder.weight.zero_()
        child.decoder.bias.fill_(3.0)
    data = tokens(length)
    loss, score = LanguageModelling().measure(child, data.x, data.y)
    assert math.exp(loss) == pytest.approx(11, rel=1e-5)
    assert score == pytest.approx(1 / 11, rel=1e-5)


def test_a_bias_alone_gives_the_cross_entropy_of_the_frequencies():
    """With the bias at the log-frequencies the loss is the entropy of the text."""
    child = model()
    data = tokens(2000)
    shares = np.bincount(data.y.numpy(), minlength=11) / 2000
    with torch.no_grad():
        child.decoder.weight.zero_()
        child.decoder.bias.copy_(torch.from_numpy(np.log(shares)))
    entropy = -float((shares * np.log(shares)).sum())
    assert LanguageModelling().measure(child, data.x, data.y)[0] == pytest.approx(entropy, rel=1e-5)


@pytest.mark.parametrize(("length", "batch", "steps"), [(100, 4, 7), (103, 5, 20), (9, 20, 35)])
def test_windows_are_the_text_in_order(length, batch, steps):
    """Side by side; what does not fill a row is left out, which is less than a batch."""
    x = torch.arange(length)
    pairs = windows(x, x + 1, batch, steps)
    words = torch.cat([pair[0] for pair in pairs])
    following = torch.cat([pair[1] for pair in pairs])
    assert torch.equal(following, words + 1)
    assert words.t().reshape(-1).tolist() == list(range(words.numel()))
    assert length - words.shape[1] < words.numel() <= length
    assert max(len(pair[0]) for pair in pairs) <= steps
    assert torch.equal(streams(x, 3)[:, 1], x[length // 3 : 2 * (length // 3)])


class Reading:
    """A model that remembers what it was given; its logits are all equal."""

    def __init__(self):
        self.read = []

    def start(self, batch):
        return ()

    def run(self, words, state):
        self.read.append(words)
        return torch.zeros(*words.shape, 101), state


@pytest.mark.parametrize("shift", [False, True])
def test_a_pass_may_begin_anywhere_and_goes_round(shift):
    """Each token is read before the one that follows it; where passes begin differs."""
    x = torch.arange(100)
    generator = torch.Generator().manual_seed(0)
    begins = set()
    for _ in range(5):
        model = Reading()
        recipe = Recipe(batch_size=4, steps=7, shift=shift)
        arguments = (model, x, (x + 1) % 101, recipe, generator, lambda x: x)
        count = sum(size for _, size in LanguageModelling().training_losses(*arguments))
        rows = torch.cat(model.read).t().reshape(-1)
        assert count == len(rows) == 100
        assert rows.tolist() == [(int(rows[0]) + n) % 100 for n in range(100)]
        begins.add(int(rows[0]))
    assert (len(begins) > 1) == shift
    assert shift or begins == {0}
