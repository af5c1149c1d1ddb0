"""Where networks train: what is recorded, what is refused, which worker has which device."""

import pytest
import torch

from reinas import Placement, devices
from reinas.devices import (
    count,
    is_out_of_memory,
    number_worker,
    random_state,
    restore_random_state,
)
from reinas.errors import InvalidSettingError

CPU = torch.device("cpu")


@pytest.fixture
def cards(monkeypatch):
    """A machine with three GPUs, as far as torch is asked."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(devices, "_worker", {})


def test_the_cpu_with_float32_is_not_recorded():
    """So that a search on the CPU has the settings that it always had."""
    assert Placement().settings == {}
    assert Placement().resolved() == Placement()


def test_the_number_of_a_device_is_not_recorded():
    """Which of several equal ones a child trained on changes nothing."""
    assert Placement("cuda:1", "bfloat16").settings == {"device": "cuda", "precision": "bfloat16"}
    assert Placement(compile=True).settings == {"compile": True}


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps"])
def test_a_device_that_is_not_there_is_one_sentence(name):
    """With what torch finds instead."""
    with pytest.raises(InvalidSettingError, match=f"{name} is not on this machine: torch finds"):
        Placement(name).resolved()


def test_a_number_too_many_is_refused(cards):
    """Devices are counted from 0."""
    assert Placement("cuda:2").resolved().device == "cuda:2"
    with pytest.raises(InvalidSettingError, match="torch finds 3 of that type"):
        Placement("cuda:3").resolved()


def test_a_name_that_is_none_is_refused():
    """The sentence has those that are."""
    with pytest.raises(InvalidSettingError, match="should be auto, cpu, cuda, cuda:N or mps"):
        Placement("gpu").resolved()


def test_a_name_without_a_number_counts_for_all_of_its_type(cards):
    """A name with a number counts for one."""
    assert [count(name) for name in ("cpu", "cuda", "cuda:1")] == [1, 3, 1]


def test_workers_share_out_the_devices(cards):
    """Worker i has device i modulo their number; a number that was given stays."""
    assert Placement("cuda").here().device == "cuda"  # no worker: torch's own choice
    found = []
    for number in range(5):
        number_worker(number)
        found.append(Placement("cuda").here().device)
    assert found == ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]
    assert Placement("cuda:2").here().device == "cuda:2"
    assert Placement().here().device == "cpu"


def test_errors_about_memory_are_recognised():
    """CUDA's, and the plain error of MPS; no others."""
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(ValueError("out of memory"))


@pytest.fixture
def no_accelerator(monkeypatch):
    """As on a machine that has none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_, **__: None)


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


def test_the_random_state_is_put_back():
    """The numbers drawn after it are those that were drawn before."""
    torch.manual_seed(1)
    states = random_state(CPU)
    first = torch.rand(3)
    restore_random_state(CPU, states)
    assert torch.equal(torch.rand(3), first)
