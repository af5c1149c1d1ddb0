"""Tables of one's own, in CSV."""

import pytest

from reinas import Job, Pruned
from reinas.errors import FileError, SettingError
from reinas.evaluators.tabular import TabularEvaluator
from reinas.tables.base import Entry
from reinas.tables.csv_table import csv_table

GOOD = """depth,kind,val_1,val_2,test,seconds
1,a,0.5,0.7,0.55,10
1,b,0.1,0.1,0.15,11
2,a,0.9,0.8,0.95,20
"""
DECISIONS = ("depth", "kind")


@pytest.fixture
def csv(tmp_path):
    """Write a file and read it as a table."""

    def read(text=GOOD, decisions=DECISIONS, reward=("val_1",), **more):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return csv_table(str(path), decisions, reward, **more)

    return read


def test_the_grid_is_all_combinations_of_the_values(csv):
    """Two depths, as numbers, and two kinds, as texts; the order is the values'."""
    table = csv()
    assert table.space.size == 4
    assert [d.choices for d in table.space.decisions] == [(1, 2), ("a", "b")]
    assert str(table.space.decode((1, 0))) == "depth=2, kind=a"


def test_rows_are_read_as_they_are(csv):
    """Reward, reported metric and cost of each row."""
    table = csv(report="test", cost="seconds")
    assert table.look((0, 0)) == Entry((0.5,), 0.55, 10.0)
    assert table.look((0, 1)) == Entry((0.1,), 0.15, 11.0)
    assert table.look((1, 0)) == Entry((0.9,), 0.95, 20.0)
    assert (table.reward, table.report, table.best) == ("val_1", "test", 0.9)


def test_a_combination_without_a_row_fails(csv):
    """(2, b) was not measured."""
    table = csv()
    assert table.look((1, 1)) is None
    outcome = TabularEvaluator(table)(Job(0, table.space.decode((1, 1)), 0))
    assert outcome.error == "the table has no row for it"


def test_several_reward_columns_are_training_seeds(csv):
    """The mean is the reward; each may be drawn."""
    table = csv(reward=("val_1", "val_2"))
    assert table.look((0, 0)).rewards == (0.5, 0.7)
    assert table.best == pytest.approx(0.85)
    assert table.reward == "mean of val_1, val_2"
    evaluate = TabularEvaluator(table, "seeds")
    drawn = {evaluate(Job(0, table.space.decode((1, 0)), s)).reward for s in range(30)}
    assert drawn == {0.9, 0.8}


def test_a_loss_is_minimised(csv):
    """The best is the least, held negated; the report stays as it is."""
    table = csv(maximise=False, report="test")
    assert table.best == -0.1
    assert table.look((0, 1)) == Entry((-0.1,), 0.15)


def test_numbers_are_in_order_of_size_and_texts_of_the_alphabet(csv):
    """10 comes after 9; 1 and 1.0 are the same value."""
    rows = ["10,b", "9,a", "1.0,c", "1,a", "2.5,a"]
    text = "n,t,r\n" + "".join(f"{row},{place}\n" for place, row in enumerate(rows))
    table = csv(text, ("n", "t"), ("r",))
    assert [d.choices for d in table.space.decisions] == [(1, 2.5, 9, 10), ("a", "b", "c")]
    assert table.look((0, 2)).rewards == (2.0,)
    assert table.look((0, 0)).rewards == (3.0,)


def test_rows_may_come_in_any_order(csv):
    """The table is the same, whatever the order of its lines."""
    head, *lines = GOOD.splitlines()
    one, two = csv(), csv("\n".join([head, *reversed(lines)]) + "\n")
    for answers in one.space.enumerate():
        assert one.look(answers) == two.look(answers)


def test_semicolons_come_with_decimal_commas(csv):
    """As Excel writes it in much of Europe."""
    table = csv("lr;r\n0,5;1,25\n0,1;2,5\n", ("lr",), ("r",))
    assert table.space.decisions[0].choices == (0.1, 0.5)
    assert table.look((1,)).rewards == (1.25,)
    assert table.best == 2.5


def test_a_byte_order_mark_blank_lines_and_spaces_are_no_matter(csv):
    """As spreadsheets leave them."""
    table = csv("\ufeff a , r \n\n x ,1\n\ny, 2 \n", ("a",), ("r",))
    assert table.space.decisions[0].choices == ("x", "y")
    assert table.look((0,)).rewards == (1.0,)


def test_quoted_cells_may_hold_commas(csv):
    """A decision's value is what stands between the quotes."""
    table = csv('a,r\n"x,y",1\nz,2\n', ("a",), ("r",))
    assert table.space.decisions[0].choices == ("x,y", "z")


def test_the_settings_make_the_same_table_again(csv, tmp_path):
    """The path is absolute, so that it is found from everywhere; the digest is the content's."""
    table = csv(report="test")
    settings = dict(table.settings)
    assert settings.pop("name") == "csv"
    assert settings["path"] == str(tmp_path / "table.csv")
    again = csv_table(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})
    assert [again.look(a) for a in again.space.enumerate()] == [
        table.look(a) for a in table.space.enumerate()
    ]
    assert again.fingerprint == table.fingerprint
    assert csv(GOOD.replace("0.55", "0.56"), report="test").fingerprint != table.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "1,a,0.6,0.6,0.5,9\n", "line 5 is the same architecture as line 2 .*depth, kind"),
        (GOOD + "1.0,a,0.6,0.6,0.5,9\n", "line 5 is the same architecture as line 2"),
        (GOOD.replace("0.1,0.1", "nan,0.1"), "line 3, column val_1: expected a finite .* 'nan'"),
        (GOOD.replace("0.1,0.1", ",0.1"), "line 3, column val_1: expected a finite number, got ''"),
        (GOOD.replace("0.1,0.1", "inf,0.1"), "line 3, column val_1: expected a finite number"),
        (GOOD.replace("0.1,0.1", "bad,0.1"), "line 3, column val_1: .* got 'bad'"),
        ("\n".join(GOOD.splitlines()[:2]), "has one row only: there is nothing to search"),
        (GOOD.splitlines()[0], "has no rows"),
        ("", "has no rows"),
        (GOOD + "1,b\n", "line 5: 2 cells, but the header has 6"),
        (GOOD.replace("val_2", "val_1"), "two columns are called 'val_1'"),
    ],
)
def test_odd_files_are_refused_with_the_line(csv, text, message):
    """Duplicates, NaN, gaps, text, one row, none, ragged rows, a column twice."""
    with pytest.raises(FileError, match=message):
        csv(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reward": ("val_3",)}, "has no column 'val_3': did you mean 'val_"),
        ({"decisions": ("depth", "knd")}, "has no column 'knd': did you mean 'kind'"),
        ({"report": "tst"}, "has no column 'tst': did you mean 'test'"),
        ({"cost": "hours"}, "has no column 'hours': there are depth, kind, seconds"),
        ({"decisions": ()}, r"table\.decisions is missing: .* depth, kind, val_1"),
        ({"reward": ()}, r"table\.reward is missing: .* depth, kind, val_1"),
        ({"decisions": ("depth", "depth")}, "'depth' is named twice"),
        ({"decisions": ("depth", "val_1")}, "'val_1' is named twice"),
        ({"report": "kind"}, "'kind' is named twice"),
    ],
)
def test_columns_that_do_not_fit_are_refused(csv, options, message):
    """Unknown ones with the nearest name; one that is two things at once."""
    with pytest.raises(SettingError, match=message):
        csv(**options)


def test_text_where_a_cost_or_a_report_should_be_is_refused(csv):
    """With line and column."""
    with pytest.raises(FileError, match=r"line 2, column seconds: .* got '10 s'"):
        csv(GOOD.replace(",10\n", ",10 s\n"), cost="seconds")


def test_a_huge_grid_is_refused_before_it_is_made(csv):
    """3,000 x 3,000 combinations for 3,000 rows: a column is no decision."""
    text = "id,other,r\n" + "".join(f"{n},{2 * n},0.5\n" for n in range(3000))
    with pytest.raises(FileError, match="9,000,000 combinations, but there are 3,000 rows"):
        csv(text, ("id", "other"), ("r",))


def test_a_file_that_is_not_there_is_named(tmp_path):
    """Without any file, the parameter is named."""
    with pytest.raises(FileError, match=r"nowhere.csv: there is no such file"):
        csv_table(str(tmp_path / "nowhere.csv"), ("a",), ("b",))
    with pytest.raises(SettingError, match=r"table\.path is missing"):
        csv_table()


def test_a_file_that_is_not_text_is_refused(tmp_path):
    """The message says what to save it as."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,r\n\xff\xfe,1\n")
    with pytest.raises(FileError, match="is not UTF-8 text"):
        csv_table(str(path), ("a",), ("r",))


CURVES = "depth,loss_1,loss_3,loss_9\n1,0.9,0.5,0.4\n2,0.8,0.7,0.6\n"


def test_columns_of_fidelities_are_a_curve_with_the_steps_of_their_names(csv):
    """Nine steps in all; losses are negated, and a child that pauses costs its share."""
    table = csv(
        CURVES, ("depth",), ("loss_9",), maximise=False, fidelities=("loss_1", "loss_3"), cost=None
    )
    assert table.steps == 9
    assert table.look((0,)) == Entry((-0.4,), curve=((1, -0.9), (3, -0.5)))
    evaluator = TabularEvaluator(table)
    architecture = table.space.decode((1,))
    assert evaluator.steps(architecture) == 9
    paused = evaluator(Job(0, architecture, 0, until=2))
    assert paused.pruned == Pruned(3, -0.7)
    assert paused.reports == ((1, -0.8), (3, -0.7))
    whole = evaluator(Job(0, architecture, 0, until=9))
    assert (whole.reward, whole.reports) == (-0.6, ((1, -0.8), (3, -0.7), (9, -0.6)))
    assert evaluator(Job(0, architecture, 0)) == whole


@pytest.mark.parametrize(
    ("reward", "fidelities", "message"),
    [
        (("loss_9",), ("loss_2",), "table.fidelities is wrong: .* has no column 'loss_2'"),
        (("loss_9",), ("loss_3", "loss_1"), r"ascend to the reward's step, got .*\[3, 1, 9\]"),
        (("loss_3", "loss_9"), ("loss_1",), "goes with one column as the reward"),
        (("plain",), ("loss_1",), "'plain' does not"),
    ],
)
def test_fidelities_that_make_no_curve_are_refused(csv, reward, fidelities, message):
    """One sentence each."""
    text = "depth,loss_1,loss_3,loss_9,plain\n1,1,1,1,1\n2,1,1,1,1\n"
    with pytest.raises(SettingError, match=message):
        csv(text, ("depth",), reward, fidelities=fidelities)


def test_the_rows_can_be_all_that_there_is(csv):
    """Three architectures; the fourth combination is snapped to the nearest."""
    table = csv(pool=True)
    assert table.space.size == 3
    assert table.settings["pool"] is True
    assert table.space.snapped((1, 1)) in {(0, 1), (1, 0)}
    assert table.best == 0.9
    assert "pool" not in csv().settings


BROKEN = """depth,kind,val_1,val_2,test,seconds
1,a,0.5,nan,0.55,10
1,b,nan,nan,,
2,a,0.9,0.8,0.95,20
2,b,-1,0.3,0.35,20
"""


def test_invalid_rewards_are_failures(csv):
    """All seeds invalid: it failed, and needs no other number; one: that one is left out."""
    table = csv(
        BROKEN, reward=("val_1", "val_2"), report="test", cost="seconds", invalid=("nan", "-1")
    )
    assert table.look((0, 1)) is None
    assert table.look((0, 0)) == Entry((0.5,), 0.55, 10.0)
    assert table.look((1, 1)).rewards == (0.3,)
    assert table.settings["invalid"] == ["nan", "-1"]


def test_an_invalid_value_has_to_be_declared(csv):
    """The message names the line, and what can be done."""
    with pytest.raises(FileError, match=r"line 2, column val_2: .* got 'nan'; .* invalid"):
        csv(BROKEN, reward=("val_2",))


def test_a_table_in_which_all_failed_is_refused(csv):
    """There would be nothing to find."""
    text = "a,r\n1,nan\n2,nan\n"
    with pytest.raises(FileError, match="every reward is nan"):
        csv(text, ("a",), ("r",), invalid=("nan",))
