"""Where networks train and compute, and with which numbers."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from reinas.errors import InvalidSettingError

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a network trains, and with which numbers.

    Args:
        device: `auto` (an accelerator where there is one, else the CPU), `cpu`, `cuda`, `cuda:N`,
            `mps`, or another device type that torch knows.
        precision: What matrix products and convolutions compute with (autocast; weights stay
            float32): `float32`, `bfloat16`, `float16`, or `auto`: bfloat16 where the device
            multiplies it faster than float32.
        compile: Whether networks go through `torch.compile`, which takes a minute and pays for
            long trainings.

    Raises:
        InvalidSettingError: There is no such device here, or it lacks the precision.
    """

    device: str = "cpu"
    precision: Precision = "float32"
    compile: bool = False

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            known = ", ".join(get_args(Precision))
            raise InvalidSettingError("precision", f"is one of {known}; got {self.precision!r}")

    @property
    def settings(self) -> dict[str, Any]:
        """What differs from the CPU with float32; these change results."""
        default = type(self)()
        keys = ("device", "precision", "compile")
        return {k: v for k in keys if (v := getattr(self, k)) != getattr(default, k)}

    def resolved(self) -> "Placement":
        """The same with the device and precision that `auto` stands for on this machine.

        Raises:
            InvalidSettingError: There is no such device here, or it lacks the precision.
        """
        import torch

        device = self.device
        if device == "auto":
            accelerator = torch.accelerator.current_accelerator(check_available=True)
            device = "cpu" if accelerator is None else accelerator.type
        found = _device(device)
        precision = self.precision
        if precision == "auto":
            precision = "bfloat16" if _has_fast_bfloat16(found) else "float32"
        elif precision == "float16" and found.type == "cpu":
            raise InvalidSettingError(
                "precision", "float16 is for accelerators: take bfloat16 or float32 on the CPU"
            )
        return replace(self, device=str(found), precision=precision)

    def where(self) -> "torch.device":
        """The device as torch has it; `resolved()` has checked it."""
        import torch

        return torch.device(self.device)


CPU = Placement()
"""The default: the CPU, with float32."""


def _device(name: str) -> "torch.device":
    """A device that is there."""
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:
        raise InvalidSettingError(
            "device", f"should be auto, cpu, cuda, cuda:N or mps, got {name!r}"
        ) from None
    if device.type == "cpu":
        return torch.device("cpu")
    module: Any = getattr(torch, device.type, None)
    count = 0
    if module is not None and module.is_available():
        count = module.device_count()
    if (device.index or 0) >= count:
        found = f"{count} of that type" if count else "none of that type"
        raise InvalidSettingError("device", f"{name!r} is not here: torch finds {found}")
    return device


def _has_fast_bfloat16(device: "torch.device") -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    import torch

    if device.type == "cpu":
        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8  # Ampere and later
    return False


def random_state(device: "torch.device") -> dict[str, Any]:
    """The states of torch's global generators that a training on a device draws from."""
    import torch

    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        module: Any = torch.get_device_module(device)
        states[device.type] = module.get_rng_state(device)
    return states


def restore_random_state(device: "torch.device", states: dict[str, Any]) -> None:
    """Put the global generators back to what `random_state` gave, on the same type of device."""
    import torch

    torch.set_rng_state(states["cpu"])
    if device.type != "cpu" and device.type in states:
        module: Any = torch.get_device_module(device)
        module.set_rng_state(states[device.type], device)


@contextlib.contextmanager
def out_of_memory_explained(device: str) -> Iterator[None]:
    """Within, a device that runs out of memory raises a `MemoryError` with one sentence."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError:
        raise MemoryError(f"{device} ran out of memory") from None
