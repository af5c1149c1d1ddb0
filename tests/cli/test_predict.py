"""`reinas predict`: a line of CSV per example, as the network itself says it."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reinas import Arrays, Images, LstmSpace, MlpSpace, Table, Text, build
from reinas.export.network import FoundNetwork
from reinas.export.saved import describe, save
from reinas.training.tensors import search_scalings

MLP = MlpSpace(depth=1, widths=(4,))
RNG = np.random.default_rng(0)


def saved(space, task, folder="net"):
    """A network for the task, not trained, in a folder."""
    torch.manual_seed(1)
    answers = space.sample(1, 0)[0]
    child = build(space.decode(answers), task)
    network = FoundNetwork(child, *search_scalings(task), describe(space, answers, task)).eval()
    save(network, Path(folder))
    return network


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def table(path, kind):
    """A table of 40 rows whose column `y` is of that kind."""
    with path.open("w") as file:
        file.write("size,city,y\n")
        for n in range(40):
            y = "xy"[n % 2] if kind == "class" else n / 8 + 0.5
            file.write(f"{RNG.random():.3f},{'ABC'[n % 3]},{y}\n")
    return path


def test_rows_of_a_table_have_their_line_a_class_and_probabilities(reinas, tmp_path):
    """The target's column may be missing; columns may be in another order."""
    network = saved(MLP, Table(str(table(tmp_path / "t.csv", "class")), "y"))
    (tmp_path / "new.csv").write_text("city,size\nA,0.1\nB,0.9\n")
    status, out, _ = reinas("predict", "net", "new.csv", "--probabilities")
    given = [{"city": "A", "size": "0.1"}, {"city": "B", "size": "0.9"}]
    assert status == 0
    assert [row["example"] for row in rows(out)] == ["2", "3"]
    assert [row["prediction"] for row in rows(out)] == network.predict(given)
    with torch.no_grad():
        shares = network(network.encode(given)).softmax(1)
    found = [[float(row[f"probability of {c}"]) for c in "xy"] for row in rows(out)]
    np.testing.assert_allclose(found, shares.numpy(), rtol=1e-6)


def test_numbers_go_to_a_file(reinas, tmp_path):
    """Nothing else is printed than its name; there are no probabilities of numbers."""
    network = saved(MLP, Table(str(table(tmp_path / "t.csv", "number")), "y"))
    status, out, _ = reinas("predict", "net", "t.csv", "--to", "answers.csv")
    assert status == 0
    assert out.split() == ["written:", "answers.csv"]
    with (tmp_path / "t.csv").open() as file:
        expected = network.predict(list(csv.DictReader(file)))
    answers = rows((tmp_path / "answers.csv").read_text())
    assert [float(row["prediction"]) for row in answers] == pytest.approx(expected)
    status, _, err = reinas("predict", "net", "t.csv", "--probabilities")
    assert (status, err) == (2, "reinas: only networks that classify have probabilities\n")


def test_pictures_and_folders_of_them(reinas, tmp_path):
    """By their paths, in order."""
    for name in "ab":
        (tmp_path / "photos" / name).mkdir(parents=True)
        for n in range(10):
            pixels = RNG.integers(0, 256, (4, 4, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{n}.png")
    network = saved(MLP, Images(str(tmp_path / "photos")))
    _, out, _ = reinas("predict", "net", "photos/b", "photos/a/3.png")
    files = [*(f"photos/b/{n}.png" for n in range(10)), "photos/a/3.png"]
    assert [row["example"] for row in rows(out)] == files
    assert [row["prediction"] for row in rows(out)] == network.predict(files)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_by_their_number_more_than_one_piece(suffix, reinas, tmp_path):
    """300 examples are read in two pieces."""
    x, y = RNG.normal(size=(300, 5)).astype(np.float32), RNG.integers(0, 3, 300)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    network = saved(MLP, Arrays(str(tmp_path / "data.npz")))
    new = tmp_path / f"new{suffix}"
    np.save(new, x) if suffix == ".npy" else np.savez(new, x=x)
    _, out, _ = reinas("predict", "net", new)
    assert [row["example"] for row in rows(out)] == list(map(str, range(300)))
    assert [row["prediction"] for row in rows(out)] == list(map(str, network.predict(x)))


def test_a_text_goes_on(reinas, tmp_path):
    """Greedily: each token is the likeliest after all before it."""
    (tmp_path / "book.txt").write_text("a b c d " * 100)
    space = LstmSpace(widths=(64,))
    network = saved(space, Text(str(tmp_path / "book.txt")))
    _, out, _ = reinas("predict", "net", "--text", "a b", "--count", "3")
    tokens = ["a", "b"]
    for _ in range(3):
        tokens.append(network.predict(" ".join(tokens))[-1])
    assert out.split() == tokens[2:]
    status, _, err = reinas("predict", "net", "book.txt")
    assert (status, err) == (2, "reinas: this network continues a text: give it one, not files\n")


def test_mistakes_are_said_in_one_line(reinas, tmp_path):
    """With status 2."""
    saved(MLP, Table(str(table(tmp_path / "t.csv", "class")), "y"))
    (tmp_path / "short.csv").write_text("city\nA\n")
    (tmp_path / "empty").mkdir()
    for given, words in [
        (("net",), "say what to predict"),
        (("net", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("net", "short.csv"), "short.csv lacks the column 'size', which training had"),
        (("net", "--text", "a"), "this network reads no text: give it files"),
        (("nowhere", "t.csv"), "nowhere"),
    ]:
        status, out, err = reinas("predict", *given)
        assert (status, out, err.count("\n")) == (2, "", 1), given
        assert words in err


def test_arrays_that_do_not_fit_are_said(reinas, tmp_path):
    """Their shape, and what the network takes."""
    x, y = RNG.normal(size=(40, 5)).astype(np.float32), RNG.integers(0, 3, 40)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    saved(MLP, Arrays(str(tmp_path / "data.npz")))
    np.save(tmp_path / "wide.npy", x[:, :3])
    np.savez(tmp_path / "other.npz", z=x)
    (tmp_path / "odd.npy").write_bytes(b"no array")
    for name, words in [
        ("wide.npy", "wide.npy has float32 [40, 3]: the network takes numbers [N, 5]"),
        ("other.npz", "other.npz has z, but no array x"),
        ("odd.npy", "odd.npy cannot be read as an array"),
    ]:
        status, _, err = reinas("predict", "net", name)
        assert status == 2
        assert words in err
        assert err.count("\n") == 1
