"""`reinas fit`: from a file to a folder, in one command."""

import json

import numpy as np
import pytest

import reinas as library

MINUTES = ("--minutes", "0.25", "--workers", "0")


@pytest.fixture
def table(tmp_path):
    """Two columns decide the class."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    rows = ["a,b,c,class"]
    rows += [f"{a:.3f},{b:.3f},{c:.3f},{'yes' if a > b else 'no'}" for a, b, c in x]
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    return file


def test_a_table_becomes_a_network_that_reads_its_rows(reinas, table, tmp_path):
    """One JSON document; the folder has the network and a page; `list` and `show` know it."""
    status, out, err = reinas(
        "fit", f"table:{table}", "--target", "class", *MINUTES, "--to", "net", "--json"
    )
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert document["test"]["accuracy"] > 0.8
    assert document["name"] == "fit-table"
    assert sum(member["weight"] for member in document["members"]) == pytest.approx(1)
    network = library.load(tmp_path / "net")
    assert network.predict([{"a": "2", "b": "-2", "c": "0"}, {"a": "-2", "b": "2", "c": "0"}]) == [
        "yes",
        "no",
    ]
    assert "<html" in (tmp_path / "net" / "report.html").read_text(encoding="utf-8")
    _, out, _ = reinas("show", "fit-table")
    assert "test accuracy" in out
    for command in ("resume", "finish"):
        status, _, err = reinas(command, "fit-table")
        assert status == 2
        assert "this is a fit" in " ".join(err.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["digits", "--minutes", "0"], "--minutes should be greater than 0"),
        (["digits", "--minutes", "0.01"], "--minutes must be at least 0.17"),
        (["digit"], "DATA 'digit' is not known: did you mean 'digits'?"),
        (["images:nowhere"], "nowhere"),
        (["digits", "--device", "cuda:3"], "--device cuda:3 is not on this machine"),
        (["digits", "--set", "space.depth=3"], "only task.* and recipe.* are"),
        (["digits", "--ensemble", "0"], "--ensemble should be greater than or equal to 1"),
        (["digits", "--max-latency", "0"], "--max-latency should be greater than 0"),
    ],
)
def test_what_cannot_be_is_one_sentence(reinas, options, words):
    """Status 2 or 1, one line, and no traceback."""
    status, out, err = reinas("fit", *options)
    assert status in (1, 2)
    assert out == ""
    assert words in " ".join(err.split())
    assert "Traceback" not in err
