"""From a text to a language model that is saved: on the command line and in Python."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

import reinas as library
from reinas import (
    Budget,
    MemoryStore,
    RandomSearch,
    RecipeGrid,
    RecurrentSpace,
    Store,
    Text,
    TrainedEvaluator,
    finish,
    search,
)
from reinas.errors import SettingError

WORDS = [f"w{n}" for n in range(12)]
SMALL = ("--set", "task.size=small", "--set", "space.base=2", "--set", "space.budget=2000")
OPTIONS = (
    "--trials",
    "4",
    "--batch-size",
    "2",
    "--workers",
    "0",
    "--epochs",
    "1",
    "--name",
    "cells",
)


def lines(count, seed):
    """Lines in which every word is followed by the next one, or by any word."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        line = [int(rng.integers(12))]
        for _ in range(8):
            line.append((line[-1] + 1) % 12 if rng.random() < 0.7 else int(rng.integers(12)))
        yield " ".join(WORDS[n] for n in line)


@pytest.fixture
def text(tmp_path):
    """A folder with the three files."""
    folder = tmp_path / "text"
    folder.mkdir()
    for seed, (part, count) in enumerate({"train": 60, "valid": 15, "test": 15}.items()):
        (folder / f"{part}.txt").write_text("\n".join(lines(count, seed)) + "\n")
    return folder


@pytest.fixture
def searched(reinas, text):
    """The command line after a search of four cells."""
    status, out, err = reinas("search", "recurrent", "--task", f"text:{text}", *SMALL, *OPTIONS)
    assert status == 0, err
    assert "Traceback" not in out + err
    return reinas


def tokens(path, classes):
    """A file as numbers: words and line ends."""
    words = path.read_text().replace("\n", " <eos> ").split()
    number = {word: n for n, word in enumerate(classes)}
    return torch.tensor([number.get(word, 0) for word in words])


def perplexity(network, numbers):
    """By hand: one stream from the first token to the last."""
    with torch.no_grad():
        logits = network(numbers[:-1, None])[:, 0].double().numpy()
    table = log_softmax(logits, axis=-1)
    return math.exp(-table[np.arange(len(table)), numbers[1:].numpy()].mean())


# ---- search --------------------------------------------------------------------------------------


def test_search_and_show_on_the_command_line(searched):
    """Four trials with perplexities; the best cell as one line."""
    status, out, _ = searched("show", "cells")
    assert status == 0
    assert "cells: 4 of 4 trials" in out
    assert "perplexity" in out
    log = Store("reinas.db").get("cells")
    for trial in log.finished():
        measured = trial.outcome.metrics["perplexity"]
        assert trial.outcome.reward == pytest.approx(80 / measured**2)
        assert trial.outcome.metrics["parameters"] <= 2000


def test_resume_goes_on_where_the_search_stopped(searched):
    """Two more trials; the first four stay."""
    first = Store("reinas.db").get("cells").finished()
    status, out, _ = searched("resume", "cells", "--trials", "6", "--workers", "0")
    assert status == 0
    assert "6 of 6" in out
    assert Store("reinas.db").get("cells").finished()[:4] == first


def test_a_page_and_a_drawing(searched, tmp_path):
    """The page has the cell's drawing and its formulas."""
    status, _, err = searched("show", "cells", "--html", "c.html", "--svg", "c.svg")
    assert status == 0, err
    svg = (tmp_path / "c.svg").read_text()
    assert svg.startswith("<svg")
    assert "c_(t-1)" in svg
    page = (tmp_path / "c.html").read_text()
    assert "<svg" in page
    assert "h_t" in page
    assert "perplexity" in page


def test_worker_processes_find_what_one_process_finds(searched, text):
    """--workers 2 gives the trials of --workers 0."""
    options = ["two" if word == "cells" else word for word in OPTIONS]
    options[options.index("--workers") + 1] = "2"
    searched("search", "recurrent", "--task", f"text:{text}", *SMALL, *options)
    one, two = (
        [(t.answers, t.outcome.reward) for t in Store("reinas.db").get(name).finished()]
        for name in ("cells", "two")
    )
    assert one == two


def test_limits_of_parameters_and_multiply_adds(reinas, text):
    """Cells within the limits are trained as if there were none."""
    more = ("--max-parameters", "10000", "--max-flops", "1000000")
    status, out, _ = reinas(
        "search", "recurrent", "--task", f"text:{text}", *SMALL, *OPTIONS, *more
    )
    assert status == 0
    assert "failed" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recurrent", "--task", "text"), "text:FILE or text:FOLDER"),
        (("recurrent", "--task", "text:nothing.txt"), "No such file"),
        (("recurrent", "--task", "digits"), "models text"),
        (("mlp", "--task", "text:TEXT"), "text"),
        (("conv", "--task", "text:TEXT"), "text"),
        (
            ("recurrent", "--task", "text:TEXT", "--set", "space.budget=30"),
            "too small for 14 words",
        ),
        (("recurrent", "--task", "text:TEXT", "--set", "space.base=3"), "power of two"),
        (("recurrent", "--task", "text:TEXT", "--set", "task.level=letter"), "'word' or 'char'"),
        (("recurrent", "--task", "text:TEXT", "--set", "task.vocabulary=1"), "at least 2 tokens"),
        (("recurrent", "--task", "text:TEXT", "--set", "recipe.recurrent_dropout=1"), "below 1"),
        (("recurrent", "--task", "text:TEXT", "--set", "recipe.steps=0"), "steps must be at least"),
    ],
)
def test_a_mistake_is_one_clear_sentence(reinas, text, tmp_path, arguments, message):
    """Status 2, one line after the notes about the text, no store."""
    given = [word.replace("TEXT", str(text)) for word in arguments]
    status, out, err = reinas("search", *given, "--workers", "0", "--trials", "1")
    assert (status, out) == (2, "")
    *notes, last = err.splitlines()
    assert last.startswith("reinas: ")
    assert message in last
    assert not any("Traceback" in note for note in notes)
    assert len(notes) <= 2
    assert not (tmp_path / "reinas.db").exists()


# ---- finish --------------------------------------------------------------------------------------


def test_finish_goes_through_its_grid_and_tests_once(searched, text, tmp_path):
    """Two rates by two dropouts; the perplexity is that of the saved network, reckoned by hand."""
    grid = ("grid.learning_rates=[0.003, 0.01]", "grid.recurrent_dropouts=[0.0, 0.2]")
    options = [word for setting in grid for word in ("--set", setting)]
    status, out, err = searched("finish", "cells", "--workers", "0", "--json", *options)
    assert status == 0, err
    document = json.loads(out)
    points = Store("reinas.db").get("cells").points()
    tried = {(r["learning_rate"], r["recurrent_dropout"]) for r, _ in points.values()}
    assert tried == {(0.003, 0.0), (0.003, 0.2), (0.01, 0.0), (0.01, 0.2)}
    network = library.load(tmp_path / "cells")
    numbers = tokens(text / "test.txt", network.classes)
    # the measurement cuts the text into a few pieces, each of which starts from zeros
    assert document["test"]["perplexity"] == pytest.approx(perplexity(network, numbers), rel=0.05)
    assert document["test"]["perplexity"] < 14
    assert document["test"]["parameters"] == sum(p.numel() for p in network.parameters())
    first = [p.clone() for p in network.parameters()]
    (text / "test.txt").write_text("something else\n" * 9)
    status, out, _ = searched("finish", "cells", "--json", "--to", "again")
    assert status == 0
    assert json.loads(out)["test"] == document["test"]
    for one, two in zip(first, library.load(tmp_path / "again").parameters(), strict=True):
        assert torch.equal(one, two)


def test_the_usual_grid_has_the_recurrent_dropout(searched):
    """With and without, where the search has a rate; around its own learning rate."""
    status, _, err = searched("finish", "cells", "--workers", "0")
    assert status == 0, err
    points = Store("reinas.db").get("cells").points()
    tried = {(r["learning_rate"], r["recurrent_dropout"]) for r, _ in points.values()}
    assert tried == {(0.0015, 0.0), (0.003, 0.0), (0.006, 0.0)}


def test_the_loaded_network_reads_tokens(searched, text, tmp_path):
    """Int64 [T, B] -> logits [T, B, words]; the classes are the training part's vocabulary."""
    searched("finish", "cells", "--no-grid")
    network = library.load(tmp_path / "cells")
    assert network.classes[0] == "<unk>"
    assert set(network.classes) == {"<unk>", "<eos>", *WORDS}
    words = tokens(text / "train.txt", network.classes)[:40].view(10, 4)
    logits = network(words)
    assert logits.shape == (10, 4, 14)
    assert torch.equal(network(words), logits)  # nothing is dropped
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(
    "setting", ["grid.norm_epsilons=[1e-3]", "grid.decays=[0.5]", "grid.decay_afters=[2]"]
)
def test_values_of_a_grid_that_change_nothing_are_refused(searched, setting, tmp_path):
    """No batch normalisation, and the small recipe's schedule is the cosine."""
    status, _, err = searched("finish", "cells", "--set", setting)
    assert status == 2
    assert "would change nothing" in err
    assert err.strip().split("\n")[-1].startswith("reinas: ")
    assert not (tmp_path / "cells" / "network.json").exists()


def test_grids_of_language_models_are_refused_for_other_networks():
    """Recurrent dropout of a network without recurrence."""
    recipe = library.Wine().recipe
    with pytest.raises(SettingError, match="would change nothing"):
        RecipeGrid(recurrent_dropouts=(0.2,)).recipes(
            recipe, library.Wine.objective, normalised=False
        )


def test_changed_texts_are_refused(searched, text):
    """Neither resumed nor finished with other data."""
    (text / "train.txt").write_text("\n".join(lines(60, 9)) + "\n")
    from reinas.tasks import user_data
    from reinas.training.tensors import search_tensors

    user_data._READ.clear()
    for cache in (user_data._hash, search_tensors):  # as in a new process
        cache.cache_clear()
    for command in (("finish", "cells"), ("resume", "cells", "--trials", "9", "--workers", "0")):
        status, _, err = searched(*command)
        assert status == 2
        assert "data" in err


# ---- in Python -----------------------------------------------------------------------------------


def found(task, folder, **settings):
    """A search of two cells, finished without a grid."""
    space = RecurrentSpace(base=2, budget=2000, **settings)
    home = MemoryStore()
    evaluator = TrainedEvaluator(task)
    search(
        space, RandomSearch(space), evaluator, budget=Budget(2), batch_size=2, store=home, name="s"
    )
    return finish(home, "s", space, task, folder=folder, grid=None, epochs=2)


@pytest.mark.parametrize("tied", [False, True])
def test_one_layer_tied_or_not_is_saved_and_loaded(text, tmp_path, tied):
    """The same logits and as many numbers after loading: tied weights are one tensor again."""
    done = found(Text(str(text), size="small"), tmp_path / "out", layers=1, tied=tied)
    network = library.load(tmp_path / "out")
    width = network.child.width
    count = (2 - tied) * 14 * width + 14 + 2 * 2 * width**2
    assert done.final.metrics["parameters"] == count
    assert sum(p.numel() for p in network.parameters()) == count
    numbers = tokens(text / "test.txt", network.classes)
    assert done.final.metrics["perplexity"] == pytest.approx(perplexity(network, numbers), rel=0.05)


def test_characters_have_bits(text, tmp_path):
    """The bits a character are the loss by ln 2; classes are characters."""
    done = found(Text(str(text), level="char", size="small"), tmp_path / "out")
    metrics = done.final.metrics
    assert metrics["bits"] == pytest.approx(metrics["loss"] / math.log(2))
    assert "perplexity" not in metrics
    network = library.load(tmp_path / "out")
    assert set(network.classes) == {"<unk>", *"w0123456789 \n"}
    numbers = torch.tensor([network.classes.index(c) for c in (text / "test.txt").read_text()])
    assert metrics["bits"] == pytest.approx(math.log2(perplexity(network, numbers)), rel=0.05)


def test_a_loaded_model_needs_no_text(text, tmp_path):
    """What is saved is whole: the folder of the text may be gone."""
    found(Text(str(text), size="small"), tmp_path / "out")
    shutil.rmtree(text)
    network = library.load(tmp_path / "out")
    assert network(torch.zeros(3, 1, dtype=torch.int64)).shape == (3, 1, 14)
