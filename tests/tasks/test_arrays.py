"""Arrays in .npz files: layouts, kinds of targets, the split, and what is refused."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

import reinas
from reinas import Arrays, Budget, Recipe
from reinas.errors import FileError, SettingError
from reinas.objectives.classification import Classification
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression


def columns(n=50, width=4, start=0):
    """Rows that are all different."""
    return (start + np.arange(n * width)).reshape(n, width).astype(np.float32)


def saved(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return str(path)


def task(tmp_path, y=None, x=None, settings=None, **arrays):
    """50 rows of two classes unless something else is said."""
    x = columns() if x is None else x
    y = np.arange(len(x)) % 2 if y is None else y
    return Arrays(saved(tmp_path, x=x, y=y, **arrays), **(settings or {}))


def firsts(part):
    """The first number of each row: which row it is."""
    return part.x.reshape(len(part), -1)[:, 0].tolist()


def test_x_and_y_are_split_in_three(tmp_path):
    """60, 20 and 20 percent; disjoint, together everything, rows with their targets."""
    x = columns()
    y = np.arange(50) % 2
    made = task(tmp_path, y, x)
    parts = (made.parts().train, made.parts().valid, made.test())
    assert [len(part) for part in parts] == [30, 10, 10]
    assert sorted(first for part in parts for first in firsts(part)) == x[:, 0].tolist()
    label = dict(zip(x[:, 0].tolist(), y.tolist(), strict=True))
    for part in parts:
        assert part.y.tolist() == [label[first] for first in firsts(part)]


def test_the_split_keeps_the_classes_shares(tmp_path):
    """80 and 20 percent in all three parts."""
    made = task(tmp_path, (np.arange(50) % 5 == 0).astype(int))
    for part in (made.parts().train, made.parts().valid, made.test()):
        assert part.y.mean() == pytest.approx(0.2)


def test_the_split_is_the_same_every_time_it_is_read(tmp_path):
    """Another number gives another one."""
    made = task(tmp_path)
    assert firsts(made.load().valid) == firsts(made.load().valid)
    other = task(tmp_path, settings={"split": 1})
    assert firsts(made.load().valid) != firsts(other.load().valid)


def test_a_test_part_of_its_own_is_not_read_by_parts(tmp_path):
    """Training and validation come from x_train only; x_test may even be unreadable then."""
    test = columns(12, start=10000)
    path = saved(
        tmp_path, x_train=columns(), y_train=np.arange(50) % 2, x_test=test, y_test=np.zeros(12)
    )
    made = Arrays(path)
    parts = made.parts()
    assert sorted(firsts(parts.train) + firsts(parts.valid)) == columns()[:, 0].tolist()
    assert (len(parts.train), len(parts.valid)) == (40, 10)
    assert np.array_equal(made.test().x, test)
    assert made.test().y.tolist() == [0] * 12
    bad = np.full((12, 4), {"a": 1}, dtype=object)
    np.savez(tmp_path / "bad.npz", x_train=columns(), y_train=np.arange(50) % 2, x_test=bad)
    broken = Arrays(str(tmp_path / "bad.npz"))
    assert len(broken.parts().train) == 40
    with pytest.raises(FileError):
        broken.test()


def test_files_that_python_2_has_written_are_read(tmp_path):
    """Their headers have long integers, of which NumPy warns: not people, who can do nothing."""
    test = columns(12, start=10000)
    path = saved(
        tmp_path, x_train=columns(), y_train=np.arange(50) % 2, x_test=test, y_test=np.zeros(12)
    )
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            # as long as before: the header's length stands in front of it
            archive.writestr(name, re.sub(rb"\((\d+),(.*?)  ", rb"(\1L,\2 ", content, count=1))
    made = Arrays(path)
    assert len(made.parts().train) == 40
    assert np.array_equal(made.test().x, test)


def test_a_validation_part_of_its_own_is_used_whole(tmp_path):
    """And nothing of x_train is held back for it."""
    path = saved(
        tmp_path,
        x_train=columns(),
        y_train=np.arange(50) % 2,
        x_valid=columns(7, start=5000),
        y_valid=np.array([1, 1, 1, 0, 0, 1, 0]),
        x_test=columns(5, start=9000),
        y_test=np.arange(5) % 2,
    )
    made = Arrays(path)
    assert len(made.parts().train) == 50
    assert np.array_equal(made.parts().valid.x, columns(7, start=5000))
    assert made.parts().valid.y.tolist() == [1, 1, 1, 0, 0, 1, 0]


def test_x_train_without_x_test_is_split(tmp_path):
    """A test part is then held back from it."""
    made = Arrays(saved(tmp_path, x_train=columns(), y_train=np.arange(50) % 2))
    parts = made.parts()
    assert [len(parts.train), len(parts.valid), len(made.test())] == [30, 10, 10]


IMAGES = np.arange(20 * 6 * 5 * 3).reshape(20, 6, 5, 3)


@pytest.mark.parametrize(
    ("x", "settings", "wanted"),
    [
        (IMAGES, {}, np.moveaxis(IMAGES, 3, 1)),
        (np.moveaxis(IMAGES, 3, 1), {}, np.moveaxis(IMAGES, 3, 1)),
        (IMAGES[..., :1], {}, np.moveaxis(IMAGES[..., :1], 3, 1)),
        (IMAGES[..., 0], {}, IMAGES[:, None, :, :, 0]),
        (IMAGES[:, :3], {"layout": "channels_last"}, np.moveaxis(IMAGES[:, :3], 3, 1)),
        (IMAGES[:, :3], {"layout": "channels_first"}, IMAGES[:, :3]),
        (IMAGES[:, :, :, :2], {"layout": "channels_last"}, np.moveaxis(IMAGES[..., :2], 3, 1)),
    ],
)
def test_images_end_with_channels_first(tmp_path, x, settings, wanted):
    """Whether channels came last, first or not at all; every pixel stays in its place."""
    made = task(tmp_path, x=x, settings=settings)
    assert made.inputs == wanted.shape[1:]
    image = {int(w.ravel()[0]): w for w in wanted}
    for part in (made.parts().train, made.parts().valid, made.test()):
        for found in part.x:
            assert np.array_equal(found, image[int(found.ravel()[0])])


@pytest.mark.parametrize("shape", [(20, 3, 8, 3), (20, 3, 8, 1), (20, 2, 8, 8), (20, 4, 4, 3)])
def test_an_ambiguous_layout_says_how_to_choose(tmp_path, shape):
    """Both ends could be channels, or neither."""
    with pytest.raises(SettingError, match=r"set layout to channels_last or channels_first"):
        task(tmp_path, x=np.zeros(shape)).parts()


@pytest.mark.parametrize("shape", [(20,), (20, 2, 2, 2, 2), ()])
def test_other_shapes_are_refused(tmp_path, shape):
    """The message has the shape."""
    with pytest.raises(FileError, match="got shape"):
        Arrays(saved(tmp_path, x=np.zeros(shape), y=np.zeros(20))).parts()


@pytest.mark.parametrize(
    ("y", "classes", "numbers"),
    [
        (["cat", "dog"], ("cat", "dog"), [0, 1]),
        (np.array([b"x", b"y"]), ("x", "y"), [0, 1]),
        ([3.0, 7.0], ("3", "7"), [0, 1]),
        ([10, 9], ("9", "10"), [1, 0]),
        (np.array([True, False]), ("False", "True"), [1, 0]),
        (np.array([200, 100], np.uint8), ("100", "200"), [1, 0]),
        ([[1], [0]], ("0", "1"), [1, 0]),
    ],
)
def test_labels_become_class_numbers(tmp_path, y, classes, numbers):
    """Text, bytes, whole numbers of any type, one column: int64 from 0 and readable names."""
    made = task(tmp_path, np.concatenate([np.asarray(y)] * 10), columns(20))
    data = made.load()
    assert data.classes == classes
    assert data.train.y.dtype == np.int64
    for first, number in zip(firsts(data.train), data.train.y.tolist(), strict=True):
        assert number == numbers[int(first) // 4 % 2]


def test_numbers_that_are_not_whole_are_regression(tmp_path):
    """float32 [N, 1]; the targets of the rows."""
    x = columns()
    made = task(tmp_path, x[:, 0].astype(float) + 0.5, x)
    assert (made.objective, made.outputs) == (Regression(), 1)
    for part in (made.parts().train, made.parts().valid, made.test()):
        assert part.y.dtype == np.float32
        assert np.array_equal(part.y[:, 0], part.x[:, 0] + 0.5)


def test_several_targets_are_regression(tmp_path):
    """Whole numbers too: one output a column."""
    x = columns()
    made = task(tmp_path, x[:, :3].astype(int), x)
    assert (made.objective, made.outputs) == (Regression(), 3)
    assert np.array_equal(made.parts().train.y, made.parts().train.x[:, :3])


def test_kind_says_what_whole_numbers_are(tmp_path):
    """Regression of whole numbers; classes are one per row."""
    assert task(tmp_path, settings={"kind": "regression"}).objective == Regression()
    with pytest.raises(SettingError, match=r"one per row, got targets of shape \(50, 2\)"):
        task(tmp_path, columns(50, 2), settings={"kind": "classification"}).parts()


def test_text_cannot_be_regression(tmp_path):
    """Whatever `kind` says."""
    with pytest.raises(SettingError, match="expected numbers"):
        task(tmp_path, np.array(["a", "b"] * 25), settings={"kind": "regression"}).parts()


def test_classes_that_are_not_whole_numbers_are_kept_apart(tmp_path):
    """0.2 and 0.7 as classes are two classes, not both 0."""
    made = task(tmp_path, np.array([0.2, 0.7] * 25), settings={"kind": "classification"})
    assert made.outputs == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(50, 4), (50, 3, 3), (50, 5, 5, 3)])
def test_an_input_that_is_not_finite_is_named_by_its_row(tmp_path, bad, shape):
    """Row 17, and that there are two of them."""
    x = np.zeros(shape)
    x[17].flat[-1] = x[40].flat[0] = bad
    with pytest.raises(SettingError, match=r"row 17 has NaN or infinity.*2 rows"):
        task(tmp_path, x=x).parts()


@pytest.mark.parametrize("kind", ["auto", "regression", "classification"])
def test_a_target_that_is_not_finite_is_named_by_its_row(tmp_path, kind):
    """Row 3."""
    y = np.arange(50) % 2 + 0.0
    y[3] = np.nan
    with pytest.raises(SettingError, match="row 3 has NaN"):
        task(tmp_path, y, settings={"kind": kind}).parts()


def test_arrays_of_different_lengths_are_refused(tmp_path):
    """Both lengths are said."""
    with pytest.raises(FileError, match=r"50 rows, but y has the shape \(49,\)"):
        task(tmp_path, np.arange(49) % 2, columns()).parts()


@pytest.mark.parametrize("name", ["x", "y"])
def test_pickles_are_never_read(tmp_path, name):
    """An object array could run any code: it is refused, with its name."""

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    arrays = {"x": columns(), "y": np.arange(50) % 2}
    arrays[name] = np.array([Trap()] * 50, dtype=object)
    with pytest.raises(FileError, match=f"{name} cannot be read as a plain array"):
        Arrays(saved(tmp_path, **arrays)).parts()


def test_inputs_must_be_numbers(tmp_path):
    """Text and complex numbers are not."""
    for x in (np.full((50, 2), "a"), np.zeros((50, 2), complex)):
        with pytest.raises(FileError, match="expected numbers"):
            task(tmp_path, x=x).parts()


def test_one_class_is_refused(tmp_path):
    """It is named."""
    with pytest.raises(SettingError, match="only class '7'"):
        task(tmp_path, np.full(50, 7)).parts()


def test_equal_targets_are_refused(tmp_path):
    """Nothing to learn."""
    with pytest.raises(FileError, match="every target is the same"):
        task(tmp_path, np.full(50, 0.5)).parts()


def test_a_label_of_the_test_part_that_training_does_not_know_is_said(tmp_path):
    """With its row and the known ones."""
    path = saved(
        tmp_path,
        x_train=columns(),
        y_train=np.array(["a", "b"] * 25),
        x_test=columns(3),
        y_test=np.array(["a", "b", "c"]),
    )
    assert Arrays(path).outputs == 2
    with pytest.raises(SettingError, match=r"y_test, row 2: class 'c'.*: its classes are a, b"):
        Arrays(path).test()


def test_a_test_part_of_another_shape_is_refused(tmp_path):
    """4 columns to train on and 3 to test on do not fit together."""
    path = saved(
        tmp_path,
        x_train=columns(),
        y_train=np.arange(50) % 2,
        x_test=columns(9, 3),
        y_test=np.arange(9) % 2,
    )
    with pytest.raises((FileError, SettingError), match="x_test"):
        Arrays(path).test()


def test_constant_targets_of_the_test_part_are_no_error(tmp_path):
    """A small test part may have one value only: it is measured, not learned."""
    path = saved(
        tmp_path,
        x_train=columns(),
        y_train=np.arange(50) + 0.5,
        x_test=columns(1),
        y_test=np.array([0.5]),
    )
    assert Arrays(path).test().y.tolist() == [[0.5]]


def test_test_targets_of_another_width_are_refused(tmp_path):
    """One target to train on and two to test on."""
    path = saved(
        tmp_path,
        x_train=columns(),
        y_train=np.arange(50) + 0.5,
        x_test=columns(9),
        y_test=columns(9, 2),
    )
    with pytest.raises((FileError, SettingError), match="y_test"):
        Arrays(path).test()


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_few_examples_are_refused(tmp_path, n):
    """Fewer than 10, or none."""
    with pytest.raises((FileError, SettingError), match=r"few|no "):
        task(tmp_path, x=columns(n)).parts()


def test_a_class_with_one_example_is_named(tmp_path):
    """It cannot be in three parts."""
    with pytest.raises(SettingError, match="class '2' has 1 example"):
        task(tmp_path, np.array([0, 1] * 24 + [0, 2])).parts()


@pytest.mark.parametrize("own", [True, False])
def test_examples_takes_that_many(tmp_path, own):
    """Of training and validation together, in the classes' shares; the test part stays whole."""
    names = ("x_train", "y_train") if own else ("x", "y")
    arrays = dict(zip(names, (columns(), (np.arange(50) % 5 == 0).astype(int)), strict=True))
    if own:
        arrays |= {"x_test": columns(10), "y_test": np.arange(10) % 2}
    made = Arrays(saved(tmp_path, **arrays), examples=20)
    parts = made.parts()
    chosen = firsts(parts.train) + firsts(parts.valid)
    assert len(chosen) == len(set(chosen)) == 20
    assert np.concatenate([parts.train.y, parts.valid.y]).mean() == pytest.approx(0.2)
    assert len(made.test()) == 10


def test_more_examples_than_there_are_takes_all(tmp_path):
    """No error: 40 of 40."""
    parts = task(tmp_path, settings={"examples": 1000}).parts()
    assert len(parts.train) + len(parts.valid) == 40


def test_examples_one_less_than_there_are(tmp_path):
    """39 of the 40 that are left for training and validation."""
    parts = task(tmp_path, settings={"examples": 39}).parts()
    assert len(parts.train) + len(parts.valid) == 39


def test_thousands_of_classes_are_probably_measurements(tmp_path):
    """The message says how to have them so."""
    n = 4002
    with pytest.raises(SettingError, match=r"2,001 different.*choose regression"):
        task(tmp_path, np.arange(n) // 2, columns(n, 1)).parts()


@pytest.mark.parametrize("content", [b"", b"x,y\n1,2\n", b"PK\x03\x04 cut off", b"\x93NUMPY"])
def test_what_is_no_npz_is_said(tmp_path, content):
    """Empty, text, half a zip file, half an array."""
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"data\.npz"):
        Arrays(str(path)).parts()


def test_a_file_that_is_cut_off_is_said(tmp_path):
    """The zip directory is at its end."""
    path = saved(tmp_path, x=columns(), y=np.arange(50) % 2)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match=r"data\.npz"):
        Arrays(path).parts()


def test_a_damaged_array_is_named(tmp_path):
    """Flipped bytes inside the zip file: its checksum says so."""
    path = saved(tmp_path, x=columns(), y=np.arange(50) % 2)
    content = bytearray(Path(path).read_bytes())
    content[300] ^= 255
    Path(path).write_bytes(content)
    with pytest.raises(FileError, match=r"data\.npz, x"):
        Arrays(path).parts()


def test_one_array_is_no_data_set(tmp_path):
    """A .npy file under another name."""
    np.save(tmp_path / "one.npy", columns())
    with pytest.raises(FileError, match=r"numpy\.savez"):
        Arrays(str(tmp_path / "one.npy")).parts()


@pytest.mark.parametrize("name", ["nowhere.npz", "."])
def test_a_file_that_is_not_there_is_said(tmp_path, name):
    """Missing, or a folder."""
    with pytest.raises(FileError, match="cannot be read"):
        Arrays(str(tmp_path / name)).parts()


def test_other_names_of_arrays_are_listed(tmp_path):
    """What was expected and what is there."""
    with pytest.raises(FileError, match=r"no array x: expected .*; it has features, labels"):
        Arrays(saved(tmp_path, features=columns(), labels=np.zeros(50))).parts()
    with pytest.raises(FileError, match="no array y_train"):
        Arrays(saved(tmp_path, x_train=columns())).parts()


def test_compressed_files_are_read(tmp_path):
    """As numpy.savez_compressed writes them."""
    np.savez_compressed(tmp_path / "c.npz", x=columns(), y=np.arange(50) % 2)
    assert len(Arrays(str(tmp_path / "c.npz")).parts().train) == 30


def test_no_path_says_how_to_give_one():
    """When the task is made."""
    with pytest.raises(SettingError, match=r"task.path is missing.*arrays:FILE\.npz"):
        Arrays()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "clasification"}, "kind"),
        ({"layout": "NCHW"}, "layout"),
        ({"reward": "acuracy"}, "did you mean 'accuracy'"),
        ({"valid_share": 0.6, "test_share": 0.5}, "below 1"),
        ({"examples": 2}, "at least 10"),
    ],
)
def test_a_wrong_setting_is_said_when_the_task_is_made(settings, said):
    """Before the file is read."""
    with pytest.raises(SettingError, match=said):
        Arrays("data.npz", **settings)


@pytest.mark.parametrize("regression", [True, False])
def test_arrays_can_be_searched_over(tmp_path, regression):
    """Two trials from end to end."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3))
    made = task(tmp_path, x[:, 0] if regression else (x[:, 0] > 0).astype(int), x)
    space = reinas.MlpSpace(depth=1)
    evaluator = reinas.TrainedEvaluator(made, Recipe(epochs=1))
    result = reinas.search(space, reinas.RandomSearch(space), evaluator, budget=Budget(2))
    assert result.record.trials == 2
    assert result.best_trial is not None
    assert np.isfinite(result.best_trial.reward)


@pytest.mark.parametrize(
    ("part", "x", "y"),
    [
        ("valid", columns(9, 3), np.arange(9) % 2),
        ("valid", columns(0), np.arange(0)),
        ("test", columns(0), np.arange(0)),
        ("test", columns(9), np.arange(9) % 2 + 0.7),
        ("test", columns(9), np.full(9, np.nan)),
    ],
)
def test_another_part_that_does_not_fit_is_named(tmp_path, part, x, y):
    """Other columns, no rows, labels between two classes or NaN: never rounded or passed on."""
    arrays = {"x_train": columns(), "y_train": np.arange(50) % 2}
    made = Arrays(saved(tmp_path, **arrays, **{f"x_{part}": x, f"y_{part}": y}))
    with pytest.raises((FileError, SettingError), match=f"[xy]_{part}"):
        made.test() if part == "test" else made.parts()


@pytest.mark.parametrize("shape", [(50, 0), (50, 0, 5), (50, 5, 5, 0)])
def test_inputs_without_a_number_are_refused(tmp_path, shape):
    """No column, no pixel, no channel."""
    with pytest.raises((FileError, SettingError), match="x"):
        task(tmp_path, x=np.zeros(shape)).parts()


def test_one_number_is_no_target_array(tmp_path):
    """The message says what was expected."""
    with pytest.raises((FileError, SettingError), match="y"):
        task(tmp_path, np.float64(3), columns()).parts()


@pytest.mark.parametrize("what", ["x", "y"])
def test_numbers_beyond_float32_are_refused(tmp_path, what):
    """Networks are in float32, where 1e300 is infinity."""
    arrays = {"x": columns(), "y": np.arange(50) + 0.5}
    arrays[what] = arrays[what].astype(float) * 1e300
    with pytest.raises(SettingError, match=what):
        Arrays(saved(tmp_path, **arrays), kind="regression").parts()


def test_a_test_part_next_to_x_and_y_is_not_ignored(tmp_path):
    """x and y with x_test and y_test: that part is the test, or an error says what to do."""
    test = columns(12, start=10000)
    made = task(tmp_path, x_test=test, y_test=np.arange(12) % 2)
    try:
        found = made.test()
    except (FileError, SettingError):
        return
    assert np.array_equal(found.x, test)


# ---- labels and series ---------------------------------------------------------------------------

LABELS = np.array([[1, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 1]] * 10)


def test_rows_of_0_and_1_are_labels(tmp_path):
    """One logit per label, targets as float32."""
    made = task(tmp_path, LABELS)
    assert (made.objective, made.outputs) == (MultiLabel(), 3)
    assert made.parts().train.y.dtype == np.float32


@pytest.mark.parametrize(
    ("kind", "objective"), [("auto", Classification()), ("multilabel", MultiLabel())]
)
def test_one_hot_rows_are_classes_unless_kind_says_otherwise(tmp_path, kind, objective):
    """As some tools write classes."""
    one_hot = np.eye(3)[np.arange(50) % 3]
    assert task(tmp_path, one_hot, settings={"kind": kind}).objective == objective


def test_series_have_channels_and_time(tmp_path):
    """With that layout three axes are no grey images; each channel has one mean and deviation."""
    x = np.random.default_rng(0).standard_normal((50, 2, 7)) * [[1], [100]] + [[5], [-5]]
    made = task(tmp_path, x=x, settings={"layout": "series"})
    assert made.inputs == (2, 7)
    train = made.parts().train
    inputs, _ = made.scalings(train)
    np.testing.assert_allclose(inputs.mean[:, 0], train.x.mean((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(inputs.std[:, 0], train.x.std((0, 2)), rtol=1e-5)


def test_series_have_three_axes(tmp_path):
    """Columns are no series."""
    with pytest.raises(SettingError, match=r"expected series \[N, channels, time\]"):
        task(tmp_path, settings={"layout": "series"}).parts()
