"""The harness that sets `reinas fit` beside rivals: with rivals that only print numbers."""

import json
import math
import os
import sys

import numpy as np
import pytest
from benchmarks import versus
from benchmarks.versus_data import NAMES, TABLES, About, MissingDataError, prepared
from benchmarks.versus_page import differences, estimate, page
from benchmarks.versus_rivals import NotInstalledError, environment, names, rival_of
from scipy import stats

ANSWERS = """
import json, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print("a library that talks")
print(json.dumps({"test": 0.5 + 0.1 * int(given["--seed"]), "seconds": 0.1, "note": "easy"}))
"""
FIT = """
import json, os, sys
open(os.environ["VERSUS_CALLS"], "a").write(" ".join(sys.argv[1:]) + "\\n")
seed = int(sys.argv[sys.argv.index("--seed") + 1])
document = {"test": {"accuracy": [0.9, 0.7, 0.8][seed], "loss": 1.0}, "summary": "fitted"}
print(json.dumps(document, indent=1))
"""
CRASHES = "import sys\nsys.exit('out of luck')\n"
HANGS = """
import os, subprocess, sys, threading
child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
open(os.environ["VERSUS_CHILD"], "w").write(str(child.pid))
threading.Event().wait()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with data, fake rivals, and a fake fit that writes down how it was called."""
    rng = np.random.default_rng(0)
    parts = {
        f"{letter}_{part}": rng.normal(size=(9, 3)) if letter == "x" else np.arange(9) % 3
        for letter in "xy"
        for part in ("train", "valid", "test")
    }
    np.savez(tmp_path / "small.npz", **parts)
    scripts = {"answers": ANSWERS, "fit_stub": FIT, "crashes": CRASHES, "hangs": HANGS}
    for name, text in scripts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv("REINAS_VERSUS_FIT", f"{sys.executable} {tmp_path / 'fit_stub.py'}")
    monkeypatch.setenv("VERSUS_CALLS", str(tmp_path / "calls.txt"))
    monkeypatch.setenv("VERSUS_CHILD", str(tmp_path / "child.txt"))
    return tmp_path


def measured(place, rivals, seeds=3, *more):
    """Run the command with a limit of about a second; its lines, and the page."""
    versus.main(
        [
            *("--data", str(place / "small.npz"), "--minutes", "0.001", "--grace", "1"),
            *("--rivals", ",".join(str(place / f"{name}.py") for name in rivals)),
            *("--seeds", str(seeds), "--out", str(place / "runs.jsonl"), *more),
        ]
    )
    lines = (place / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    text = (place / "runs.md").read_text(encoding="utf-8")
    return [json.loads(line) for line in lines], text


def row(text, rival):
    """The cells of a rival's row in the last table; the first is the summary."""
    line = [line for line in text.splitlines() if line.startswith(f"| {rival} | ")][-1]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_numbers_are_scipys(place):
    """Means, intervals and paired differences of a table are those that SciPy gives."""
    _, text = measured(place, ["answers"])
    ours, theirs = np.array([10.0, 30.0, 20.0]), np.array([50.0, 40.0, 30.0])
    for values, cell in (
        (ours, row(text, "fit")[2]),
        (theirs, row(text, "answers")[2]),
        (theirs - ours, row(text, "answers")[3]),
    ):
        low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        mean, half = map(float, cell.split(" ± "))
        assert (mean, half) == pytest.approx((values.mean(), (high - low) / 2), abs=0.005)
    assert "| answers | 1 | 0 | 0 | 1 |" in text  # the interval of the difference has 0
    p = stats.ttest_rel(theirs, ours).pvalue  # a single rival: Holm changes nothing
    assert float(row(text, "answers")[4]) == pytest.approx(p, abs=0.0005)


def test_one_seed_has_no_interval():
    """A single value has no interval and no p-value, and equal values an interval of 0."""
    one, equal = estimate([3.0]), estimate([2.0, 2.0, 2.0])
    assert (str(one), math.isnan(one.p)) == ("3.00", True)
    assert (str(equal), equal.sign) == ("2.00 ± 0.00", 1)


def test_differences_are_paired_by_seed():
    """Only seeds that both finished are compared, each with its own."""
    fit = [{"seed": n, "status": "finished", "test": 0.9, "metric": "accuracy"} for n in (0, 1)]
    rival = [
        {"seed": 1, "status": "finished", "test": 0.7, "metric": "accuracy"},
        {"seed": 0, "status": "failed", "test": None, "metric": "accuracy"},
        {"seed": 2, "status": "finished", "test": 0.1, "metric": "accuracy"},
    ]
    assert differences(rival, fit) == pytest.approx([20.0])


def test_a_crash_is_a_row(place):
    """A rival that crashes is in the table with its last words, and the others go on."""
    records, text = measured(place, ["crashes", "answers"], 1)
    status = {record["rival"]: record["status"] for record in records}
    assert status == {"fit": "finished", "crashes": "failed", "answers": "finished"}
    assert row(text, "crashes")[1:4] == ["0", "-", "-"]
    assert "out of luck" in row(text, "crashes")[6]


def test_a_hanging_rival_is_killed(place):
    """A rival past the limit is killed with the processes that it started."""
    records, text = measured(place, ["hangs"], 1)
    assert records[-1]["status"] == "stopped"
    assert 1 <= records[-1]["seconds"] < 10
    assert "killed after 1 s" in row(text, "hangs")[6]
    child = int((place / "child.txt").read_text(encoding="utf-8"))
    state = f"/proc/{child}/stat"
    if os.path.exists(state):  # a zombie until its parent, the system's first process, looks
        with open(state, encoding="utf-8") as file:
            assert file.read().rpartition(")")[2].split()[0] in "ZX"


def test_a_command_goes_on(place):
    """What is finished is not run again, a line that was cut off is, more seeds are added."""
    first, _ = measured(place, ["answers"], 2)
    file = place / "runs.jsonl"
    whole = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*whole[:3], whole[3][:20]]), encoding="utf-8")
    calls = (place / "calls.txt").read_text(encoding="utf-8").count("\n")
    versus.main(
        [
            *("--data", str(place / "small.npz"), "--minutes", "0.001", "--grace", "1"),
            *("--rivals", str(place / "answers.py"), "--seeds", "3", "--out", str(file)),
        ]
    )
    runs = versus.read(file)
    assert len(runs) == 6
    assert (len(first), calls) == (4, 2)
    assert (place / "calls.txt").read_text(encoding="utf-8").count("\n") == 3
    assert runs["small", "answers", 0.001, 1]["test"] == first[3]["test"]


def test_failures_stay_until_retried(place):
    """A failed run is made again with --retry alone, and then its new line counts."""
    measured(place, ["crashes"], 1)
    assert len(measured(place, ["crashes"], 1)[0]) == 2
    (place / "crashes.py").write_text(ANSWERS, encoding="utf-8")
    records, text = measured(place, ["crashes"], 1, "--retry")
    assert [record["status"] for record in records] == ["finished", "failed", "finished"]
    assert row(text, "crashes")[1] == "1"


def test_fit_is_called_as_agreed(place):
    """The command gets the data, the minutes, the seed, a folder, a store, and asks for JSON."""
    measured(place, ["answers"], 1)
    words = (place / "calls.txt").read_text(encoding="utf-8").split()
    assert words[:5] == [f"arrays:{place / 'small.npz'}", "--minutes", "0.001", "--seed", "0"]
    assert (words[5], words[7], words[9]) == ("--to", "--store", "--json")


def test_cores_are_given_back(place):
    """Rivals run on so many cores; afterwards this process has all that it had."""
    before = os.sched_getaffinity(0)
    with versus.bound(1) as cores:
        assert (cores, len(os.sched_getaffinity(0))) == (1, 1)
    assert os.sched_getaffinity(0) == before


def test_a_score_that_is_no_number_is_a_failure(place):
    """NaN, text, or another metric than the data's is no score."""
    for printed in ('{"test": NaN}', '{"test": "good"}', '{"test": {"loss": 1.0}}', "0.9"):
        (place / "odd.py").write_text(f"print({printed!r})", encoding="utf-8")
        assert measured(place, ["odd"], 1, "--retry")[0][-1]["status"] == "failed"


def test_what_cannot_be_installed_is_said(place, monkeypatch):
    """A rival whose environment cannot be made is tried once per command, and in the table."""
    (place / "needy.py").write_text(
        '# /// script\n# dependencies = ["no-such-thing==1"]\n# ///\n', encoding="utf-8"
    )
    tried = []

    def refused(rival, cache):
        if rival.requirements:
            tried.append(rival.name)
            raise NotInstalledError("No matching distribution found for no-such-thing==1")
        return environment(rival, cache)

    monkeypatch.setattr("benchmarks.versus_rivals.environment", refused)
    _, text = measured(place, ["needy"], 2)
    assert tried == ["needy"]
    assert "2 not installed (No matching distribution" in row(text, "needy")[6]


@pytest.mark.parametrize("name", names())
def test_rivals_say_what_they_are(name):
    """Every rival pins all that it needs, names its kinds of data, and says how it is set."""
    rival = rival_of(name)
    assert rival.requirements
    assert all("==" in pin for pin in rival.requirements)
    assert set(rival.kinds) < {"images", "table", "text"}
    assert len(rival.setting) > 100


def test_a_typing_error_names_what_there_is(tmp_path):
    """An unknown rival or data set is an error that lists the known ones."""
    with pytest.raises(FileNotFoundError, match="hand_resnet"):
        rival_of("hand_resnett")
    with pytest.raises(MissingDataError, match="cifar10"):
        prepared("cifar", tmp_path, tmp_path)


def test_data_sets_that_are_not_there_are_said(tmp_path):
    """Images whose folder is elsewhere are missing, with the way to give it."""
    with pytest.raises(MissingDataError, match="--shared"):
        prepared("mnist", tmp_path, tmp_path)


def test_tables_are_many():
    """There are at least eight tables, for classification and for regression."""
    assert len(TABLES) >= 8
    assert {table.kind for table in TABLES.values()} == {"classification", "regression"}
    assert set(TABLES) < set(NAMES)


def test_perplexity_stays_what_it_is():
    """Perplexities are shown as they are; accuracies and R² as what is missing to 100 %."""

    def shown(metric, test):
        about = About("d", "text", metric, "f", "a", "words")
        record = {"data": "d", "rival": "fit", "minutes": 1.0, "seed": 0, "status": "finished"}
        record |= {"test": test, "metric": metric, "about": about.text, "seconds": 1.0}
        return row(page([record | {"note": "", "machine": "m"}], [rival_of("fit")]), "fit")[2]

    assert (shown("perplexity", 120.5), shown("accuracy", 0.9)) == ("120.50", "10.00")
    assert shown("r2", -0.5) == "150.00"


@pytest.mark.parametrize("count", [2, 3, 5])
def test_over_data_sets_errors_are_compared_by_their_ratio(count):
    """The geometric mean with Student's interval, from SciPy; two data sets are too few."""
    rng = np.random.default_rng(count)
    ours, theirs = rng.uniform(0.6, 0.9, (2, count))
    records = [
        {
            **{"data": f"d{n}", "rival": rival, "minutes": 1.0, "seed": 0, "status": "finished"},
            **{"test": float(test[n]), "metric": "accuracy", "about": "", "seconds": 1.0},
            **{"note": "", "machine": "m"},
        }
        for n in range(count)
        for rival, test in (("fit", ours), ("hist_gb", theirs))
    ]
    text = page(records, [])
    logs = np.log((1 - theirs) / (1 - ours))
    if count < 3:
        assert "geometric mean" not in text
        return
    low, high = stats.t.interval(0.95, count - 1, logs.mean(), stats.sem(logs))
    mean, low, high = np.exp([logs.mean(), low, high])
    assert f"| hist_gb | 1 | {count} | {mean:.2f} [{low:.2f}, {high:.2f}] |" in text
