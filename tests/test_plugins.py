"""Other people's parts by name: what is found, and what is refused before it is called."""

import json
import sys

import pytest

from reinas import BayesianSearch, ConvSpace, Digits, MlpSpace, Serial
from reinas.cli.catalogue import spaces
from reinas.errors import InvalidSettingError
from reinas.names import is_importable, object_name
from reinas.plugins import _entry_points, load_object
from reinas.recorded import settings_of
from reinas.registry import find, make, names

MODULE = """
from dataclasses import dataclass

from typing import TYPE_CHECKING

import numpy

import reinas
from reinas import AbstractSpace, Digits, MlpSpace, RandomSearch, Serial

if TYPE_CHECKING:
    from nowhere import Unknown


@dataclass(frozen=True)
class Wide(MlpSpace):
    widths: tuple[int, ...] = (64, 128)


class Lucky(RandomSearch):
    pass


class Half(AbstractSpace):
    pass


class Bound(RandomSearch):
    def __init__(self):
        pass


class Elsewhere(RandomSearch):
    def __init__(self, space, start: "Unknown" = 2):
        super().__init__(space)
        self.start = start


class Flexible(RandomSearch):
    def __init__(self, space, start: AbstractSpace, *rest, **more):
        super().__init__(space)
        self.start = start


@dataclass(frozen=True)
class Declared:
    width: int = reinas.choice(1, 2)


@dataclass(frozen=True)
class Undeclared:
    width: int = 3


class Outer:
    class Inner(Serial):
        pass


ready = MlpSpace(depth=1)
learned = RandomSearch(ready)
digits = Digits()
number = 7
called = []


def halves(rows: int = 30) -> reinas.ArrayTask:
    return reinas.ArrayTask(numpy.eye(rows, 4), numpy.arange(rows) % 2, name="wine")


arrays = reinas.ArrayTask(numpy.eye(30, 4), numpy.arange(30) % 2)


def small(depth: int = 2) -> MlpSpace:
    return MlpSpace(depth=depth, widths=(2, 4))


def unsaid(depth=2):
    called.append(depth)


def unknown(depth=2) -> "Unknown":
    called.append(depth)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The module `own_parts`, as it lies on somebody's path."""
    (tmp_path / "own_parts.py").write_text(MODULE)
    (tmp_path / "program_parts.py").write_text("raise SystemExit('usage: ...')")
    (tmp_path / "broken_parts.py").write_text("raise RuntimeError('half finished')")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("own_parts", "broken_parts", "program_parts"):
        sys.modules.pop(name, None)


def test_a_class_is_made_with_its_settings(own):
    """Checked by its own types, and refused where they are wrong."""
    space = make("space", {"name": "own_parts:Wide", "depth": 1})
    assert (space.depth, space.widths) == (1, (64, 128))
    with pytest.raises(InvalidSettingError, match=r"space\.depth should be a valid integer"):
        make("space", {"name": "own_parts:Wide", "depth": "deep"})
    with pytest.raises(InvalidSettingError, match=r"space\.dept is not known.*depth"):
        make("space", {"name": "own_parts:Wide", "dept": 1})


def test_its_settings_make_it_again(own):
    """So a store can hold them."""
    space = make("space", {"name": "own_parts:Wide", "depth": 3})
    assert space.settings["name"] == "own_parts:Wide"
    assert make("space", space.settings) == space


def test_a_function_that_says_what_it_returns_is_called(own):
    """With its settings; one that does not say it is refused, and not called."""
    assert make("space", {"name": "own_parts:small", "depth": 3}).widths == (2, 4)
    with pytest.raises(InvalidSettingError, match="'own_parts:unsaid' is not a space"):
        make("space", {"name": "own_parts:unsaid"})
    with pytest.raises(InvalidSettingError, match="'own_parts:unknown' is not a space"):
        make("space", {"name": "own_parts:unknown"})
    assert load_object("own_parts:called") == []


def test_a_ready_object_is_taken_as_it_is(own):
    """It takes no settings but those that it has."""
    assert make("space", {"name": "own_parts:ready", "depth": 1}) == MlpSpace(depth=1)
    assert make("space", {"name": "own_parts:ready"}) == MlpSpace(depth=1)
    assert make("task", {"name": "own_parts:digits"}) == Digits()
    with pytest.raises(InvalidSettingError, match=r"space\.depth should be 2, and is 1 in own"):
        make("space", {"name": "own_parts:ready", "depth": 2})


def test_a_declared_dataclass_is_a_space(own):
    """Under its own name, so that it can be made again."""
    space = make("space", {"name": "own_parts:Declared"})
    assert (space.name, space.size) == ("declared", 2)
    assert space.settings["name"] == "own_parts:Declared"
    assert make("space", space.settings) == space


def test_what_only_its_given_name_makes_again_is_recorded_by_it(own):
    """A task of arrays, ready or made by a function, whose own name is nobody's."""
    for given, more in (
        ({"name": "own_parts:arrays"}, {}),
        ({"name": "own_parts:halves", "rows": 40}, {"rows": 40}),
        ({"name": "own_parts:halves"}, {"rows": 30}),
    ):
        task = make("task", given)
        recorded = settings_of(task)
        assert recorded == {**task.settings, **more, "name": given["name"]}
        again = make("task", json.loads(json.dumps(recorded)))
        assert (again, settings_of(again)) == (task, recorded)
    with pytest.raises(InvalidSettingError, match=r"task\.split should be 3, and is 0 in own_p"):
        make("task", {**recorded, "split": 3})
    with pytest.raises(InvalidSettingError, match=r"task\.row is not known: did you mean 'rows'"):
        make("task", {"name": "own_parts:halves", "row": 40})
    with pytest.raises(InvalidSettingError, match=r"task\.rows is not known"):
        make("task", {"name": "own_parts:arrays", "rows": 40})


def test_what_its_own_settings_make_again_is_recorded_by_those(own):
    """Then nobody needs the module."""
    for name in ("ready", "small"):
        space = make("space", {"name": f"own_parts:{name}"})
        assert settings_of(space) == space.settings
        assert space.settings["name"] == "mlp"


def test_parameters_may_be_of_any_type(own):
    """Values of classes that pydantic does not know are checked as what they are."""
    space = MlpSpace()
    settings = {"name": "own_parts:Flexible", "start": space}
    assert make("policy", settings, space=space).start is space
    with pytest.raises(InvalidSettingError, match=r"policy\.start should be an instance of"):
        make("policy", settings | {"start": 3}, space=space)
    with pytest.raises(InvalidSettingError, match=r"policy\.start has no default and is missing"):
        make("policy", {"name": "own_parts:Flexible"}, space=space)
    with pytest.raises(InvalidSettingError, match=r"policy\.more is not known"):
        make("policy", settings | {"more": 3}, space=space)


def test_types_that_only_type_checkers_see_are_not_checked(own):
    """The value is passed on as it is."""
    settings = {"name": "own_parts:Elsewhere", "start": "now"}
    assert make("policy", settings, space=MlpSpace()).start == "now"


def test_a_policy_has_to_take_its_space(own):
    """The sentence says so, before it is made."""
    with pytest.raises(InvalidSettingError, match="'own_parts:Bound' should take a parameter sp"):
        make("policy", {"name": "own_parts:Bound"}, space=MlpSpace())


def test_policies_and_executors_have_names_too(own):
    """A policy gets the space; an executor may lie within a class."""
    policy = make("policy", {"name": "own_parts:Lucky"}, space=MlpSpace())
    assert type(policy).__name__ == "Lucky"
    assert isinstance(make("executor", {"name": "own_parts:Outer.Inner"}), Serial)


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        (
            "space",
            "own_parts:number",
            "is not a space: expected a class derived from Abs",
        ),
        ("space", "own_parts:Lucky", "is not a space"),
        ("task", "own_parts:ready", "is not a task"),
        ("space", "own_parts:Nowhere", "own_parts has no Nowhere"),
        ("space", "nowhere_at_all:Space", "cannot be imported .ModuleNotFoundError"),
        ("space", "broken_parts:Space", "cannot be imported .RuntimeError: half finished"),
        ("space", "program_parts:Space", "cannot be imported .SystemExit: usage"),
        ("space", "own_parts:Half", "'own_parts:Half' is abstract: it does not define decisions"),
        ("space", "own_parts:Undeclared", "Undeclared.width is not declared"),
        ("space", "own_parts:unknown", "'own_parts:unknown' is not a space"),
        ("policy", "own_parts:learned", "is one policy for one search: name its class"),
        ("space", "reinas.cli.__main__:main", "is in a script or within a function"),
        ("space", "os:system", "is in Python's standard library"),
        ("space", "subprocess:run", "is in Python's standard library"),
        ("space", "__main__:Space", "is in a script or within a function"),
        ("space", ":Space", "should have the form module:Name"),
        ("space", "unknown", "'unknown' is not known"),
    ],
)
def test_what_is_no_such_thing_is_refused(own, kind, name, problem):
    """In one sentence, and nothing of it is called."""
    with pytest.raises(InvalidSettingError, match=problem) as caught:
        find(kind, name)
    assert caught.value.key == kind


def install(folder, package, entries):
    """What an installer leaves of a package with these entry points."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entries)


@pytest.fixture
def fresh_entry_points():
    """Installed packages are looked up once per process, but for this test."""
    _entry_points.cache_clear()
    yield
    _entry_points.cache_clear()


def test_installed_packages_offer_theirs_by_entry_points(own, tmp_path, fresh_entry_points):
    """In the groups reinas.spaces, reinas.policies, ..., beside reinas's own."""
    install(
        tmp_path,
        "own_parts",
        "[reinas.spaces]\nwide = own_parts:Wide [extra]\n"
        "[reinas.policies]\nlucky = own_parts:Lucky\n",
    )
    assert {"wide", "conv"} <= set(names("space"))
    assert make("space", {"name": "wide", "depth": 1}).settings["name"] == "own_parts:Wide"
    assert "lucky" in names("policy")
    assert "wide" not in names("policy")


def test_reinas_has_its_own_names_for_itself(own, tmp_path, fresh_entry_points):
    """A package cannot put something else in the place of `conv`."""
    install(tmp_path, "own_parts", "[reinas.spaces]\nconv = own_parts:Wide\n")
    assert find("space", "conv") is ConvSpace


def test_packages_that_disagree_about_a_name_are_listed(own, tmp_path, fresh_entry_points):
    """None of them is taken in silence."""
    install(tmp_path, "own_parts", "[reinas.spaces]\nwide = own_parts:Wide\n")
    install(tmp_path, "other_parts", "[reinas.spaces]\nwide = own_parts:Declared\n")
    with pytest.raises(InvalidSettingError, match="one of own_parts:Declared, own_parts:Wide"):
        find("space", "wide")


def test_a_broken_package_does_not_hide_the_others(own, tmp_path, fresh_entry_points, capsys):
    """`reinas spaces` lists it with the reason."""
    install(tmp_path, "own_parts", "[reinas.spaces]\nbroken = broken_parts:Space\n")
    spaces(json=True)
    listed = json.loads(capsys.readouterr().out)
    assert "RuntimeError: half finished" in listed["broken"]["summary"]
    assert listed["conv"]["parameters"]["depth"] == 6


def test_names_of_objects():
    """Of a class its own, of an object its class's; scripts and functions have none for others."""
    assert object_name(BayesianSearch) == "reinas.policies.bayes:BayesianSearch"
    assert object_name(Serial()) == "reinas.executors.serial:Serial"

    def local():
        pass

    assert not is_importable(object_name(local))
    assert load_object(object_name(object_name)) is object_name
