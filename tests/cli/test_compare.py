"""`reinas compare`."""

import json
import re
import sys

import pytest

CSV = """depth,kind,val_1,val_2,test,seconds
1,a,0.5,0.7,0.55,10
1,b,0.1,0.1,0.15,11
2,a,0.9,0.8,0.95,20
3,a,0.8,0.8,0.85,30
3,b,0.7,0.6,0.75,30
"""
MADE = ("compare", "--table", "landscape", "--workers", 0, "--seeds", 3, "--evaluations", 12)
OWN = ("compare", "--table", "t.csv", "--decisions", "depth,kind", "--workers", 0)
QUICK = ("--seeds", 3, "--evaluations", 6, "--policies", "random,local")


@pytest.fixture
def own(reinas, tmp_path):
    """Compare on a table of one's own: t.csv with this text."""

    def run(*arguments, text=CSV):
        (tmp_path / "t.csv").write_text(text)
        return reinas(*OWN, *QUICK, *arguments)

    return run


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


def parsed(text):
    """The text as one JSON document, without NaN."""
    return json.loads(text, parse_constant=no_constant)


def sentence(err):
    """The one line that begins with the program's name; nothing but a progress bar is beside it."""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("reinas: ")]
    assert len(lines) == 1
    assert err.rstrip().endswith(lines[0])
    return lines[0]


def test_a_table_of_ones_own(own, tmp_path):
    """Two policies, three seeds: regret, share, report, differences, detail; and the page."""
    status, out, err = own(
        *("--reward", "val_1,val_2", "--report", "test", "--cost", "seconds"),
        *("--html", "p.html", "--json", "j.json", "--at", "3,6"),
    )
    assert status == 0
    assert "reinas:" not in err
    assert "t.csv: 3 seeds, 6 evaluations each" in out
    assert "Regret: best of all (0.85" in out  # (0.9 + 0.8) / 2
    for words in (
        "Share of seeds that found the best",
        "test of the best found",
        "random, expected",
        "Improvement over the exact expectation of random search",
        "Student",
        "After 6 evaluations",
        "written: p.html",
        "written: j.json",
    ):
        assert words in out
    page = (tmp_path / "p.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "Ranks by seed" in page
    given = parsed((tmp_path / "j.json").read_text())
    assert list(given["policies"]) == ["random", "local"]
    assert list(given["policies"]["local"]["checkpoints"]) == ["3", "6"]


def test_local_search_measures_all_six_cells_of_a_small_table(own):
    """So that it holds the best in all seeds, with its test value, after six evaluations."""
    _, out, _ = own("--reward", "val_1", "--report", "test", "--json", "-")
    last = parsed(out)["policies"]["local"]["checkpoints"]["6"]
    assert last["reward"] == pytest.approx({"mean": 0.9, "low": 0.9, "high": 0.9})
    assert last["regret"]["mean"] == pytest.approx(0, abs=1e-12)
    assert last["hit"]["mean"] == 1
    assert last["reported"]["mean"] == pytest.approx(0.95)
    assert last["distinct"] == 6
    assert last["failed"] == 1
    assert last["last"]["mean"] == pytest.approx((0.5 + 0.1 + 0.9 + 0.8 + 0.7 + 0.1) / 6)


def test_the_cost_is_the_tables_seconds(own):
    """The whole table was measured, and the missing row cost nothing: 10 + 11 + 20 + 30 + 30."""
    _, out, _ = own("--reward", "val_1", "--cost", "seconds", "--json", "-")
    assert parsed(out)["policies"]["local"]["checkpoints"]["6"]["seconds"] == 101


def test_a_loss_is_minimised(own):
    """The best is 0.1; JSON says that rewards are held negated, people read them as they are."""
    _, out, _ = own("--reward", "val_1", "--minimise", "--json", "-")
    given = parsed(out)
    assert given["problem"]["maximise"] is False
    last = given["policies"]["local"]["checkpoints"]["6"]
    assert last["reward"]["mean"] == pytest.approx(-0.1)
    assert last["regret"]["mean"] == pytest.approx(0, abs=1e-12)
    _, out, _ = own("--reward", "val_1", "--minimise")
    assert "Regret: best of all (0.10) minus best found" in out


def test_json_on_standard_output_is_one_document(reinas):
    """Nothing else is there, also with one seed, where there are no intervals."""
    for seeds in (1, 3):
        status, out, _ = reinas(
            *MADE, "--seeds", seeds, "--policies", "random,local", "--json", "-"
        )
        assert status == 0
        given = parsed(out)
        assert given["seeds"] == list(range(seeds))
        assert given["baseline"] == "random"
        row = given["policies"]["local"]["checkpoints"]["12"]
        assert (row["reward"]["low"] is None) == (seeds == 1)


def test_checkpoints_are_an_eighth_to_all_by_default(reinas):
    """Of 12: 1, 3, 6 and 12."""
    _, out, _ = reinas(*MADE, "--policies", "random", "--json", "-")
    assert list(parsed(out)["policies"]["random"]["checkpoints"]) == ["1", "3", "6", "12"]


def test_the_first_seed_may_be_another(reinas):
    """The mean of seeds 4 to 6 is that of three comparisons of one seed each."""
    options = ("--policies", "random", "--json", "-", "--evaluations", 5)

    def mean(first, count):
        _, out, _ = reinas(*MADE, *options, "--seeds", count, "--first-seed", first)
        given = parsed(out)
        assert given["seeds"] == list(range(first, first + count))
        return given["policies"]["random"]["checkpoints"]["5"]["reward"]["mean"]

    assert mean(4, 3) == pytest.approx((mean(4, 1) + mean(5, 1) + mean(6, 1)) / 3)


def test_the_same_command_says_the_same_again(reinas):
    """From the store: also the time that the policies took."""
    first = reinas(*MADE, "--policies", "random,evolution:population=4:sample=2", "--json", "-")
    again = reinas(*MADE, "--policies", "random,evolution:population=4:sample=2", "--json", "-")
    assert first[1] == again[1]


def test_it_can_be_stopped_and_goes_on(reinas, monkeypatch):
    """Ctrl-C says what is kept, with status 2 and no traceback; the rest is run the next time."""
    # it would end this process, tests and all
    monkeypatch.setattr(sys.modules["reinas.cli.app"], "leave", lambda: sys.exit(2))
    from reinas.compare import comparison

    really, ran = comparison.run, []

    def run(plan):
        ran.append(plan)
        if len(ran) == 3:
            raise KeyboardInterrupt
        return really(plan)

    monkeypatch.setattr(comparison, "run", run)
    status, _, err = reinas(*MADE, "--policies", "random,local")
    assert status == 2
    assert "stopped with 2 of 6 runs finished" in err
    assert sentence(err).endswith("the same command continues")
    status, out, _ = reinas(*MADE, "--policies", "random,local", "--json", "-")
    assert status == 0
    assert len(ran) == 3 + 4
    _, fresh, _ = reinas(*MADE, "--policies", "random,local", "--json", "-", "--store", "o.db")
    one, two = parsed(out)["policies"], parsed(fresh)["policies"]
    for label in one:
        assert one[label]["checkpoints"] == two[label]["checkpoints"]


def test_parameters_of_policies_follow_a_colon(reinas):
    """With the published defaults written out beside them."""
    _, out, _ = reinas(*MADE, "--policies", "evolution:population=4:sample=2,tpe", "--json", "-")
    policies = parsed(out)["policies"]
    settings = policies["evolution:population=4:sample=2"]["settings"]
    assert settings == {"name": "evolution", "population": 4, "sample": 2}
    assert policies["tpe"]["settings"]["candidates"] == 24


def test_noisy_rewards_are_trained_again_and_judged_by_their_means(own):
    """Drawn from two seeds; the best that can be held is the best mean, 0.85."""
    _, out, _ = own("--reward", "val_1,val_2", "--noise", "seeds", "--json", "-")
    given = parsed(out)
    assert given["problem"]["settings"]["noise"] == "seeds"
    for policy in given["policies"].values():
        assert policy["checkpoints"]["6"]["reward"]["mean"] <= 0.85 + 1e-12


@pytest.mark.parametrize(
    "text", ["a,r\n1,5\n2,5\n3,5\n", "a,r\n1,0\n2,0\n3,0\n", "a,r\nx,-1\ny,-1\n"]
)
def test_a_table_without_differences_has_no_regret_and_no_evidence(reinas, tmp_path, text):
    """All rewards are equal, above, at and below 0."""
    (tmp_path / "t.csv").write_text(text)
    status, out, _ = reinas(
        *("compare", "--table", "t.csv", "--decisions", "a", "--reward", "r", "--workers", 0),
        *(*QUICK, "--json", "-", "--html", "p.html"),
    )
    assert status == 0
    for policy in parsed(out)["policies"].values():
        assert policy["checkpoints"]["6"]["regret"]["mean"] == 0
        assert policy["checkpoints"]["6"]["p"] in (None, 1)
    assert (tmp_path / "p.html").exists()


def test_trained_children_are_compared(reinas, tmp_path):
    """Wine, two seeds, four children, two epochs; then from the store, and the page."""
    command = (
        *(
            "compare",
            "--task",
            "wine",
            "--space",
            "mlp",
            "--policies",
            "random,local",
            "--seeds",
            2,
        ),
        *("--evaluations", 4, "--batch-size", 2, "--workers", 0, "--set", "recipe.epochs=2"),
        *("--json", "-", "--html", "p.html"),
    )
    status, out, _ = reinas(*command)
    assert status == 0
    given = parsed(out)
    assert given["policies"]["random"]["checkpoints"]["4"]["regret"] is None
    assert 0 <= given["policies"]["local"]["checkpoints"]["4"]["reward"]["mean"] <= 1
    assert "mlp for wine" in (tmp_path / "p.html").read_text()
    assert reinas(*command)[1] == out


def test_the_estimators_study_finds_no_bias(reinas, tmp_path):
    """Few estimates: wide intervals, and 1 is in nearly all of the 36 of them."""
    status, out, _ = reinas(
        *(
            "compare",
            "--question",
            "estimator",
            "--seeds",
            12,
            "--json",
            "e.json",
            "--html",
            "e.html",
        )
    )
    assert status == 0
    assert "Bias: mean estimate along the exact gradient" in out
    measured = parsed((tmp_path / "e.json").read_text())["measured"]
    assert len(measured) == 2 * 3 * 2 * 3
    unbiased = [m for m in measured if m["baseline"] != "the batch's own mean"]
    inside = sum(m["low"] <= 1 <= m["high"] for m in unbiased)
    assert inside >= 0.7 * len(unbiased)
    assert all(m["noise"] > 0 for m in measured)
    assert "Variance of one estimate" in (tmp_path / "e.html").read_text()


GOOD = ("--reward", "val_1")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (CSV + "1,a,0.6,0.6,0.5,9\n", GOOD, "line 7 is the same architecture as line 2"),
        (CSV.replace("0.9,", "nan,"), GOOD, "line 4, column val_1: expected a finite number"),
        (CSV.replace("0.9,", "good,"), GOOD, "line 4, column val_1: expected a finite number"),
        ("\n".join(CSV.splitlines()[:2]), GOOD, "has one row only: there is nothing to search"),
        (CSV.splitlines()[0], GOOD, "has no rows"),
        ("", GOOD, "has no rows"),
        (CSV, ("--reward", "val_3"), "has no column 'val_3': did you mean 'val_"),
        (CSV, (*GOOD, "--report", "tset"), "has no column 'tset': did you mean 'test'?"),
        (CSV, (*GOOD, "--cost", "secs"), "has no column 'secs'"),
        (CSV, ("--reward", "kind"), "column 'kind' is named twice"),
        (CSV, (), "--reward is missing: the columns of"),
        (CSV, (*GOOD, "--noise", "loud"), "--noise should be 'mean' or 'seeds', got 'loud'"),
        (CSV, (*GOOD, "--at", "7"), "--at must be from 1 to .*, 6; got 7"),
        (CSV, (*GOOD, "--set", "table.x=1"), "table.x is not known"),
    ],
)
def test_bad_tables_give_one_sentence(own, text, options, message):
    """Status 2, one line on standard error, nothing on standard output."""
    status, out, err = own(*options, text=text)
    assert (status, out) == (2, "")
    assert re.search(message, sentence(err))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--at", "5,13"), "--at must be from 1 to the number of evaluations, 12; got 13"),
        (("--at", "0"), "got 0"),
        (("--at", "half"), "--at takes whole numbers, such as 25,50,100; got 'half'"),
        (("--policies", ""), "--policies is empty: give one or more"),
        (("--policies", "evolutoin"), "'evolutoin' is not known: did you mean 'evolution'?"),
        (("--policies", "evolution:population"), "takes names with their parameters"),
        (("--policies", "evolution:size=3"), "policy.size is not known"),
        (("--policies", "evolution:population=x"), "should be a valid integer, got 'x'"),
        (("--policies", "evolution:population=1"), "population must be at least 2, got 1"),
        (("--policies", "zoph-le:hidden=1000000"), "hidden must be at most"),
        (("--policies", "random,local,random"), "--policies has random twice"),
        (("--seeds", 0), "--seeds should be greater than or equal to 1, got 0"),
        (("--evaluations", 0), "--evaluations should be greater than or equal to 1, got 0"),
        (("--batch-size", 0), "--batch-size should be greater than or equal to 1, got 0"),
        (("--first-seed", -1), "--first-seed should be greater than or equal to 0, got -1"),
        (("--json", "nowhere/x.json"), "nowhere/x.json cannot be written"),
        (("--html", "."), ". cannot be written"),
        (("--set", "space.depth=3"), "with --table there are only table.* settings"),
        (("--set", "table.interactions=6"), "interactions must be at most 5, got 6"),
        (("--reward", "val"), "--reward is for a table of your own"),
        (("--minimise",), "--minimise is for a table of your own"),
        (
            ("--task", "wine"),
            "on which policies are compared; got --table and --task",
        ),
    ],
)
def test_bad_options_give_one_sentence(reinas, options, message):
    """Status 2, one line on standard error, nothing on standard output."""
    status, out, err = reinas(*MADE, *options)
    assert (status, out) == (2, "")
    assert message in sentence(err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give one of --table, --task and --question"),
        (("--table", "nasbench2001"), "did you mean 'nasbench201'?"),
        (("--table", "nasbench201:mnist"), "'cifar10', 'cifar100' or 'imagenet', got 'mnist'"),
        (
            ("--table", "no.csv", "--decisions", "a", "--reward", "b"),
            "no.csv: there is no such file",
        ),
        (("--task", "wine", "--reward", "x"), "--reward is for --table"),
        (("--task", "wime"), "did you mean 'wine'?"),
        (("--task", "wine", "--space", "nasbench201", "--seeds", 1), "needs images"),
        (("--task", "wine", "--set", "table.x=1"), "only task.*, space.*, recipe.* and stopping.*"),
        (("--question", "rn"), "did you mean 'rnn'?"),
        (
            ("--question", "rl", "--at", "5"),
            "--at must be left out",
        ),
        (("--question", "estimator", "--evaluations", 5), "--evaluations must be left out"),
    ],
)
def test_what_cannot_be_compared_gives_one_sentence(reinas, arguments, message):
    """No table, an unknown one, options of another kind."""
    status, out, err = reinas("compare", *arguments, "--workers", 0)
    assert (status, out) == (2, "")
    assert message in sentence(err)


def test_a_policy_that_does_not_fit_into_memory_is_named(reinas, monkeypatch):
    """Status 1: it is no mistake in usage. What others finished is kept."""
    from reinas.compare import comparison

    def run(plan):
        raise MemoryError

    monkeypatch.setattr(comparison, "run", run)
    status, out, err = reinas(*MADE, "--policies", "zoph-le")
    assert (status, out) == (1, "")
    assert "policy zoph-le, seed 0" in sentence(err)
    assert "memory" in sentence(err).lower()


def test_without_optuna_the_message_says_how_to_get_it(reinas, monkeypatch):
    """The extra's name."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    status, _, err = reinas(*MADE, "--policies", "tpe")
    assert status == 2
    assert "pip install 'reinas[bench]'" in sentence(err)


def test_a_table_that_is_missing_rows_fails_there_and_goes_on(own):
    """Combination 2, b fails: it counts as 0 and the search ends well."""
    status, out, _ = own("--reward", "val_1", "--json", "-")
    assert status == 0
    assert parsed(out)["policies"]["random"]["checkpoints"]["6"]["reward"]["mean"] > 0


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ((), 20),
        (("--noise", "mean"), 20),
        (("--noise", "seeds"), 200),
        (("--noise", "seeds", "--reuse"), 10),
        (("--no-reuse",), 400),
    ],
)
def test_repeats_are_reused_unless_rewards_are_drawn(reinas, tmp_path, options, seconds):
    """Forty draws of two architectures, 5 s a training: all are paid for, or two.

    The mean of two training seeds costs two trainings.
    """
    (tmp_path / "t.csv").write_text("a,r1,r2,s\n1,0.1,0.2,5\n2,0.2,0.3,5\n")
    _, out, _ = reinas(
        *("compare", "--table", "t.csv", "--decisions", "a", "--reward", "r1,r2", "--cost", "s"),
        *("--policies", "random", "--seeds", 2, "--evaluations", 40, "--workers", 0),
        *(*options, "--json", "-"),
    )
    assert parsed(out)["policies"]["random"]["checkpoints"]["40"]["seconds"] == seconds
