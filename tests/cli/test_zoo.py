"""`reinas zoo`, `--cell-from`, limits and growth from the command line."""

import json
from xml.etree import ElementTree

import pytest

from reinas import Store
from reinas.zoo import ZOO

TINY = ["--task", "text:t.txt", "--set", "task.size=small", "--set", "space.budget=500"]
TINY += ["--set", "space.layers=1", "--epochs", "1", "--workers", "0"]
CONV = ["conv", "--task", "digits", "--epochs", "1", "--workers", "0", "--batch-size", "2"]
CONV += [
    "--set",
    "space.filters=[4,8]",
    "--set",
    "space.heights=[1,3]",
    "--set",
    "space.widths=[1]",
]


@pytest.fixture
def text(tmp_path, monkeypatch):
    """A short text in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("the cat sat on the mat\n" * 60)


def test_the_list_has_all_and_their_parameters(reinas):
    """As a table, and as one JSON document."""
    status, out, _ = reinas("zoo")
    assert status == 0
    assert all(name in out for name in ZOO)
    assert "4,201,630" in out
    documents = json.loads(reinas("zoo", "--json")[1])
    assert [d["name"] for d in documents] == list(ZOO)


@pytest.mark.parametrize("name", ZOO)
def test_each_is_shown_and_drawn(reinas, tmp_path, name):
    """Text, well-formed SVG, JSON whose answers mean the architecture."""
    file = tmp_path / "x.svg"
    status, out, _ = reinas("zoo", name, "--svg", str(file))
    assert status == 0
    assert name in out
    ElementTree.fromstring(file.read_text())
    document = json.loads(reinas("zoo", name, "--json")[1])
    entry = ZOO[name]
    assert entry.space.decode(tuple(document["answers"])) == entry.architecture


def test_latex_is_all_that_is_printed(reinas):
    """Of cells; networks have none."""
    status, out, _ = reinas("zoo", "figure-5", "--latex")
    assert status == 0
    assert out.startswith("\\begin{aligned}")
    assert out.rstrip().endswith("\\end{aligned}")
    status, _, err = reinas("zoo", "zoph-le-15", "--latex")
    assert (status, "is no cell" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["zoph-le-16"], "did you mean 'zoph-le-15'"),
        (["--svg", "x.svg"], "--svg: of which one"),
        (["zoph-le-15", "--task", "wine"], "needs images"),
    ],
)
def test_mistakes_are_one_line(reinas, arguments, words):
    """With status 2."""
    status, out, err = reinas("zoo", *arguments)
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_cell_of_the_zoo_is_trained_on_a_text(reinas, text):
    """One trial, of that cell."""
    status, out, _ = reinas("search", "--cell-from", "tanh", *TINY, "--name", "t")
    assert status == 0
    assert "1 of 1 trials" in out
    trial = Store("reinas.db").get("t").finished()[0]
    assert trial.answers == ZOO["tanh"].answers


def test_a_cell_that_a_search_found_is_trained_as_a_character_model(reinas, text):
    """The best of the search, in a model for characters."""
    reinas("search", "recurrent", *TINY, "--set", "space.base=2", "--trials", "3", "--name", "a")
    status, _, _ = reinas(
        "search", "--cell-from", "a", *TINY, "--set", "task.level=char", "--name", "b"
    )
    assert status == 0
    store = Store("reinas.db")
    assert store.get("b").finished()[0].answers == store.get("a").best()[0].answers
    assert "bits" in store.get("b").finished()[0].outcome.metrics


def test_what_is_no_cell_is_refused(reinas, text):
    """A network of the zoo, an unknown name."""
    for name, words in (("zoph-le-15", "not a recurrent cell"), ("lstmm", "did you mean 'lstm'")):
        status, _, err = reinas("search", "--cell-from", name, *TINY)
        assert (status, words in err) == (2, True)


def test_children_that_are_too_costly_are_counted(reinas, tmp_path, monkeypatch):
    """Not trained, counted as such, and the least cost is said."""
    monkeypatch.chdir(tmp_path)
    status, out, _ = reinas(
        "search", *CONV, "--trials", "4", "--max-parameters", "5", "--name", "c"
    )
    assert status == 1
    assert "4 too costly (the smallest has " in out
    assert all("too costly" in t.outcome.error for t in Store("reinas.db").get("c").finished())


def test_depth_grows_and_a_resumed_search_grows_on(reinas, tmp_path, monkeypatch):
    """From 1 layer on, one more every two trials; limits and growth are remembered."""
    monkeypatch.chdir(tmp_path)
    grow = ["--set", "growth.start=1", "--set", "growth.step=1", "--set", "growth.every=2"]
    arguments = [*CONV, "--set", "space.depth=3", *grow, "--max-flops", "100000000", "--name", "g"]
    assert reinas("search", *arguments, "--trials", "4")[0] == 0
    assert reinas("resume", "g", "--trials", "8", "--workers", "0")[0] == 0
    log = Store("reinas.db").get("g")
    layers = [t.answers for t in log.finished()]
    lengths = {1: 3, 2: 7, 3: 12}  # three choices a layer, and a link to each layer before
    assert [len(a) for a in layers] == [lengths[d] for d in (1, 1, 2, 2, 3, 3, 3, 3)]
    assert log.settings["growth"] == {"start": 1, "step": 1, "every": 2}
    assert log.settings["evaluator"]["limits"] == {"flops": 100_000_000}


def test_growth_that_could_not_happen_is_refused(reinas, tmp_path, monkeypatch):
    """A space of 6 layers from 6 layers on."""
    monkeypatch.chdir(tmp_path)
    status, _, err = reinas("search", *CONV, "--grow")
    assert (status, "so nothing would grow" in err) == (2, True)
