"""Spaces declared by the fields of a dataclass."""

import importlib
import itertools
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reinas
from reinas import Budget, DeclaredSpace, Outcome, choice, nested, repeated, search, zoph_le
from reinas.errors import AnswersError, SettingError
from reinas.evaluators.function import FunctionEvaluator
from reinas.registry import make
from reinas.testing import SpaceContract


@dataclass(frozen=True)
class Bottleneck:
    """Its scale is decided only where there is a shortcut."""

    width: int = choice(1, 2, 4, 8)
    shortcut: bool = choice(False, True)
    scale: float | None = choice(0.5, 1.0, when={"shortcut": True})


@dataclass(frozen=True)
class Layer:
    """A layer whose size is decided only for convolutions."""

    kind: str = choice("conv", "pool", "dense")
    size: int | None = choice(3, 5, when={"kind": {"conv", "pool"}})


@dataclass(frozen=True)
class Net:
    """A stem, one to three layers, a head or none, one or two widths."""

    stem: Layer = nested(Layer)
    layers: tuple[Layer, ...] = repeated(Layer, 1, 3)
    widths: tuple[int, ...] = repeated(choice(8, 16), 0, 2)
    deep: bool = choice(False, True)
    head: Bottleneck | None = nested(Bottleneck, when={"deep": True})


class TestFlat(SpaceContract):
    """Conditions by value."""

    def make(self):
        return DeclaredSpace(Bottleneck)


class TestNested(SpaceContract):
    """Dataclasses within dataclasses, and tuples of them."""

    def make(self):
        return DeclaredSpace(Net)


def every_layer():
    sized = [Layer(kind, size) for kind in ("conv", "pool") for size in (3, 5)]
    return [*sized, Layer("dense", None)]


def test_it_has_all_architectures_and_no_others():
    """Those that can be written by hand, each once."""
    by_hand = {
        Bottleneck(width, shortcut, scale)
        for width in (1, 2, 4, 8)
        for shortcut in (False, True)
        for scale in ((0.5, 1.0) if shortcut else (None,))
    }
    space = DeclaredSpace(Bottleneck)
    decoded = [space.decode(answers) for answers in space.enumerate()]
    assert set(decoded) == by_hand
    assert len(decoded) == space.size == len(by_hand) == 12


def test_nested_and_repeated_fields_multiply_as_they_should():
    """5 layers each for stem and 1 to 3 places; 7 tuples of widths; 1 + 12 heads."""
    layers = sum(5**count for count in (1, 2, 3))
    assert DeclaredSpace(Net).size == 5 * layers * 7 * (1 + 12)


def test_every_tuple_of_layers_is_there():
    """By hand: all sequences of one and two layers."""

    @dataclass(frozen=True)
    class Two:
        layers: tuple[Layer, ...] = repeated(Layer, 1, 2)

    space = DeclaredSpace(Two)
    sequences = [(one,) for one in every_layer()]
    sequences += list(itertools.product(every_layer(), repeat=2))
    decoded = {space.decode(answers) for answers in space.enumerate()}
    assert decoded == {Two(layers) for layers in sequences}


def test_elements_of_a_tuple_share_what_is_learned():
    """The same field of each is one kind."""
    kinds = {d.name: d.kind for d in DeclaredSpace(Net).decisions}
    assert kinds["layers.1.size"] == kinds["layers.3.size"] == "layers.size"
    assert kinds["stem.size"] != kinds["layers.1.size"]
    assert kinds["widths.1"] == kinds["widths.2"]


def test_the_elements_of_all_tuples_are_numbered_as_layers():
    """1 to 3 for the layers, 4 and 5 for the widths; nothing else is in a layer."""
    layers = {d.name: d.layer for d in DeclaredSpace(Net).decisions if d.layer}
    assert layers == {
        **{f"layers.{n}.{field}": n for n in (1, 2, 3) for field in ("kind", "size")},
        "widths.1": 4,
        "widths.2": 5,
    }


def test_a_condition_may_lead_into_an_earlier_field():
    """Dots name a nested field, a tuple's length and an element."""

    @dataclass(frozen=True)
    class Dotted:
        stem: Layer = nested(Layer)
        sizes: tuple[int, ...] = repeated(choice(1, 2), 0, 1)
        wide: int | None = choice(8, 16, when={"stem.size": 5})
        long: int | None = choice(3, 4, when={"sizes.length": 1})
        last: int | None = choice(5, 6, when={"sizes.1": 2})

    space = DeclaredSpace(Dotted)
    sizes = [((), None, None)]
    sizes += [((1,), long, None) for long in (3, 4)]
    sizes += [((2,), long, last) for long in (3, 4) for last in (5, 6)]
    by_hand = {
        Dotted(stem, size, wide, long, last)
        for stem in every_layer()
        for wide in ((8, 16) if stem.size == 5 else (None,))
        for size, long, last in sizes
    }
    assert {space.decode(answers) for answers in space.enumerate()} == by_hand


def test_none_may_be_a_value():
    """A field that is None by choice fulfils a condition that one without a choice does not."""

    @dataclass(frozen=True)
    class Optional:
        a: int = choice(1, 2)
        b: int | None = choice(None, 1, when={"a": 1})
        c: int | None = choice(3, 4, when={"b": None})

    space = DeclaredSpace(Optional)
    assert {space.decode(answers) for answers in space.enumerate()} == {
        Optional(1, None, 3),
        Optional(1, None, 4),
        Optional(1, 1, None),
        Optional(2, None, None),
    }


def test_tuples_may_hold_tuples():
    """2 + 4 inner tuples; one or two of them: 6 + 36, each by its own answers."""

    @dataclass(frozen=True)
    class Table:
        rows: tuple[tuple[int, ...], ...] = repeated(repeated(choice(1, 2), 1, 2), 1, 2)

    space = DeclaredSpace(Table)
    decoded = {space.decode(answers).rows for answers in space.enumerate()}
    inner = [row for n in (1, 2) for row in itertools.product((1, 2), repeat=n)]
    assert decoded == {rows for n in (1, 2) for rows in itertools.product(inner, repeat=n)}
    assert space.size == 42


def test_names_with_digits_do_not_clash():
    """The first element of `a` and the field `a1` are two decisions."""

    @dataclass(frozen=True)
    class Digits:
        a: tuple[int, ...] = repeated(choice(1, 2), 1, 2)
        a1: int = choice(1, 2)

    assert DeclaredSpace(Digits).size == 6 * 2


def test_an_architecture_outside_the_space_is_refused():
    """With the decision that it cannot have been made by."""
    space = DeclaredSpace(Net)
    good = space.decode(space.sample(1, 0)[0])
    for wrong, message in (
        (Bottleneck(1, False, None), "expected a Net, got Bottleneck"),
        (Net(Layer("conv", 7), good.layers, (), False, None), r"stem.size is one of \[3, 5\]"),
        (Net(Layer("dense", 3), good.layers, (), False, None), "stem.size is not active"),
        (Net(good.stem, (), (), False, None), r"layers.length is one of \[1, 2, 3\], got 0"),
        (Net(good.stem, good.layers, [8], False, None), "widths should be a tuple"),
        (Net(good.stem, good.layers, (8, 8, 8), False, None), "widths.length is one of"),
    ):
        with pytest.raises(AnswersError, match=message):
            space.encode(wrong)


@pytest.mark.parametrize(
    ("written", "name"), [("Net", "net"), ("ResNet", "res-net"), ("MLPMixer2D", "mlp-mixer2d")]
)
def test_its_name_is_the_hyphenated_name_of_the_dataclass(written, name):
    """In lower case, word by word."""
    assert DeclaredSpace(make_dataclass(written, [("a", int, choice(1))], frozen=True)).name == name


ELSEWHERE = """
import dataclasses, reinas

@dataclasses.dataclass(frozen=True)
class Net:
    width: int = reinas.choice({})
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A function that gives the space of a module's dataclass with other widths every time."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"declared_{tmp_path.name}"

    def space(widths):
        (tmp_path / f"{name}.py").write_text(ELSEWHERE.format(widths))
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        return DeclaredSpace(importlib.import_module(name).Net)

    yield space
    sys.modules.pop(name, None)


def test_its_settings_make_it_again(elsewhere):
    """They name the dataclass by its module, and say what it declares."""
    space = elsewhere("1, 2")
    name = f"{space.architecture.__module__}:Net"
    assert space.settings == {"name": name, "fields": {"width": "choice(1, 2)"}}
    assert make("space", space.settings) == space
    assert make("space", {"name": name}) == space


def test_its_settings_say_what_every_field_declares():
    """Values, lengths, kinds and conditions, also within fields and elements."""
    assert DeclaredSpace(Net).settings["fields"] == {
        "stem": "Layer",
        "stem.kind": "choice('conv', 'pool', 'dense')",
        "stem.size": "choice(3, 5), when kind is 'conv' or 'pool'",
        "layers": "repeated(Layer, 1, 3)",
        "layers.kind": "choice('conv', 'pool', 'dense')",
        "layers.size": "choice(3, 5), when kind is 'conv' or 'pool'",
        "widths": "repeated(choice(8, 16), 0, 2)",
        "deep": "choice(False, True)",
        "head": "Bottleneck, when deep is True",
        "head.width": "choice(1, 2, 4, 8)",
        "head.shortcut": "choice(False, True)",
        "head.scale": "choice(0.5, 1.0), when shortcut is True",
    }


def test_the_order_of_sets_is_not_recorded():
    """Sets of words have another order in every process."""

    def text(allowed):
        kind = choice("a", "b", "c", frozenset({"x", "y"}))
        space = declared(kind=kind, size=choice(1, 2, when={"kind": allowed}))
        return DeclaredSpace(space).settings["fields"]

    assert text(["c", "b"]) == text(["b", "c"])
    assert text("b")["kind"] == "choice('a', 'b', 'c', {'x', 'y'})"


def test_an_edited_dataclass_does_not_go_on_with_the_old_ones_trials(elsewhere):
    """Their answers mean other values now: it is refused, with what has changed."""
    store = reinas.MemoryStore()

    def width(net, trial):
        return float(net.width)

    def run(space):
        policy = reinas.RandomSearch(space)
        evaluator = FunctionEvaluator(width)
        return search(space, policy, evaluator, store=store, name="s", budget=Budget(4))

    old = elsewhere("1, 2")
    run(old)
    new = elsewhere("10, 20")
    message = r"space.fields.width is choice\(1, 2\), not choice\(10, 20\)"
    with pytest.raises(SettingError, match=message):
        run(new)
    message = r"width should be choice\(1, 2\), and is choice\(10, 20\) in declared_"
    with pytest.raises(SettingError, match=message):
        make("space", old.settings)


def test_the_controller_learns_in_it():
    """Conditions, tuples and all: late rewards are higher than early ones."""
    space = DeclaredSpace(Net)

    def reward(net, trial):
        return sum(layer.kind == "conv" for layer in net.layers) / 3

    policy = zoph_le(space, learning_rate=0.05, seed=1)
    study = search(space, policy, FunctionEvaluator(reward), budget=Budget(240), reuse=False)
    rewards = [trial.reward for trial in study.trials]
    assert sum(rewards[-80:]) > 1.1 * sum(rewards[:80])
    assert isinstance(study.trials[0].outcome, Outcome)


@dataclass
class Thawed:
    width: int = choice(1, 2)


@dataclass(frozen=True, eq=False)
class Incomparable:
    width: int = choice(1, 2)


@dataclass(frozen=True)
class Plain:
    width: int = 4


@dataclass(frozen=True)
class Empty:
    pass


class Undecorated(Bottleneck):
    """It inherits the fields of a dataclass, and is none."""


def declared(**fields):
    return make_dataclass("Wrong", [(n, object, f) for n, f in fields.items()], frozen=True)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (int, "int should be a frozen dataclass"),
        (Bottleneck(1, False, None), "should be a frozen dataclass"),
        (Thawed, "Thawed should be frozen"),
        (Incomparable, "Incomparable should be frozen and compared by its fields"),
        (declared(a=choice(1, 2), b=choice(1, when={"a": True})), "b depends on a being one of"),
        (declared(a=choice(1), b=choice(1, when={"aa": 1})), "depends on aa.*did you mean 'a'"),
        (declared(a=nested(Layer), b=choice(1, when={"a": 1})), "depends on a, which is not an e"),
        (Plain, r"Plain.width is not declared: give it choice"),
        (Empty, "Empty has no fields"),
        (declared(a=choice()), "Wrong.a has no values"),
        (declared(a=choice(1, 2, 1)), "Wrong.a has a value twice"),
        (declared(a=choice([1], [2])), r"Wrong.a has the value \[1\], which cannot be hashed"),
        (declared(a=nested(Undecorated)), "Undecorated should be decorated"),
        (declared(a=choice(1, when={"b": 1}), b=choice(1, 2)), "a depends on b, which is not an e"),
        (declared(a=choice(1, 2), b=choice(1, when={"a": 3})), r"b depends on a being one of \[3"),
        (declared(a=choice(1, 2), b=choice(1, when={"a": []})), "b depends on a being one of"),
        (declared(a=nested(Plain)), "Plain.width is not declared"),
        (declared(a=repeated(choice(1, 2), 3, 2)), "smallest length first; got 3 to 2"),
        (declared(a=repeated(choice(1, 2), 0, 0)), "got 0 to 0"),
        (declared(a=choice(1), b=repeated(choice(1, 2, when={"a": 1}), 1, 2)), "no conditions of"),
        (declared(a=field(default=3)), "Wrong.a is not declared"),
    ],
)
def test_a_wrong_declaration_is_refused(architecture, message):
    """With the field at fault."""
    with pytest.raises(SettingError, match=message):
        DeclaredSpace(architecture)


def test_an_element_that_declares_nothing_is_refused():
    """Where it is written: a plain dataclass field has no values."""
    with pytest.raises(SettingError, match="is a field of another kind"):
        repeated(field(default=3), 1, 2)


@st.composite
def architectures(draw, depth=2):
    """Declared dataclasses of up to three fields, conditions and all."""
    fields, choices = [], {}
    for number in range(draw(st.integers(1, 3))):
        name = f"f{number}"
        when = None
        if choices and draw(st.booleans()):
            other = draw(st.sampled_from(sorted(choices)))
            when = {other: draw(st.sampled_from(choices[other]))}
        kind = draw(st.sampled_from(["choice", "repeated", "nested"] if depth else ["choice"]))
        values = tuple(range(draw(st.integers(1, 3))))
        if kind == "choice":
            choices[name] = values
            made = choice(*values, when=when)
        elif kind == "nested":
            made = nested(draw(architectures(depth=depth - 1)), when=when)
        else:
            element = choice(*values) if draw(st.booleans()) else draw(architectures(depth - 1))
            least = draw(st.integers(0, 1))
            made = repeated(element, least, least + draw(st.integers(1, 2)), when=when)
        fields.append((name, object, made))
    return make_dataclass("Drawn", fields, frozen=True)


@given(architectures(), st.integers(0, 2**32))
@settings(deadline=None)
def test_for_every_declaration_decode_and_encode_are_inverse(architecture, seed):
    """Whatever is nested in what, and as many architectures as answers."""
    space = DeclaredSpace(architecture)
    for answers in space.sample(20, seed):
        assert space.encode(space.decode(answers)) == answers
    if space.size <= 500:
        decoded = {space.decode(answers) for answers in space.enumerate()}
        assert len(decoded) == space.size


def test_its_architectures_have_types(tmp_path):
    """mypy knows what a field of a decoded architecture is, and finds declarations of others."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            from dataclasses import dataclass
            from typing import Literal

            from reinas import DeclaredSpace, choice, nested, repeated


            @dataclass(frozen=True)
            class Net:
                width: int = choice(1, 2)
                scale: float | None = choice(0.5, 1.0, when={"width": 2})
                widths: tuple[int, ...] = repeated(choice(8, 16), 1, 4)


            space = DeclaredSpace(Net)
            net = space.decode(space.sample(1, 0)[0])
            width: int = net.width
            wrong: str = net.width


            @dataclass(frozen=True)
            class Wrong:
                word: int = choice("a", "b")
                never_none: float = choice(0.5, 1.0, when={"word": "a"})
                nets: tuple[Net, ...] = repeated(int, 1, 2)


            @dataclass(frozen=True)
            class Right:
                word: Literal["a", "b"] = choice("a", "b")
                net: Net = nested(Net)
                head: Net | None = nested(Net, when={"word": "a"})
                nets: tuple[Net, ...] = repeated(Net, 1, 2)
                rows: tuple[tuple[int, ...], ...] = repeated(
                    repeated(choice(1, 2), 1, 2), 1, 2
                )
                some: tuple[int, ...] | None = repeated(
                    choice(1, 2), 1, 2, when={"word": "b"}
                )
            """
        )
    )
    # what the types of an architecture do not depend on would take minutes to read
    skipped = "ray torch sqlalchemy pydantic plotly sklearn scipy typer rich PIL optuna"
    sections = "".join(f"[mypy-{name}.*]\nfollow_imports = skip\n" for name in skipped.split())
    config = tmp_path / "mypy.ini"
    config.write_text(f"[mypy]\nmypy_path = {Path(reinas.__file__).parents[1]}\n{sections}")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", str(config), str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    errors = [line for line in done.stdout.splitlines() if "error" in line and "program" in line]
    lines = program.read_text().splitlines()
    wrong = [lines[int(error.split(":")[1]) - 1].split(":")[0].strip() for error in errors]
    assert list(dict.fromkeys(wrong)) == ["wrong", "word", "never_none", "nets"], done.stdout
    assert 'expression has type "int", variable has type "str"' in errors[0]
