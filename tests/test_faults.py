"""Odd files, settings and stores: one sentence, never a traceback, nothing silently else."""

import io
import os
import zipfile

import numpy as np
import pytest

import reinas
from reinas.cli.output import SafeConsole
from reinas.config.settings import parse_value, read_toml
from reinas.errors import AnswersError, FileError, InvalidSettingError, ReinasError, StoreError
from reinas.evaluators.function import FunctionEvaluator
from reinas.export.saved import load
from reinas.finishing.finish import _here
from reinas.tasks.image_io import read as read_images

SPACE = reinas.MlpSpace(depth=1, widths=(2, 4))


# ---- files ---------------------------------------------------------------------------------------


def packed(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def array(value):
    data = io.BytesIO()
    np.save(data, value)
    return data.getvalue()


X, Y = array(np.zeros((20, 3))), array(np.arange(20) % 2)
HUGE = b"\x93NUMPY\x01\x00\x76\x00" + (
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }".ljust(117) + b"\n"
)


@pytest.mark.parametrize(
    "members",
    [
        {"x.npy": b"no array", "y.npy": Y},
        {"x.npy": b"", "y.npy": Y},
        {"x.npy": HUGE, "y.npy": Y},
        {"x.npy": X, "y.npy": Y, "x_test.npy": b"junk", "y_test.npy": Y},
        {"x.npy": X, "y.npy": Y, "x_test.npy": b"", "y_test.npy": Y},
        {"x.npy": X, "y.npy": Y, "x_test": X, "y_test": Y},
        {"x.npy": X, "y.npy": array(np.array([b"caf\xe9", b"tea"] * 10))},
    ],
)
def test_a_damaged_archive_is_a_sentence(tmp_path, members):
    """Members that are no arrays, empty, larger than any memory, or of bytes beyond ASCII."""
    path = packed(tmp_path / "data.npz", **members)
    with pytest.raises(ReinasError) as caught:
        _ = reinas.Arrays(str(path)).data
    assert "\n" not in str(caught.value)


def test_a_corrupt_stream_is_a_sentence(tmp_path):
    """Deflate that does not inflate."""
    path = packed(tmp_path / "data.npz", **{"x.npy": X * 50, "y.npy": Y})
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    with pytest.raises(FileError, match="cannot be read as a plain array"):
        _ = reinas.Arrays(str(path)).data


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
@pytest.mark.parametrize("kind", ["csv", "npz", "txt", "toml"])
def test_a_pipe_is_not_waited_for(tmp_path, kind):
    """It may never end."""
    path = tmp_path / f"data.{kind}"
    os.mkfifo(path)
    read = {
        "csv": lambda: reinas.Table(str(path), target="y").data,
        "npz": lambda: reinas.Arrays(str(path)).data,
        "txt": lambda: reinas.Text(str(path)).data,
        "toml": lambda: read_toml(path),
    }[kind]
    with pytest.raises(FileError, match="is a pipe or a device"):
        read()


def test_only_pictures_are_opened_as_pictures(tmp_path):
    """PostScript would start another program, whatever the file is called."""
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n%%EOF\n")
    with pytest.raises(FileError, match=r"a\.png cannot be read as an image"):
        read_images([path])


def test_pixels_that_are_no_numbers_are_refused(tmp_path):
    """In place of a warning and a black picture."""
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "a.tif"
    image.fromarray(np.full((4, 4), np.nan, np.float32)).save(path)
    with pytest.raises(FileError, match="no finite numbers"):
        read_images([path])


def rows_of(value, target="{n2}", head="x,y\n", count=40):
    lines = (f"{value},{target}\n".format(n=n, n2=n % 2) for n in range(count))
    return head + "".join(lines)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (rows_of("{n}e60"), "x (has 1e60, more than float32 holds: scale it)"),
        (rows_of("inf"), "x (has inf, more than float32 holds: scale it)"),
        (rows_of("{n}", "{n}e300"), "column y, line 3: 1e300 is more than float32 holds: scale"),
        (rows_of("{n}").encode("utf-16-le"), "has NUL characters, as UTF-16 text has: save it as"),
        ('{"x": 1, "y": 2}', "looks like JSON: expected CSV, a header line and one per example"),
        ("<html><body></body></html>", "looks like HTML or XML: expected CSV"),
        (rows_of("{n}", count=3), "3 rows are too few to split into parts: bring 10 or more"),
    ],
)
def test_a_table_that_cannot_be_used_is_said_as_a_person_would(tmp_path, content, said):
    """What is wrong with it, and what to do."""
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ReinasError) as caught:
        reinas.Table(str(path), "y").load()
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [rows_of("{n}", count=10), rows_of("{n}", head="sep=,\nx,y\n")])
def test_a_table_of_ten_rows_and_one_by_excel_are_read(tmp_path, content):
    """Ten are what is asked for; Excel names its separator in a line of its own."""
    (tmp_path / "t.csv").write_text(content)
    data = reinas.Table(str(tmp_path / "t.csv"), "y").load()
    assert len(data.train) + len(data.valid) + len(data.test) in (10, 40)


# ---- settings ------------------------------------------------------------------------------------


def test_a_value_is_one_value(tmp_path):
    """Thousands of digits are text, lists without end and second lines are refused."""
    assert parse_value("9" * 5000) == "9" * 5000
    for text in ("[" * 3000, "2\nx=3"):
        with pytest.raises(InvalidSettingError):
            parse_value(text)
    path = tmp_path / "a.toml"
    for text in (f"x = {'9' * 5000}", f"x = {'[' * 3000}"):
        path.write_text(text)
        with pytest.raises(FileError, match="is not TOML"):
            read_toml(path)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("space.depth=true", "should be a number, got true"),
        ("space.widths=[4,true]", "should be a number, got [4, true]"),
        ("trials=true", "should be a number, got true"),
        ("recipe.epochs=false", "should be a number, got false"),
    ],
)
def test_true_is_no_number(reinas, setting, said):
    """In Python it is 1; nobody means that."""
    status, _, err = reinas("search", "mlp", "--task", "wine", "--set", setting)
    assert status == 2
    assert said in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "x", "--store", ":memory:"], "would be gone with the command: give a file"),
        (["compare", "--table", "nope", "--decisions", "a"], "table 'nope' is not known"),
        (["search", "toy", "--set", ".depth=1"], "takes KEY=VALUE, as in space.depth=4"),
        (["compare", "--table", "landscape", "--store", "/no/x.db"], "there is no folder /no"),
    ],
)
def test_a_mistake_is_named_before_anything_else(reinas, arguments, said):
    """One line, and no progress bar before it."""
    status, out, err = reinas(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("seed", [-1, 2**32, 99999999999999999999])
def test_the_seed_of_a_split_has_a_range(reinas, tmp_path, seed):
    """NumPy's; said by the setting's name."""
    rows = "".join(f"{n},{n % 2}\n" for n in range(40))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    status, _, err = reinas(
        "search", "--task", "table:t.csv", "--target", "y", "--set", f"task.split={seed}"
    )
    assert status == 2
    assert f"task.split must be from 0 to 4294967295, got {seed}" in err


@pytest.mark.parametrize("command", ["search", "show", "resume", "finish"])
def test_a_name_that_no_encoding_has_is_a_sentence(reinas, command):
    """As a terminal gives it that writes other bytes."""
    task = ["toy", "--trials", "2", "--name"] if command == "search" else []
    status, out, err = reinas(command, *task, "\udcff")
    assert (status, out) == (2, "")
    assert "\\udcff" in err or "'\ufffd'" in err


@pytest.mark.parametrize("name", ["..", ".", "/", "../x", "/etc", "a/../..", "..."])
def test_a_folder_stays_below_this_one(name, tmp_path):
    """Whatever a search is called."""
    place = (tmp_path / _here(name)).resolve()
    assert place.parent == tmp_path.resolve()


@pytest.mark.parametrize("text", ["a\x1b[31mbc", "\x07bell", "x\x9b31m"])
def test_text_cannot_steer_the_terminal(text):
    """Neither alone nor in a table, whose columns are measured by what is shown."""
    from rich.table import Table
    from rich.text import Text

    out = io.StringIO()
    console = SafeConsole(file=out, width=80, force_terminal=False)
    table = Table("name")
    table.add_row(text)
    for thing in (text, table, Text(text)):
        console.print(thing, markup=False)
    shown = out.getvalue()
    assert not any(c in shown for c in "\x1b\x07\x9b")
    assert shown.count(text[-1]) >= 3


# ---- stores and policies -------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["deleted", "emptied", "replaced"])
def test_a_store_that_goes_away_is_noticed_at_once(tmp_path, what):
    """Before the next trial, in place of results that nobody finds again."""
    store = reinas.Store(tmp_path / "s.db")
    study = reinas.Study(SPACE, reinas.RandomSearch(SPACE), store=store, name="s")
    study.tell(study.ask(1)[0], reward=0.5)
    if what == "emptied":
        store.path.write_bytes(b"")
    else:
        store.path.unlink()
    if what == "replaced":
        reinas.Store(tmp_path / "other.db").create("other", {}, 1)
        (tmp_path / "other.db").rename(store.path)
    with pytest.raises(StoreError, match="was deleted, emptied or replaced"):
        study.ask(1)


@pytest.mark.parametrize("settings", ["null", "[]", "x{", "3"])
def test_damaged_settings_in_a_store_are_a_sentence(tmp_path, settings):
    """In lists and where the study is opened."""
    store = reinas.Store(tmp_path / "s.db")
    store.create("s", {"space": {}}, 3)
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE searches SET settings = ?", (settings,))
    for read in (store.summaries, lambda: store.get("s")):
        with pytest.raises(StoreError, match="is damaged"):
            read()


def test_answers_are_whole_numbers():
    """A half is not silently cut off."""

    class Half(reinas.RandomSearch):
        def propose(self, count, *, length, seed):
            proposed = super().propose(count, length=length, seed=seed)
            return [tuple(answer + 0.5 for answer in answers) for answers in proposed]

    with pytest.raises(AnswersError, match="whole numbers"):
        reinas.search(SPACE, Half(SPACE), FunctionEvaluator(lambda a, job: 1.0))


class Odd(reinas.RandomSearch):
    """Reports and keeps what it is made with."""

    def __init__(self, space, reports=None, keeps=None):
        super().__init__(space)
        self._reports, self._keeps = reports or {}, keeps or {}

    def update(self, trials):
        super().update(trials)
        return self._reports

    def state(self):
        return super().state() | self._keeps


def odd_search(**what):
    return reinas.search(
        SPACE, Odd(SPACE, **what), FunctionEvaluator(lambda a, job: 1.0), budget=reinas.Budget(8)
    )


def test_what_a_policy_reports_are_numbers_of_any_kind():
    """NumPy's and torch's, too."""
    import torch

    study = odd_search(reports={"one": np.float32(0.5), "two": torch.tensor(2.0), 3: 1})
    assert study.record.diagnostics() == [(0, {"one": 0.5, "two": 2.0, "3": 1.0})]


@pytest.mark.parametrize("reports", [{"one": "x"}, {"one": [1.0, 2.0]}, [1.0], 3.0])
def test_other_reports_are_a_sentence(reports):
    """Which names what came."""
    with pytest.raises(AnswersError, match="should return numbers by name, and returned"):
        odd_search(reports=reports)


@pytest.mark.parametrize("value", ["text", np.array([None]), np.zeros(2, np.complex128), [[1], []]])
def test_a_state_that_cannot_be_stored_is_a_sentence(value):
    """Before anything is written."""
    with pytest.raises((AnswersError, ValueError), match=r"arrays of numbers|inhomogeneous"):
        odd_search(keeps={"odd": value})


class Fragile(reinas.MlpSpace):
    """Cannot decode some of its architectures, or none."""

    def decode(self, answers):
        if self.depth == 3 or sum(answers) % 2 == 0:
            raise ValueError("no such network")
        return super().decode(answers)


def test_what_cannot_be_decoded_fails_alone():
    """The search goes on, with the reason; where nothing can be decoded it does not begin."""
    evaluate = FunctionEvaluator(lambda architecture, job: 1.0)
    space = Fragile(depth=1, widths=(2, 4))
    study = reinas.search(space, reinas.RandomSearch(space), evaluate, seed=3)
    states = {trial.state for trial in study.trials}
    assert states == {"complete", "failed"}
    none = Fragile(depth=3, widths=(2, 4))
    with pytest.raises(InvalidSettingError, match="decodes none of 8 samples of its own: ValueE"):
        reinas.search(none, reinas.RandomSearch(none), evaluate)


def classes_that_do_not_fit(folder):
    """One that is missing would be an error in a later prediction."""
    import json

    file = folder / "network.json"
    before = file.read_text()
    about = json.loads(before)
    about["task"]["classes"] = ["one", "two"]
    file.write_text(json.dumps(about))
    with pytest.raises(FileError, match="2 classes do not fit 3 outputs"):
        load(folder)
    file.write_text(before)


@pytest.mark.parametrize("kind", ["float16", "float64", "bfloat16"])
def test_weights_of_another_type_are_refused(tmp_path, kind):
    """When they are loaded, not in the first prediction."""
    import hashlib
    import json

    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "net"
    store = reinas.Store(tmp_path / "s.db")
    evaluator = reinas.TrainedEvaluator(reinas.Wine(), reinas.Recipe(epochs=1))
    reinas.search(
        SPACE, reinas.RandomSearch(SPACE), evaluator, budget=reinas.Budget(2), store=store, name="s"
    )
    reinas.finish(store, "s", SPACE, reinas.Wine(), folder=folder, grid=None, epochs=1)
    classes_that_do_not_fit(folder)
    weights = load_file(folder / "weights.safetensors")
    key = next(k for k, v in weights.items() if v.dtype == torch.float32 and k.startswith("child"))
    weights[key] = weights[key].to(getattr(torch, kind))
    save_file(weights, folder / "weights.safetensors")
    about = json.loads((folder / "network.json").read_text())
    data = (folder / "weights.safetensors").read_bytes()
    about["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / "network.json").write_text(json.dumps(about))
    with pytest.raises(FileError, match="float"):
        load(folder)


def test_reasons_are_text_that_a_store_can_hold(tmp_path):
    """Also what a function reports as its own."""
    store = reinas.Store(tmp_path / "s.db")
    study = reinas.Study(SPACE, reinas.RandomSearch(SPACE), store=store, name="s")
    one, two = study.ask(2)
    study.tell(one, error="no file \udcff")
    study.tell(two, error="x" * 10**6)
    kept = [t.outcome.error for t in store.get("s").finished()]
    assert kept[0] == r"no file \udcff"
    assert len(kept[1]) < 3000
