"""Saved networks: what comes back, and what damaged or foreign files do (nothing)."""

import json
import pickle
import shutil
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from reinas import (
    Choice,
    ConvSpace,
    Digits,
    FoundNetwork,
    MlpSpace,
    TabularSpace,
    Wine,
    build,
    load,
)
from reinas.errors import FileError
from reinas.export.saved import describe, save
from reinas.spaces.base import AbstractSpace
from reinas.spaces.mlp import MlpArchitecture, MlpLayer
from reinas.tasks.scaling import Scaling

SPACE = MlpSpace(depth=2, widths=(4, 8))


def network(space=SPACE, task=None, seed=0):
    """An untrained network of random answers, with statistics that are no round numbers."""
    task = task or Wine()
    torch.manual_seed(seed)
    answers = space.sample(1, seed)[0]
    child = build(space.decode(answers), task)
    for key, value in child.state_dict().items():
        if "running" in key:
            value.copy_(torch.rand(value.shape) + 0.5)
    rng = np.random.default_rng(seed)
    shape = (task.inputs[0], 1, 1) if len(task.inputs) == 3 else task.inputs
    mean, std = (rng.uniform(1, 2, shape).astype(np.float32) for _ in range(2))
    targets = Scaling(np.full(1, 3.0, np.float32), np.full(1, 2.0, np.float32))
    return FoundNetwork(child, Scaling(mean, std), targets, describe(space, answers, task))


@pytest.fixture
def folder(tmp_path):
    save(network(), tmp_path / "net")
    return tmp_path / "net"


@pytest.mark.parametrize(
    ("space", "task"),
    [(SPACE, Wine()), (ConvSpace(depth=3, filters=(2, 3), strides=(1, 2)), Digits())],
)
def test_a_loaded_network_is_the_saved_one(space, task, tmp_path):
    """Bit for bit the same outputs on raw examples, and the same description."""
    one = network(space, task).eval()
    save(one, tmp_path)
    two = load(tmp_path)
    x = torch.from_numpy(task.test().x[:9])
    assert torch.equal(one(x), two(x))
    assert two.description == json.loads(json.dumps(one.description))


def test_a_network_takes_raw_examples_and_gives_the_targets_unit():
    """child((x - mean) / std) * 2 + 3."""
    found = network()
    x = torch.rand(5, 13)
    inner = found.child((x - found.input_mean) / found.input_std)
    torch.testing.assert_close(found(x), inner * 2 + 3)


def quantile_network():
    """With inputs made normal by their quantiles, one of them a flag and one constant."""
    rng = np.random.default_rng(0)
    x = rng.standard_cauchy((400, 13)).astype(np.float32)
    x[:, 3], x[:, 7] = rng.integers(0, 2, 400), 5
    x[:, 9] = rng.poisson(3, 400)
    space, task = TabularSpace(bins=(8,), widths=(8,)), Wine()
    answers = space.sample(1, 0)[0]
    child, scaling = build(space.decode(answers), task), Scaling.quantile(x)
    about = describe(space, answers, task)
    return FoundNetwork(child, scaling, Scaling.none(), about).eval(), scaling, x


def test_quantiles_on_tensors_are_those_on_arrays():
    """In training and beyond: within 1e-5 of what NumPy gives."""
    found, scaling, x = quantile_network()
    found.child = torch.nn.Identity()
    for values in (x, x * 1.01 + 0.1, x * 100):
        np.testing.assert_allclose(found(torch.from_numpy(values)), scaling(values), atol=1e-5)


def test_a_network_with_quantiles_is_loaded_as_it_was_saved(tmp_path):
    """Bit for bit the same outputs; examples by themselves, too."""
    found, _, x = quantile_network()
    save(found, tmp_path)
    rows = torch.from_numpy(x[:30])
    assert torch.equal(load(tmp_path)(rows), found(rows))
    torch.testing.assert_close(load(tmp_path)(rows[:1]), found(rows)[:1])


@pytest.mark.parametrize("shape", [(1, 13), (5, 12), (13,)])
def test_quantiles_of_another_shape_are_refused(shape, tmp_path):
    """One alone, for another table, or without an axis."""
    save(quantile_network()[0], tmp_path)
    weights(lambda w: w.update(input_quantiles=torch.zeros(shape)))(tmp_path)
    with pytest.raises(FileError):
        load(tmp_path)


def test_a_loaded_network_is_in_evaluation_mode(tmp_path):
    """An example's output does not depend on those beside it, and statistics stay."""
    save(network(ConvSpace(depth=2, filters=(2,)), Digits()), tmp_path)
    found = load(str(tmp_path))
    assert not any(m.training for m in found.modules())
    x = torch.from_numpy(Digits().test().x[:6])
    before = {k: v.clone() for k, v in found.state_dict().items()}
    torch.testing.assert_close(found(x)[:1], found(x[:1]))
    assert all(torch.equal(v, before[k]) for k, v in found.state_dict().items())


def test_loading_leaves_the_global_generator_alone(folder):
    """Reading a file is not a draw."""
    before = torch.get_rng_state()
    load(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_saving_again_replaces_both_files(folder):
    """And leaves nothing else behind."""
    save(network(seed=5), folder)
    x = torch.rand(4, 13)
    assert torch.equal(load(folder)(x), network(seed=5).eval()(x))
    assert sorted(p.name for p in folder.iterdir()) == ["network.json", "weights.safetensors"]


def test_a_folder_that_is_a_file_cannot_be_written(tmp_path):
    """A FileError that names it."""
    (tmp_path / "net").write_text("")
    with pytest.raises(FileError, match=r"cannot be written to .*net"):
        save(network(), tmp_path / "net")


# ---- damage --------------------------------------------------------------------------------------


def description(change):
    """Damage: network.json as `change` leaves it."""

    def damage(folder):
        path = folder / "network.json"
        said = json.loads(path.read_text())
        result = change(said)
        path.write_text(json.dumps(said if result is None else result))

    return damage


def put(*keys, value):
    """Damage: one value of network.json."""

    def change(said):
        for key in keys[:-1]:
            said = said[key]
        said[keys[-1]] = value

    return description(change)


def weights(change):
    """Damage: the weights as `change` leaves them."""

    def damage(folder):
        path = folder / "weights.safetensors"
        numbers = {k: v.clone() for k, v in load_file(path).items()}
        change(numbers)
        save_file(numbers, path)

    return damage


def raw(name, text):
    """Damage: other bytes in a file."""
    return lambda folder: (folder / name).write_bytes(text)


DAMAGES = {
    "no folder": shutil.rmtree,
    "no description": lambda f: (f / "network.json").unlink(),
    "no weights": lambda f: (f / "weights.safetensors").unlink(),
    "empty description": raw("network.json", b""),
    "half a description": lambda f: (f / "network.json").write_text(
        (f / "network.json").read_text()[:200]
    ),
    "not text": raw("network.json", b"\xff\xfe\x00\x01" * 9),
    "brackets without end": raw("network.json", b"[" * 100_000),
    "a list": description(lambda said: [said]),
    "a number": description(lambda said: 1),
    "null": raw("network.json", b"null"),
    "no format": description(lambda said: said.pop("format") and None),
    "another format": put("format", value=99),
    "format as text": put("format", value="1"),
    "no space": description(lambda said: said.pop("space") and None),
    "a space that is text": put("space", value="mlp"),
    "a space that is a list": put("space", value=["mlp"]),
    "a space that is null": put("space", value=None),
    "a space without a name": put("space", value={}),
    "an unknown space": put("space", "name", value="graph"),
    "a space with a numeric name": put("space", "name", value=3),
    "a space with an unknown parameter": put("space", "height", value=3),
    "a space with a bad parameter": put("space", "depth", value="deep"),
    "a space out of range": put("space", "depth", value=0),
    "widths of nothing": put("space", "widths", value=[]),
    "no answers": description(lambda said: said.pop("answers") and None),
    "answers that are null": put("answers", value=None),
    "answers that are text": put("answers", value="0000"),
    "answers that are fractions": put("answers", value=[0.5] * 5),
    "answers that are whole fractions": put("answers", value=[1.0, 1.0, 1.0, 1.0, 1.0]),
    "too few answers": put("answers", value=[1]),
    "answers out of range": put("answers", value=[99] * 5),
    "no task": description(lambda said: said.pop("task") and None),
    "a task that is text": put("task", value="wine"),
    "inputs that are a number": put("task", "inputs", value=13),
    "inputs that are text": put("task", "inputs", value=["a"]),
    "inputs below zero": put("task", "inputs", value=[-13]),
    "other inputs": put("task", "inputs", value=[12]),
    "outputs that are text": put("task", "outputs", value="3"),
    "outputs below zero": put("task", "outputs", value=-3),
    "other outputs": put("task", "outputs", value=4),
    "huge outputs": put("task", "outputs", value=10**30),
    "large outputs": put("task", "outputs", value=10**14),
    "empty weights": raw("weights.safetensors", b""),
    "short weights": lambda f: (f / "weights.safetensors").write_bytes(
        (f / "weights.safetensors").read_bytes()[:-9]
    ),
    "no safetensors": raw("weights.safetensors", b"PK\x03\x04 something else entirely"),
    "a weight too few": weights(lambda w: w.pop("child.1.weight")),
    "a weight too many": weights(lambda w: w.update(more=torch.ones(2))),
    "a weight of another shape": weights(lambda w: w.update({"child.1.bias": torch.ones(99)})),
    "no standardisation": weights(lambda w: w.pop("input_mean")),
    "means for other inputs": weights(lambda w: w.update(input_mean=torch.ones(5))),
    "deviations for other outputs": weights(lambda w: w.update(target_std=torch.ones(7))),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files_are_refused_in_one_clear_line(name, folder):
    """A FileError that names the folder and ends a sentence; never another exception."""
    DAMAGES[name](folder)
    with pytest.raises(FileError) as caught:
        load(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert "\n" not in message
    assert not message.rstrip().endswith(":")


def test_a_missing_network_says_what_would_write_it(tmp_path):
    """`reinas finish`."""
    with pytest.raises(FileError, match=r"network\.json cannot be read.*`reinas finish`"):
        load(tmp_path)


def test_another_format_says_which_is_read(folder):
    """A network of a later reinas is told from a damaged one."""
    DAMAGES["another format"](folder)
    with pytest.raises(FileError, match="not a network of format 3"):
        load(folder)


class Bomb:
    """Sets a flag when it is unpickled."""

    exploded: ClassVar[list[int]] = []

    def __reduce__(self):
        return self.exploded.append, (1,)


def test_nothing_is_unpickled(folder, monkeypatch):
    """Loading works without pickle, and a pickle in the place of the weights is only refused."""

    def no(*_, **__):
        raise AssertionError("pickle was used")

    with monkeypatch.context() as patch:
        for name in ("load", "loads", "Unpickler"):
            patch.setattr(pickle, name, no)
        patch.setattr(torch, "load", no)
        load(folder)
    payload = pickle.dumps(Bomb())
    for name in ("weights.safetensors", "network.json"):
        (folder / name).write_bytes(payload)
        with pytest.raises(FileError):
            load(folder)
    torch.save(Bomb(), folder / "weights.safetensors")
    with pytest.raises(FileError):
        load(folder)
    assert Bomb.exploded == []


# ---- one's own space -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Mine(AbstractSpace):
    """A space that only its author's script knows."""

    widths: tuple[int, ...] = (3, 6)
    name: ClassVar[str] = "mine"

    @property
    def decisions(self):
        return (Choice("width", "width", self.widths),)

    def decode(self, answers):
        self.check(answers)
        return MlpArchitecture((MlpLayer(self.widths[answers[0]], "relu"),))

    def encode(self, architecture):
        return (self.widths.index(architecture.layers[0].width),)


def test_a_network_of_ones_own_space_is_loaded_by_the_spaces_name(tmp_path):
    """Or with the space itself."""
    one = network(Mine()).eval()
    save(one, tmp_path)
    x = torch.rand(4, 13)
    assert torch.equal(load(tmp_path, space=Mine())(x), one(x))
    assert torch.equal(load(tmp_path)(x), one(x))


def test_a_space_that_means_another_network_is_refused(tmp_path):
    """The answers would decode to other widths than those that were saved."""
    save(network(Mine()), tmp_path)
    with pytest.raises(FileError):
        load(tmp_path, space=Mine(widths=(4, 7)))


@dataclass(frozen=True)
class Turned(Mine):
    """The same widths, but another activation: the weights fit, the network is another."""

    def decode(self, answers):
        self.check(answers)
        return MlpArchitecture((MlpLayer(self.widths[answers[0]], "tanh"),))


def test_a_space_that_means_another_activation_is_refused(tmp_path):
    """network.json has the architecture: it must be the one that the answers mean."""
    save(network(Mine()), tmp_path)
    with pytest.raises(FileError):
        load(tmp_path, space=Turned())
