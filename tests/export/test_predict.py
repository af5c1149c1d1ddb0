"""Finished networks on people's own rows and pictures."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

import reinas
from reinas import (
    Budget,
    ConvSpace,
    Images,
    MlpSpace,
    RandomSearch,
    Recipe,
    Table,
    TrainedEvaluator,
)
from reinas.errors import FileError, SettingError
from reinas.export.network import FoundNetwork
from reinas.export.saved import describe
from reinas.training.tensors import search_scalings

QUICK = Recipe(optimizer="adam", learning_rate=0.01, schedule="cosine", epochs=2)


def finished(task, space, folder, recipe=QUICK):
    store = reinas.MemoryStore()
    evaluator = TrainedEvaluator(task, recipe)
    reinas.search(space, RandomSearch(space), evaluator, budget=Budget(2), store=store, name="s")
    reinas.finish(store, "s", space, task, folder=folder, grid=None)
    return reinas.load(folder)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A network for a table with numbers, gaps and categories; and its rows."""
    folder = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    with (folder / "t.csv").open("w") as file:
        file.write("size,rooms,city,kind\n")
        for n in range(60):
            rooms = "" if n % 7 == 0 else n % 5
            file.write(f"{rng.random():.3f},{rooms},{'ABC'[n % 3]},{'xy'[n % 2]}\n")
    task = Table(str(folder / "t.csv"), "kind")
    with (folder / "t.csv").open() as file:
        rows = list(csv.DictReader(file))
    return finished(task, MlpSpace(depth=1, widths=(4,)), folder / "net"), rows


def test_rows_as_read_from_a_file_are_taken(table):
    """A class's name for each; the columns that are not needed are left alone."""
    network, rows = table
    assert network.encode(rows).shape == (60, 6)  # size, rooms, its gaps, three cities
    predicted = network.predict(rows)
    assert len(predicted) == 60
    assert set(predicted) <= {"x", "y"} == set(network.classes)


def test_numbers_and_none_are_taken_as_their_text(table):
    """As rows come from databases and data frames."""
    network, _ = table
    typed = network.encode([{"size": 0.5, "rooms": None, "city": "A"}])
    nan = network.encode([{"size": 0.5, "rooms": float("nan"), "city": "A"}])
    text = network.encode([{"size": "0.5", "rooms": "", "city": "A"}])
    assert torch.equal(typed, text)
    assert torch.equal(nan, text)


def test_a_category_that_training_did_not_have_is_none_of_them(table):
    """All of its columns are 0."""
    network, _ = table
    encoded = network.encode([{"size": 1, "rooms": 2, "city": "Tokyo"}])
    assert encoded[0, -3:].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"size": 1}, "takes a list of examples, got dict"),
        (None, "takes a list of examples, got NoneType"),
        ([[1, 2, 3]], "mappings from column name to cell, got list"),
        ([{"size": 1, "city": "A"}], "no column rooms"),
        ([{"size": "big", "rooms": 1, "city": "A"}], "column size: expected a finite number"),
    ],
)
def test_what_is_no_row_is_refused_in_words(table, rows, words):
    """What came, and what is wanted."""
    with pytest.raises((SettingError, FileError), match=words):
        table[0].encode(rows)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A network for pictures squeezed to 6 x 6, and the folder that it was found for."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    for name in ("dark", "light"):
        (folder / "all" / name).mkdir(parents=True)
        for n in range(8):
            low = 0 if name == "dark" else 128
            pixels = rng.integers(low, low + 128, (8 + n, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "all" / name / f"{n}.png")
    task = Images(str(folder / "all"), size=6)
    space = ConvSpace(depth=1, filters=(4,), heights=(1,), widths=(1,))
    return finished(task, space, folder / "net"), folder / "all"


def test_pictures_are_read_as_in_training(pictures):
    """Squeezed to 6 x 6 by Pillow's own bilinear filter, three channels."""
    network, folder = pictures
    file = folder / "dark" / "3.png"
    with Image.open(file) as image:
        wanted = np.asarray(image.resize((6, 6), Image.Resampling.BILINEAR))
    encoded = network.encode([file])
    assert encoded.shape == (1, 3, 6, 6)
    assert np.array_equal(encoded[0].numpy(), np.moveaxis(wanted, 2, 0))
    assert network.predict([str(file)])[0] in ("dark", "light")


@pytest.mark.parametrize("shape", [(1, 1, 6, 6), (1, 3, 7, 6), (3, 6, 6), (1, 6, 6, 3)])
def test_images_of_another_shape_are_refused(pictures, shape):
    """Some would broadcast and give numbers that mean nothing."""
    with pytest.raises(SettingError, match=r"tensor of shape \[B, 3, 6, 6\], got"):
        pictures[0](torch.zeros(shape))


def test_an_array_of_numpy_is_refused_in_words(pictures):
    """It is told that a tensor is wanted."""
    with pytest.raises(SettingError, match="got ndarray"):
        pictures[0](np.zeros((1, 3, 6, 6)))


def test_a_file_that_is_no_picture_is_named(pictures, tmp_path):
    """As in training."""
    (tmp_path / "no.png").write_text("no")
    with pytest.raises(FileError, match=r"no\.png cannot be read as an image"):
        pictures[0].predict([tmp_path / "no.png"])


def test_other_networks_take_tensors(tmp_path):
    """They say of which shape."""
    space = MlpSpace(depth=1, widths=(4,))
    network = finished(reinas.Wine(), space, tmp_path)
    with pytest.raises(SettingError, match=r"takes numbers as they are: a tensor \[B, 13\]"):
        network.encode(["a"])
    x = torch.from_numpy(reinas.Wine().test().x)
    assert network.predict(x) == network.predict(x)


def test_pictures_of_another_size_are_squeezed_to_that_of_training(tmp_path):
    """Also where all pictures of training had one size, and none was asked for."""
    for name in ("a", "b"):
        (tmp_path / "all" / name).mkdir(parents=True)
        for n in range(10):
            image = Image.new("L", (7, 5), 20 * n)
            image.save(tmp_path / "all" / name / f"{n}.png")
    space = ConvSpace(depth=1, filters=(4,), heights=(1,), widths=(1,))
    network = finished(Images(str(tmp_path / "all")), space, tmp_path / "net")
    Image.new("RGB", (30, 40)).save(tmp_path / "other.jpg")
    assert network.encode([tmp_path / "other.jpg"]).shape == (1, 1, 5, 7)
    assert network.predict([]) == []
    for wrong in ("other.jpg", [b"x.png"], [None]):
        with pytest.raises(SettingError, match="list of"):
            network.predict(wrong)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A network for words."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "t.txt").write_text("the cat sat on the mat\n" * 60)
    task = reinas.Text(str(folder / "t.txt"), size="small")
    space = reinas.RecurrentSpace(base=1, layers=1, budget=500)
    recipe = Recipe(optimizer="adam", learning_rate=0.003, epochs=1, initial=0.05)
    return finished(task, space, folder / "net", recipe)


def test_a_text_is_split_as_in_training(words):
    """At white space; a list of words or of phrases is the same text."""
    tokens = words.encode("the cat  sat\n")
    assert [words.classes[n] for n in tokens[:, 0]] == ["the", "cat", "sat"]
    assert torch.equal(words.encode(["the", "cat sat"]), tokens)
    assert len(words.predict("the cat sat")) == 3
    assert words.encode("dog").tolist() == [[0]]  # <unk>


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(3, dtype=torch.int64),
        torch.zeros(3, 1),
        torch.zeros(0, 1, dtype=torch.int64),
        torch.full((2, 1), 99),
        torch.full((2, 1), -1),
    ],
)
def test_what_are_no_tokens_is_refused_in_words(words, wrong):
    """The shape, the type and the range that are wanted."""
    with pytest.raises(SettingError, match=r"tokens"):
        words(wrong)


@pytest.mark.parametrize("wrong", [[None], [5], [{"a": 1}], b"abc", ""])
def test_what_is_no_text_is_refused_in_words(words, wrong):
    """No silent unknown words."""
    with pytest.raises(SettingError):
        words.predict(wrong)


def test_one_bad_cell_among_numbers_is_named(tmp_path):
    """With its line, and what to do; the column is not dropped."""
    rows = "".join(f"{n}.5,{n % 2}\n" for n in range(60)).replace("7.5,", "oops,", 1)
    (tmp_path / "t.csv").write_text("a,y\n" + rows)
    with pytest.raises(FileError, match=r"column a, line 9: 'oops' is no number.*correct it"):
        Table(str(tmp_path / "t.csv"), "y").parts()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_an_array_is_predicted_like_a_tensor(kind):
    """Whatever its numbers are; none are no predictions."""
    task = reinas.Wine()
    space = reinas.MlpSpace(depth=1)
    description = describe(space, (0, 0, 0), task)
    child = reinas.build(space.decode((0, 0, 0)), task)
    network = FoundNetwork(child, *search_scalings(task), description)
    x = task.test().x.round().astype(kind)
    assert network.predict(x) == network.predict(torch.from_numpy(x).float())
    assert network.predict(x[:0]) == []
