"""Tables in text files: how they are read, what the target is, the split, what is refused."""

import csv
import json
from statistics import median

import numpy as np
import pytest

import reinas
from reinas import Budget, Recipe, Table
from reinas.errors import FileError, SettingError
from reinas.objectives.classification import Classification
from reinas.objectives.regression import Regression
from reinas.tasks.table_encoding import Columns
from reinas.tasks.tables import read_rows


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return str(path)


def rows(n=40, line="{n},{m}", header="a,y"):
    """A header and n lines."""
    return "\n".join([header, *(line.format(n=n, m=n % 2, f=n + 0.5) for n in range(n))]) + "\n"


def table(tmp_path, text, target="y", **settings):
    return Table(written(tmp_path, text), target, **settings)


def parts(task):
    return task.parts().train, task.parts().valid, task.test()


def test_numbers_and_classes(tmp_path):
    """Every row in one part, with its class; 60, 20 and 20 percent; classes in equal shares."""
    task = table(tmp_path, rows())
    three = parts(task)
    assert [len(part) for part in three] == [24, 8, 8]
    assert sorted(n for part in three for n in part.x[:, 0].tolist()) == list(range(40))
    for part in three:
        assert part.y.tolist() == [int(n) % 2 for n in part.x[:, 0]]
        assert part.y.mean() == 0.5
        assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)
    assert (task.objective, task.outputs, task.inputs) == (Classification(), 2, (1,))


def test_the_split_is_the_same_every_time_it_is_read(tmp_path):
    """Another number gives another one."""
    path = written(tmp_path, rows())
    one, two, other = (Table(path, "y", split=n).load().train.x.tolist() for n in (0, 0, 1))
    assert one == two
    assert one != other


def test_shares_are_of_the_whole(tmp_path):
    """A tenth for validation and half for the test of 100 rows."""
    task = table(tmp_path, rows(100), valid_share=0.1, test_share=0.5)
    assert [len(part) for part in parts(task)] == [40, 10, 50]


def test_missing_numbers_get_the_training_parts_median_and_a_marker(tmp_path):
    """By hand: every fifth `a` is missing; `n` says which row is where."""
    text = "n,a,y\n" + "".join(f"{n},{'' if n % 5 == 0 else n * n},{n % 2}\n" for n in range(60))
    task = table(tmp_path, text)
    middle = median(n * n for n in task.parts().train.x[:, 0] if n % 5)
    for part in parts(task):
        for n, a, mark in part.x.tolist():
            assert (a, mark) == ((middle, 1) if n % 5 == 0 else (n * n, 0))
    assert any("missing values (a 12)" in note for note in task.notes)


def test_categories_are_of_the_training_part_and_unseen_ones_are_all_0(tmp_path):
    """A value that only another part has is no column."""
    path = written(tmp_path, rows())
    held = {int(n) for n in Table(path, "y").test().x[:, 0]}
    lines = [f"{n},{'rare' if n in held else 'bc'[n % 2]},{n % 2}" for n in range(40)]
    task = Table(written(tmp_path, "\n".join(["n,c,y", *lines])), "y", reward="accuracy")
    assert task.inputs == (3,)
    assert task.test().x[:, 1:].tolist() == [[0, 0]] * 8
    for n, b, c in task.parts().train.x.tolist():
        assert (b, c) == ((1, 0) if n % 2 == 0 else (0, 1))


def test_semicolons_allow_a_decimal_comma(tmp_path):
    """As spreadsheets write it in most of Europe; targets too."""
    task = table(tmp_path, "a;y\n" + "".join(f"{n},25;{n},5\n" for n in range(40)))
    assert task.objective == Regression()
    for part in parts(task):
        assert (part.x[:, 0] % 1 == 0.25).all()
        assert np.array_equal(part.y[:, 0], part.x[:, 0] + 0.25)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_line_ends_and_byte_order_marks(tmp_path, separator, end, mark):
    """All of them, with and without."""
    text = mark + rows(line="{n},x{m},{m}", header="a,b,y")
    text = text.replace(",", separator).replace("\n", end)
    task = table(tmp_path, text, target="a")
    assert (task.objective, task.inputs) == (Regression(), (3,))
    assert table(tmp_path, text, reward="cubed").outputs == 2


def test_quoted_cells_may_hold_commas_quotes_and_lines(tmp_path):
    """As the csv module of Python writes them."""
    values = ['a, "b"\nc', "d"]
    with open(tmp_path / "data.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["the, text", "y"])
        writer.writerows([values[n % 2], n % 2] for n in range(40))
    task = Table(str(tmp_path / "data.csv"), "y")
    assert list(task.labels["columns"][0]["values"]) == values
    assert task.labels["columns"][0]["name"] == "the, text"
    assert task.parts().train.x[:, 1].tolist() == task.parts().train.y.tolist()


def test_empty_lines_and_spaces_in_the_header_do_not_count(tmp_path):
    """At the end, in between, and before the header."""
    text = rows().replace("a,y", " a , y ").replace("5,1\n", "5,1\n\n,\n") + "\n\n"
    assert sum(map(len, parts(table(tmp_path, text)))) == 40


def test_an_empty_line_before_the_header_does_not_count(tmp_path):
    """The first line with something in it is the header."""
    assert sum(map(len, parts(table(tmp_path, "\n\n" + rows().replace(",", ";"))))) == 40


def test_columns_of_one_name_are_refused(tmp_path):
    """The name is said."""
    with pytest.raises(FileError, match="two columns are called 'a'"):
        table(tmp_path, rows(line="{n},{n},{m}", header="a,a,y")).parts()


@pytest.mark.parametrize("cells", ["1,2,3", "1", '"1,2"'])
def test_a_row_of_another_length_is_named_by_its_line(tmp_path, cells):
    """Line 2 is the first after the header."""
    text = rows().replace("3,1\n", f"{cells}\n", 1)
    with pytest.raises(FileError, match=r"data\.csv, line 5: . cells, but the header has 2"):
        table(tmp_path, text).parts()


def test_lines_are_counted_as_an_editor_does(tmp_path):
    """A quoted cell over two lines counts as two."""
    text = rows(line='"x\n{n}",{m}') + "1,2,3\n"
    with pytest.raises(FileError, match="line 82: 3 cells"):
        table(tmp_path, text).parts()


def test_a_quote_that_is_never_closed_is_said(tmp_path):
    """With a line."""
    with pytest.raises(FileError, match=r"line \d+ is not CSV"):
        table(tmp_path, rows() + '"1,0\n').parts()


def test_an_unknown_target_suggests_the_nearest(tmp_path):
    """Or lists the columns."""
    text = rows(header="width,species")
    with pytest.raises(
        SettingError, match=r"task\.target should be a column of .*'specie': did you mean 'species'"
    ):
        table(tmp_path, text, "specie").parts()
    with pytest.raises(SettingError, match="got 'zzz': there are species, width"):
        table(tmp_path, text, "zzz").parts()


def test_no_target_says_how_to_give_one(tmp_path):
    """And no path likewise, when the task is made."""
    with pytest.raises(SettingError, match=r"task\.target is missing: name the column"):
        table(tmp_path, rows(), "")
    with pytest.raises(SettingError, match=r"task\.path is missing.*table:FILE\.csv"):
        Table(target="y")


@pytest.mark.parametrize("empty", ["", "NA", "?", " "])
def test_rows_without_a_target_are_named_by_their_lines(tmp_path, empty):
    """The first five, and how many there are."""
    text = rows().replace("3,1\n", f"3,{empty}\n", 1).replace("\n7,1\n", f"\n7,{empty}\n")
    with pytest.raises(FileError, match=r"column y: 2 rows have no value \(.*\), in line 5, 9:"):
        table(tmp_path, text).parts()
    with pytest.raises(FileError, match=r"40 rows have no value .*, in line 2, 3, 4, 5, 6, \.\.\."):
        table(tmp_path, rows(line="{n},"), reward="cubed").parts()


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("{n},1.5", "auto", "every value is 1.5"),
        ("{n},1", "regression", "every value is 1"),
        ("{n},1", "auto", "only class '1'"),
        ("{n},x", "auto", "only class 'x'"),
    ],
)
def test_a_constant_target_is_refused(tmp_path, line, kind, said):
    """The value is said."""
    with pytest.raises((FileError, SettingError), match=said):
        table(tmp_path, rows(line=line), kind=kind).parts()


def test_targets_that_differ_only_beyond_float32_are_refused(tmp_path):
    """16777216.001 and 16777216.002 are one number to a network: nothing to learn."""
    with pytest.raises(FileError, match="y"):
        table(tmp_path, rows(line="{n},16777216.00{m}"), kind="regression").parts()


def test_columns_that_say_nothing_are_left_out_and_said(tmp_path):
    """Constant, empty, and a name a row; the rest is kept."""
    task = table(tmp_path, rows(line="{n},same,,id{n},{m}", header="a,const,none,id,y"))
    assert task.inputs == (1,)
    note = task.notes[-2]
    assert "const (is constant)" in note
    assert "none (is empty)" in note
    assert "id (has 24 different texts)" in note


def test_nothing_to_predict_from_is_said(tmp_path):
    """Only the target, or only columns that are left out."""
    with pytest.raises(FileError, match="no column to predict y from: it is the only one"):
        table(tmp_path, "y\n" + "0\n1\n" * 20).parts()
    with pytest.raises(FileError, match=r"no column to predict y from: a \(is constant\)"):
        table(tmp_path, rows(line="5,{m}"), split=1).parts()


@pytest.mark.parametrize(
    ("line", "loss", "outputs"),
    [
        ("{n},{f}", Regression(), 1),
        ("{n},{n}", Regression(), 1),
        ("{n},{m}", Classification(), 2),
        ("{n},{m}.0", Classification(), 2),
        ("{n},c{m}", Classification(), 2),
    ],
)
def test_the_kind_is_recognised(tmp_path, line, loss, outputs):
    """Fractions and many whole numbers: regression; text and few whole numbers: classes."""
    task = table(tmp_path, rows(line=line))
    assert (task.objective, task.outputs) == (loss, outputs)


@pytest.mark.parametrize("many", [20, 21])
def test_up_to_twenty_whole_numbers_are_classes(tmp_path, many):
    """21 are measurements."""
    text = "a,y\n" + "".join(f"{n},{n % many}\n" for n in range(210))
    assert table(tmp_path, text).objective == (Classification() if many == 20 else Regression())


def test_kind_overrides_what_is_recognised(tmp_path):
    """Regression of 0 and 1; classes of 25 numbers."""
    task = table(tmp_path, rows(), kind="regression")
    assert (task.objective, task.outputs, task.parts().train.y.dtype) == (
        Regression(),
        1,
        np.float32,
    )
    text = "a,y\n" + "".join(f"{n},{n % 25}\n" for n in range(250))
    assert table(tmp_path, text, kind="classification").outputs == 25


def test_kind_regression_names_the_line_of_a_text(tmp_path):
    """Line 5."""
    with pytest.raises(FileError, match="column y, line 5: expected a finite number"):
        table(tmp_path, rows().replace("3,1", "3,one", 1), kind="regression").parts()


def test_whole_numbers_name_the_classes_and_are_in_order(tmp_path):
    """2 before 10, and no 2.0."""
    task = table(tmp_path, "a,y\n" + "".join(f"{n},{(10, 2)[n % 2]}\n" for n in range(40)))
    assert task.labels["classes"] == ["2", "10"]
    assert task.labels["target"] == "y"


def test_the_class_none_may_be_a_class(tmp_path):
    """Allergy: none or severe. Or the message says what is taken for missing."""
    text = "a,y\n" + "".join(f"{n},{('none', 'severe')[n % 2]}\n" for n in range(40))
    try:
        assert table(tmp_path, text).labels["classes"] == ["none", "severe"]
    except FileError as error:
        assert "none" in str(error).replace(str(tmp_path), "")  # noqa: PT017


def test_a_text_with_a_row_each_is_no_class(tmp_path):
    """It is asked whether that is the right column."""
    with pytest.raises(SettingError, match="is it the right column"):
        table(tmp_path, rows(line="{n},name{n}")).parts()


def test_a_rare_class_is_named(tmp_path):
    """One row of it cannot be in three parts."""
    text = rows(line="{n},c{m}") + "99,rare\n"
    with pytest.raises(SettingError, match="class 'rare' has 1 example"):
        table(tmp_path, text).parts()


@pytest.mark.parametrize("n", [2, 4, 9])
def test_too_few_rows_are_refused(tmp_path, n):
    """Fewer than ten; the message says how many there are."""
    with pytest.raises(SettingError, match="few"):
        table(tmp_path, rows(n, "{n},{f}")).parts()


@pytest.mark.parametrize("text", ["", "\n", "a,y\n", "a,y", "\n\n\n", "\ufeff"])
def test_a_file_without_rows_is_said(tmp_path, text):
    """Empty, or a header only."""
    with pytest.raises(FileError, match=r"data\.csv has no rows"):
        table(tmp_path, text).parts()


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_refused(tmp_path, encoding):
    """And the message says to save it as UTF-8."""
    with pytest.raises(FileError, match=r"data\.csv is not UTF-8 text"):
        Table(written(tmp_path, rows(line="é{m},{m}"), encoding), "y").parts()


def test_a_binary_file_is_refused(tmp_path):
    """A spreadsheet, say."""
    content = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00" + bytes(range(256))
    with pytest.raises(FileError, match=r"data\.csv"):
        Table(written(tmp_path, content), "y").parts()


@pytest.mark.parametrize("name", ["nowhere.csv", "."])
def test_a_file_that_is_not_there_is_said(tmp_path, name):
    """Missing, or a folder."""
    with pytest.raises(FileError, match="cannot be read"):
        Table(str(tmp_path / name), "y").parts()


def test_new_rows_are_encoded_as_the_search_saw_them(tmp_path):
    """With the columns that the task's labels keep, through JSON: bit for bit."""
    text = "n,a,c,y\n" + "".join(
        f"{n},{'' if n % 7 == 0 else n / 3},{'rgb'[n % 3]},{n % 2}\n" for n in range(60)
    )
    task = table(tmp_path, text)
    labels = json.loads(json.dumps(task.labels))
    _, header, lines = read_rows(tmp_path / "data.csv")
    cells = [dict(zip(header, row, strict=True)) for _, row in lines]
    encoded = Columns.of_json(labels["columns"]).encode(cells)
    for part in parts(task):
        for row in part.x:
            assert row.tobytes() == encoded[int(row[0])].tobytes()


def test_numbers_beyond_float32_are_refused(tmp_path):
    """They would be infinity: the column is named, and no warning is given."""
    with pytest.raises(FileError, match=r"column a, line \d+: .*1e300.* is no number"):
        table(tmp_path, rows().replace("3,1", "1e300,1", 1)).parts()
    with pytest.raises((FileError, SettingError), match="column y"):
        table(tmp_path, rows(line="{n},{f}e300"), split=1).parts()


def test_ids_of_many_digits_as_classes(tmp_path):
    """Whole numbers beyond 64 bits as classes give an answer or an error, no warning."""
    text = rows(line="{n},{m}00000000000000000000000000000")
    text = text.replace(",100", ",300").replace(",000", ",700")
    assert table(tmp_path, text).outputs == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "clasification"}, "kind"),
        ({"reward": "acuracy"}, "did you mean 'accuracy'"),
        ({"valid_share": 0.0}, "valid_share"),
    ],
)
def test_a_wrong_setting_is_said_when_the_task_is_made(settings, said):
    """Before the file is read."""
    with pytest.raises(SettingError, match=said):
        Table("data.csv", "y", **settings)


@pytest.mark.parametrize("line", ["{n},{m}", "{n},{f}"])
def test_a_table_can_be_searched_over(tmp_path, line):
    """Two trials from end to end, with classes and with numbers."""
    space = reinas.MlpSpace(depth=1)
    evaluator = reinas.TrainedEvaluator(table(tmp_path, rows(line=line)), Recipe(epochs=1))
    result = reinas.search(space, reinas.RandomSearch(space), evaluator, budget=Budget(2))
    assert result.record.trials == 2
    assert result.best_trial is not None
    assert np.isfinite(result.best_trial.reward)


def test_a_separator_inside_a_quoted_name_does_not_count(tmp_path):
    """Commas in a quoted name, semicolons between cells."""
    text = rows(line="{n};{m}", header='"height, width, depth";y')
    assert table(tmp_path, text).labels["columns"][0]["name"] == "height, width, depth"


def test_flags_are_the_columns_of_two_values_at_most(tmp_path):
    """Categories and the flags of missing numbers, by their places among the inputs."""
    lines = [f"{'' if n % 5 == 0 else n / 3},{'abc'[n % 3]},{n * n},{n % 2}" for n in range(60)]
    task = table(tmp_path, "\n".join(["a,b,c,y", *lines]) + "\n", whitening="quantile")
    assert task.inputs == (6,)
    assert task.flags == (1, 2, 3, 4)


def test_columns_are_standardised_as_asked(tmp_path):
    """By default one mean and deviation each, and by quantiles; another word is refused."""
    task = table(tmp_path, rows())
    assert task.scalings(task.parts().train)[0].quantiles is None
    task = table(tmp_path, rows(), whitening="quantile")
    assert task.scalings(task.parts().train)[0].quantiles.shape == (24, 1)
    with pytest.raises(SettingError, match=r"task\.whitening is one of"):
        table(tmp_path, rows(), whitening="some")
