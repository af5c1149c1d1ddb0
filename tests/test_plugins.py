"""Other people's parts by name: what is found, and what is refused before it is called."""

import sys

import pytest

from reinas import BayesianSearch, Digits, MlpSpace, Serial
from reinas.errors import InvalidSettingError
from reinas.names import is_importable, object_name
from reinas.plugins import _entry_points, load_object
from reinas.registry import find, make, names

MODULE = """
from dataclasses import dataclass

from reinas import AbstractSpace, Digits, MlpSpace, RandomSearch, Serial


@dataclass(frozen=True)
class Wide(MlpSpace):
    widths: tuple[int, ...] = (64, 128)


class Lucky(RandomSearch):
    pass


class Outer:
    class Inner(Serial):
        pass


ready = MlpSpace(depth=1)
digits = Digits()
number = 7
called = []


def small(depth: int = 2) -> MlpSpace:
    return MlpSpace(depth=depth, widths=(2, 4))


def unsaid(depth=2):
    called.append(depth)


raise_on = None
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The module `own_parts`, as it lies on somebody's path."""
    (tmp_path / "own_parts.py").write_text(MODULE)
    (tmp_path / "broken_parts.py").write_text("raise RuntimeError('half finished')")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("own_parts", "broken_parts"):
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
    with pytest.raises(InvalidSettingError, match="'own_parts:unsaid' is no space"):
        make("space", {"name": "own_parts:unsaid"})
    assert load_object("own_parts:called") == []


def test_a_ready_object_is_taken_as_it_is(own):
    """It takes no settings."""
    assert make("space", {"name": "own_parts:ready"}) == MlpSpace(depth=1)
    assert make("task", {"name": "own_parts:digits"}) == Digits()
    with pytest.raises(InvalidSettingError, match=r"space\.depth"):
        make("space", {"name": "own_parts:ready", "depth": 2})


def test_policies_and_executors_have_names_too(own):
    """A policy gets the space; an executor may lie within a class."""
    policy = make("policy", {"name": "own_parts:Lucky"}, space=MlpSpace())
    assert type(policy).__name__ == "Lucky"
    assert isinstance(make("executor", {"name": "own_parts:Outer.Inner"}), Serial)


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        ("space", "own_parts:number", "is no space: expected a class derived from AbstractSpace"),
        ("space", "own_parts:Lucky", "is no space"),
        ("task", "own_parts:ready", "is no task"),
        ("space", "own_parts:Nowhere", "own_parts has no Nowhere"),
        ("space", "nowhere_at_all:Space", "cannot be imported .ModuleNotFoundError"),
        ("space", "broken_parts:Space", "cannot be imported .RuntimeError: half finished"),
        ("space", "os:system", "is in Python's standard library"),
        ("space", "subprocess:run", "is in Python's standard library"),
        ("space", "__main__:Space", "is in a script or within a function"),
        ("space", ":Space", "should have the form module:Name"),
        ("space", "unknown", "'unknown' is not known"),
    ],
)
def test_what_is_no_such_thing_is_refused(own, kind, name, problem):
    """In one sentence, and nothing of it is called."""
    with pytest.raises(InvalidSettingError, match=problem):
        find(kind, name)


def test_installed_packages_offer_theirs_by_entry_points(own, tmp_path):
    """In the groups reinas.spaces, reinas.policies, ..., beside reinas's own."""
    info = tmp_path / "own_parts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-parts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[reinas.spaces]\nwide = own_parts:Wide\n[reinas.policies]\nlucky = own_parts:Lucky\n"
    )
    _entry_points.cache_clear()
    try:
        assert {"wide", "conv"} <= set(names("space"))
        assert make("space", {"name": "wide", "depth": 1}).settings["name"] == "own_parts:Wide"
        assert "lucky" in names("policy")
        assert "wide" not in names("policy")
    finally:
        _entry_points.cache_clear()


def test_names_of_objects():
    """Of a class its own, of an object its class's; scripts and functions have none for others."""
    assert object_name(BayesianSearch) == "reinas.policies.bayes:BayesianSearch"
    assert object_name(Serial()) == "reinas.executors.serial:Serial"

    def local():
        pass

    assert not is_importable(object_name(local))
    assert load_object(object_name(object_name)) is object_name
