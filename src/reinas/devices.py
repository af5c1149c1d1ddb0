"""Where networks train and compute, and with which numbers."""

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
        """What differs from the CPU with float32; these change results.

        The number of a device is not among them: `cuda:1` is recorded as `cuda`.
        """
        default = type(self)()
        return {k: v for k, v in self.everything.items() if v != getattr(default, k)}

    @property
    def everything(self) -> dict[str, Any]:
        """Type of device, precision, and whether networks are compiled."""
        kind = self.device.partition(":")[0]
        return {"device": kind, "precision": self.precision, "compile": self.compile}

    def resolved(self) -> "Placement":
        """The same with the device and precision that `auto` stands for on this machine.

        Raises:
            InvalidSettingError: There is no such device here, or it lacks the precision.
        """
        if self == type(self)():
            return self
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

    def here(self) -> "Placement":
        """The same on the device that belongs to this worker process.

        Worker `i` of those that `Processes` starts has device `i` modulo the number of devices. A
        device with a number of its own stays, and so does everything where workers have no
        numbers: Ray shows each child its own devices only.
        """
        if not _worker or self.device == "cpu" or ":" in self.device:
            return self
        return replace(self, device=f"{self.device}:{_worker['number'] % count(self.device)}")

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
    found = _count(device.type)
    if (device.index or 0) >= found:
        number = f"{found} of that type" if found else "none of that type"
        raise InvalidSettingError(
            "device", f"{name} is not on this machine: torch finds {number}; auto takes what is"
        )
    return device


def _count(kind: str) -> int:
    """How many devices of a type there are."""
    import torch

    module: Any = getattr(torch, kind, None)
    return module.device_count() if module is not None and module.is_available() else 0


def count(device: str) -> int:
    """How many devices a resolved name stands for: all of its type, or the one with its number."""
    return 1 if ":" in device or device == "cpu" else _count(device)


_worker: dict[str, int] = {}


def number_worker(number: int) -> None:
    """Give this worker process its number, from 0 on, by which `Placement.here` decides."""
    _worker["number"] = number


def synchronize(device: "torch.device") -> None:
    """Wait until a device has computed everything that it was given."""
    import torch

    if device.type != "cpu":
        module: Any = torch.get_device_module(device)
        # the one of MPS takes no device
        module.synchronize() if device.type == "mps" else module.synchronize(device)


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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch says that a device has no memory left."""
    import torch

    # MPS raises a plain RuntimeError
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "out of memory" in str(error)
    )


def free_memory(device: "torch.device") -> None:
    """Give memory that torch keeps for later back to a device."""
    import torch

    if hasattr(module := torch.get_device_module(device), "empty_cache"):
        module.empty_cache()
