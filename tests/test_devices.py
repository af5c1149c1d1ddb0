"""Placements, as far as a machine with nothing but a CPU can show them."""

import pickle

import pytest
import torch

from reinas import Placement, TrainedEvaluator, Wine
from reinas.devices import out_of_memory_explained, random_state, restore_random_state
from reinas.errors import InvalidSettingError

CPU = torch.device("cpu")


@pytest.fixture
def no_accelerator(monkeypatch):
    """As on a machine that has none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_, **__: None)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:3", "mps", "meta", "vulkan", "xla"])
@pytest.mark.usefixtures("no_accelerator")
def test_a_device_that_is_not_here_is_one_sentence(device):
    """With its name, and what torch finds instead."""
    with pytest.raises(InvalidSettingError) as caught:
        Placement(device).resolved()
    assert str(caught.value) == f"device '{device}' is not here: torch finds none of that type"
    assert caught.value.key == "device"


@pytest.mark.parametrize("count", [1, 2])
def test_a_number_that_no_accelerator_has_is_refused(monkeypatch, count):
    """Devices are numbered from 0, so `cuda:N` is one too many for N of them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(InvalidSettingError, match=f"torch finds {count} of that type"):
        Placement(f"cuda:{count}").resolved()
    assert Placement(f"cuda:{count - 1}", "float32").resolved().device == f"cuda:{count - 1}"


@pytest.mark.parametrize("device", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", "cpu cpu"])
def test_what_is_no_device_at_all_is_refused(device):
    """The message says what there is."""
    message = f"device should be auto, cpu, cuda, cuda:N or mps, got '{device}'"
    with pytest.raises(InvalidSettingError, match=message):
        Placement(device).resolved()


@pytest.mark.usefixtures("no_accelerator")
def test_auto_is_the_cpu_where_there_is_nothing_else():
    """And any number of the CPU is the CPU."""
    assert Placement("auto").resolved() == Placement("cpu")
    assert Placement("cpu:0").resolved() == Placement("cpu")


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({}, "float32"),
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, "float32"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
    ],
)
def test_the_precision_of_a_cpu_is_bfloat16_where_it_has_instructions(
    monkeypatch, capabilities, precision
):
    """Otherwise bfloat16 is slower than float32."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert Placement("cpu", "auto").resolved().precision == precision


def test_a_precision_that_the_cpu_lacks_is_refused():
    """The message says what to take."""
    with pytest.raises(InvalidSettingError, match="precision float16 is for accelerators: take"):
        Placement("cpu", "float16").resolved()


def test_an_unknown_precision_is_refused_at_once():
    """The message has those that there are."""
    message = "precision is one of auto, float32, bfloat16, float16; got 'half'"
    with pytest.raises(InvalidSettingError, match=message):
        Placement(precision="half")


@pytest.mark.parametrize(
    ("placement", "settings"),
    [
        (Placement(), {}),
        (Placement("cpu", "bfloat16"), {"precision": "bfloat16"}),
        (Placement("cuda:1", "float32", True), {"device": "cuda:1", "compile": True}),
    ],
)
def test_settings_are_what_differs_from_the_default(placement, settings):
    """A search on the CPU with float32 has the settings that it always had."""
    assert placement.settings == settings


def test_resolving_twice_is_resolving_once():
    """A worker may do it again."""
    once = Placement("cpu", "auto").resolved()
    assert once.resolved() == once == pickle.loads(pickle.dumps(once))


@pytest.mark.usefixtures("no_accelerator")
def test_an_evaluator_refuses_a_device_before_anything_is_trained():
    """Where it is made."""
    with pytest.raises(InvalidSettingError, match="device 'cuda' is not here"):
        TrainedEvaluator(Wine(), placement=Placement("cuda"))


def test_the_random_state_is_put_back():
    """The numbers drawn after it are those that were drawn before."""
    torch.manual_seed(1)
    states = random_state(CPU)
    first = torch.rand(3)
    restore_random_state(CPU, states)
    assert torch.equal(torch.rand(3), first)


def test_a_device_without_memory_is_a_memory_error():
    """One sentence; other errors pass."""
    with (
        pytest.raises(MemoryError, match=r"^cuda:0 ran out of memory$"),
        out_of_memory_explained("cuda:0"),
    ):
        raise torch.OutOfMemoryError("a page of numbers")
    with pytest.raises(RuntimeError, match=r"^other$"), out_of_memory_explained("cuda:0"):
        raise RuntimeError("other")
