"""Every kind of network on a device that refuses what belongs elsewhere."""

import pytest
from benchmarks.device_check import KINDS, check

import stand_in_device


@pytest.fixture
def device():
    with stand_in_device.present() as device:
        yield device


@pytest.mark.parametrize("name", KINDS)
def test_it_trains_is_finished_saved_loaded_and_predicts(name, device, tmp_path):
    """With every part of the training loop; the loss is near the CPU's, predictions its own."""
    check(name, device.type, tmp_path, count=60)
