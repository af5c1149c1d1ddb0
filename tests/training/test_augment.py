"""Random crops and mirrors: every output found again in its padded input, places equally often."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import binomtest, chisquare
from torch import nn
from torch.nn import functional

from reinas import Job, Recipe, TrainedEvaluator
from reinas.objectives.classification import Classification
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer
from reinas.tasks.sklearn_data import Digits
from reinas.training.augment import augment, crop, cutout, flip
from reinas.training.fit import fit
from reinas.training.tensors import Tensors, search_tensors


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(count, channels, height, width):
    """Images whose pixels are all different, from 1 on."""
    shape = (count, channels, height, width)
    return torch.arange(1, torch.Size(shape).numel() + 1).view(shape).float()


def padded(image, pad):
    """[C, H, W] within `pad` zeros, by hand."""
    channels, height, width = image.shape
    room = torch.zeros(channels, height + 2 * pad, width + 2 * pad)
    room[:, pad : pad + height, pad : pad + width] = image
    return room


def places(image, found, pad):
    """All places (top, left) where the output lies in the padded image."""
    room = padded(image, pad)
    _, height, width = image.shape
    return [
        (top, left)
        for top in range(2 * pad + 1)
        for left in range(2 * pad + 1)
        if torch.equal(room[:, top : top + height, left : left + width], found)
    ]


@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(2, 6),
    st.integers(2, 6),
    st.integers(1, 2),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_every_crop_is_a_window_of_its_own_padded_image(count, channels, height, width, pad, seed):
    """All channels at the same place, no image in another's; found by trying every place."""
    x = numbered(count, channels, height, width)
    before = x.clone()
    edges = (pad, pad, pad, pad)
    found = crop(functional.pad(x, edges), (height, width), source(seed))
    assert found.shape == x.shape
    assert all(places(a, b, pad) for a, b in zip(x, found, strict=True))
    assert torch.equal(x, before)


def test_all_places_are_equally_often():
    """(2 * 2 + 1)^2 = 25 places over 20,000 images: a chi-square test at one in a thousand."""
    pad, count = 2, 20_000
    x = torch.arange(1, 26).float().view(1, 1, 5, 5).expand(count, 1, 5, 5)
    found = augment(x, Recipe(pad=pad), source(1))
    room = padded(x[0], pad)
    place = {
        tuple(room[0, top : top + 5, left : left + 5].flatten().tolist()): (top, left)
        for top in range(5)
        for left in range(5)
    }
    seen = Counter(place[tuple(row)] for row in found.flatten(1).tolist())
    assert len(place) == len(seen) == 25
    assert chisquare(list(seen.values())).pvalue > 1e-3


def test_an_upsampled_image_is_cropped_back_to_its_size():
    """Every output is a window of the image enlarged by Pillow's bilinear filter (section 4.1)."""
    x = torch.rand(12, 1, 6, 5, generator=source(4))
    found = augment(x, Recipe(upsample=2), source())
    for image, window in zip(x[:, 0], found[:, 0], strict=True):
        large = np.asarray(
            Image.fromarray(image.numpy()).resize((9, 10), Image.Resampling.BILINEAR)
        )
        windows = [large[i : i + 6, j : j + 5] for i in range(5) for j in range(5)]
        assert min(np.abs(w - window.numpy()).max() for w in windows) < 1e-5


def test_images_of_a_batch_are_cropped_each_on_its_own():
    """Not one place a batch."""
    x = numbered(1, 1, 4, 4).expand(50, 1, 4, 4)
    found = augment(x, Recipe(pad=2), source())
    assert len({places(a, b, 2)[0] for a, b in zip(x, found, strict=True)}) > 10


def test_about_half_are_mirrored_left_to_right_and_the_others_are_as_they_were():
    """Every output is its image or the image with its columns reversed; 2,000 times."""
    x = numbered(2000, 2, 3, 4)
    found = flip(x, source())
    mirrored = (found == x[..., [3, 2, 1, 0]]).flatten(1).all(1)
    same = (found == x).flatten(1).all(1)
    assert bool((mirrored ^ same).all())
    assert binomtest(int(mirrored.sum()), 2000).pvalue > 1e-3


def zeros(image):
    """Rows and columns of the zeros in an image [C, H, W] whose other pixels are not 0."""
    empty = (image == 0).all(0)
    assert torch.equal(empty, (image == 0).any(0))  # in all channels alike
    rows, columns = (empty.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
    return rows, columns, int(empty.sum())


@given(
    st.integers(1, 3),
    st.integers(1, 7),
    st.integers(1, 7),
    st.integers(1, 9),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_a_cutout_is_one_square_about_a_pixel_of_its_image(channels, height, width, side, seed):
    """Found by trying every middle; all other pixels are as they were."""
    x = numbered(5, channels, height, width)
    before = x.clone()
    found = cutout(x, side, source(seed))
    assert torch.equal(x, before)
    for image, old in zip(found, x, strict=True):
        rows, columns, count = zeros(image)
        assert count == len(rows) * len(columns) > 0
        assert torch.equal(torch.where(image == 0, old, image), old)
        for places, length in ((rows, height), (columns, width)):
            squares = [
                [p for p in range(middle - side // 2, middle - side // 2 + side) if 0 <= p < length]
                for middle in range(length)
            ]
            assert places in squares


def test_middles_of_cutouts_are_equally_often():
    """Squares of one pixel in images of 4 x 5: a chi-square test at one in a thousand."""
    x = torch.ones(20_000, 1, 4, 5)
    found = augment(x, Recipe(cutout=1), source(2))
    assert bool(((found == 0).flatten(1).sum(1) == 1).all())
    counts = (found == 0).sum((0, 1)).flatten().tolist()
    assert len(counts) == 20
    assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(pad=2),
        Recipe(upsample=1),
        Recipe(flip=True),
        Recipe(pad=1, flip=True),
        Recipe(cutout=2),
    ],
)
def test_the_seed_decides(recipe):
    """The same seed gives the same images, another others; the global generator is not used."""
    x = numbered(20, 1, 5, 5)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, other = augment(x, recipe, source(3)), augment(x, recipe, source(3))
    assert torch.equal(one, other)
    assert not torch.equal(one, augment(x, recipe, source(4)))
    assert torch.equal(before, torch.get_rng_state())


def test_without_pad_and_flip_nothing_is_changed_or_drawn():
    """So that recipes without them train as they did before."""
    x, generator = numbered(4, 1, 3, 3), source()
    assert augment(x, Recipe(), generator) is x
    assert torch.equal(generator.get_state(), source().get_state())


@pytest.mark.parametrize("shape", [(6, 5), (6,), (2, 3, 4)])
def test_tables_are_left_alone(shape):
    """Only [B, C, H, W] is an image; and nothing is drawn."""
    x, generator = torch.randn(shape), source()
    assert augment(x, Recipe(pad=2, upsample=1, flip=True, cutout=2), generator) is x
    assert torch.equal(generator.get_state(), source().get_state())


class Watching(nn.Module):
    """Keeps every batch that it sees, by its mode."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(16, 3)
        self.seen = {True: [], False: []}

    def forward(self, x):
        self.seen[self.training].append(x.clone())
        return self.inner(x.flatten(1))


@pytest.mark.parametrize("valid", [True, False])
def test_what_is_measured_is_never_augmented(valid):
    """Validation sees its part as it is, epoch after epoch; so does the training part's curve."""
    train = Tensors(numbered(8, 1, 4, 4) / 100, torch.arange(8) % 3)
    held = Tensors(numbered(5, 1, 4, 4) / 50, torch.arange(5) % 3) if valid else None
    child = Watching()
    recipe = Recipe(pad=2, flip=True, epochs=3, batch_size=8, learning_rate=0.001)
    fit(child, train, held, recipe, Classification())
    measured = held or train
    assert len(child.seen[False]) == 3
    assert all(torch.equal(x, measured.x) for x in child.seen[False])
    assert not any(torch.equal(x.sort(0)[0], train.x) for x in child.seen[True])


def test_every_epoch_draws_anew_and_the_data_stay():
    """Three epochs see three different sets of crops of the same images."""
    train = Tensors(numbered(8, 1, 4, 4) / 100, torch.arange(8) % 3)
    before = train.x.clone()
    child = Watching()
    fit(
        child,
        train,
        None,
        Recipe(pad=2, epochs=3, batch_size=8, learning_rate=1e-3),
        Classification(),
    )
    sums = {tuple(sorted(x.sum((1, 2, 3)).tolist())) for x in child.seen[True]}
    assert len(sums) == 3
    assert torch.equal(train.x, before)


@dataclass(frozen=True)
class Sealed(Digits):
    """Digits whose test part must not be looked at."""

    def test(self):
        raise AssertionError("the test part was read")


def test_a_child_trained_on_augmented_images_is_reproducible():
    """Two evaluations of one job have the same curve, another than without augmentation."""
    network = ConvArchitecture((ConvLayer(1, 1, 2, (0,)),))
    curves = []
    for recipe in (Recipe(epochs=1, pad=1, flip=True),) * 2 + (Recipe(epochs=1),):
        curves.append(TrainedEvaluator(Sealed(), recipe)(Job(0, network, 1)).curve)
    assert curves[0] == curves[1] != curves[2]
    train, _ = search_tensors(Sealed())
    assert train.x.shape[1:] == (1, 8, 8)
