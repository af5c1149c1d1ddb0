"""A stand-in for an accelerator, `standin`: it computes on the CPU and refuses mixtures.

It is a backend of PyTorch written in Python (`PrivateUse1`). Its tensors are on another device for
all of PyTorch: autograd, optimisers, modules, generators. Every operation computes on the CPU, from
the same bytes, and raises where it gets tensors of both devices, or the CPU's generator, as CUDA
does. So a training that works here puts every tensor where it belongs.

PyTorch keeps a backend until the process ends; outside `present()` it counts as unavailable, so
that `auto` is still the CPU.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.library import Library
from torch.utils import backend_registration
from torch.utils._pytree import tree_map

NAME = "standin"
CPU_KERNELS = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)
aten = torch.ops.aten


class _Backend:
    """What PyTorch asks of the module of a device, as of `torch.cuda`."""

    def __init__(self) -> None:
        self.available = False
        self.generator = torch.Generator().manual_seed(0)
        self.calls = 0
        """How many operations the device has computed."""
        self.memory: int | None = None
        """The bytes that one tensor may have; None is no limit."""

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return self.available

    def _is_in_bad_fork(self) -> bool:
        return False

    def current_device(self) -> int:
        return 0

    def device_count(self) -> int:
        return 1

    def manual_seed_all(self, seed: int) -> None:
        self.generator.manual_seed(seed)

    def get_rng_state(self, device: Any = None) -> Tensor:
        return self.generator.get_state()

    def set_rng_state(self, state: Tensor, device: Any = None) -> None:
        self.generator.set_state(state)

    def synchronize(self, device: Any = None) -> None:
        pass

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


backend = _Backend()


@contextlib.contextmanager
def present() -> Iterator[torch.device]:
    """Within, there is such a device."""
    register()
    backend.available = True
    backend.generator.manual_seed(0)
    try:
        yield torch.device(NAME)
    finally:
        backend.available, backend.memory = False, None


@contextlib.contextmanager
def memory(size: int) -> Iterator[None]:
    """Within, a tensor of more than `size` bytes does not fit."""
    backend.memory = size
    try:
        yield
    finally:
        backend.memory = None


# ---- tensors -------------------------------------------------------------------------------------


def _like(cpu: Tensor) -> Tensor:
    """A tensor of the device with the bytes of one of the CPU."""
    storage = _storage(torch.empty(0, dtype=torch.uint8).set_(cpu.untyped_storage()))
    made = torch._C._acc.create_empty_tensor([0], cpu.dtype)
    _set(made, storage, cpu)
    return made


def _storage(content: Tensor) -> Any:
    """The device's storage of these bytes, uint8 [N], which it shares with the CPU."""
    size = content.numel()
    if backend.memory is not None and size > backend.memory:
        raise torch.OutOfMemoryError(f"{NAME} out of memory")
    made = torch._C._construct_storage_from_data_pointer(
        content.data_ptr(), torch.device(NAME, 0), size
    )
    made.content = content  # keeps the bytes as long as any tensor has the storage
    made.clone = lambda: _storage(content.clone())  # `copy.deepcopy` asks for it
    made.cpu = content.untyped_storage
    return made


def _set(x: Tensor, storage: Any, like: Tensor) -> None:
    """Give a tensor other bytes, and the shape of another."""
    aten.set_.source_Storage_storage_offset.redispatch(
        CPU_KERNELS, x, storage, like.storage_offset(), like.size(), like.stride()
    )


def _on_cpu(x: Tensor) -> Tensor:
    """A tensor of the CPU that has the same bytes."""
    content: Tensor = x.untyped_storage().content  # type: ignore[attr-defined]
    flat = torch.empty(0, dtype=x.dtype).set_(content.untyped_storage())
    return flat.as_strided(x.size(), x.stride(), x.storage_offset())


def _is_here(x: Any) -> bool:
    return isinstance(x, Tensor) and x.device.type == NAME


# ---- operations ----------------------------------------------------------------------------------


def _check(op: Any, tensors: Sequence[Tensor], kwargs: dict[str, Any]) -> None:
    devices = {x.device.type for x in tensors if x.ndim or _is_here(x)}
    if devices - {NAME}:
        raise RuntimeError(f"{op}: expected all tensors on {NAME}, got {sorted(devices)}")
    generator = kwargs.get("generator")
    if generator is not None and generator is not backend.generator:
        raise RuntimeError(f"{op}: expected a generator of {NAME}, got one of {generator.device}")


def _fallback(op: Any, *args: Any, **kwargs: Any) -> Any:
    """Compute any operation on the CPU."""
    backend.calls += 1
    found: list[Tensor] = []
    tree_map(lambda x: found.append(x) if isinstance(x, Tensor) else None, (args, kwargs))
    _check(op, found, kwargs)
    names = {argument.name for argument in op._schema.arguments}
    if "generator" in names:
        kwargs["generator"] = backend.generator
    pairs: list[tuple[Tensor, Tensor]] = []

    def lower(x: Any) -> Any:
        if _is_here(x):
            pairs.append((x, _on_cpu(x)))
            return pairs[-1][1]
        return torch.device("cpu") if isinstance(x, torch.device) else x

    args, kwargs = tree_map(lower, (args, kwargs))
    result = op(*args, **kwargs)
    for mine, cpu in pairs:
        if mine.shape != cpu.shape:  # an empty tensor for the result, which the operation resized
            _set(mine, _like(cpu).untyped_storage(), cpu)
    return tree_map(_lifted(pairs), result)


def _lifted(pairs: list[tuple[Tensor, Tensor]]) -> Callable[[Any], Any]:
    """Turns results into tensors of the device; arguments written in place are themselves."""

    def lift(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        for mine, cpu in pairs:
            if cpu is x:
                return mine
        return _like(x)

    return lift


def _cpu_kernel(op: Any, *args: Any, **kwargs: Any) -> Any:
    """A view: the CPU's kernel only makes a tensor of the same storage."""
    return op.redispatch(CPU_KERNELS, *args, **kwargs)


def _empty(size: Any, *, dtype: Any = None, memory_format: Any = None, **_: Any) -> Tensor:
    layout = memory_format or torch.contiguous_format
    return _like(torch.empty(size, dtype=dtype, memory_format=layout))


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> Tensor:
    return _like(torch.empty_strided(size, stride, dtype=dtype))


def _copy(to: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    """The one operation that takes both devices."""
    target = _on_cpu(to) if _is_here(to) else to
    target.copy_(_on_cpu(source) if _is_here(source) else source)
    return to


def _convolution(*args: Any) -> Any:
    return _fallback(aten.convolution.default, *args)


def _convolution_backward(grad: Tensor, x: Tensor, weight: Tensor, *rest: Any) -> Any:
    *settings, wanted = rest
    return _fallback(aten.convolution_backward.default, grad, x, weight, None, *settings, wanted)


VIEWS = (
    aten.as_strided.default,
    aten.view.default,
    aten._reshape_alias.default,
    aten.unfold.default,
    aten.set_.source_Storage_storage_offset,
)


@cache
def register() -> None:
    """Make PyTorch know the device; once per process."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend)
    everything = Library("_", "IMPL")
    everything.fallback(_fallback, "PrivateUse1")
    some = Library("aten", "IMPL")
    for op in VIEWS:
        some.impl(op, partial(_cpu_kernel, op), "PrivateUse1")
    some.impl("empty.memory_format", _empty, "PrivateUse1")
    some.impl("empty_strided", _empty_strided, "PrivateUse1")
    some.impl("copy_", _copy, "PrivateUse1")
    # by itself it would allocate a scalar and resize it, about which PyTorch warns
    some.impl("mse_loss", partial(_fallback, aten.mse_loss.default), "PrivateUse1")
    some.impl("convolution_overrideable", _convolution, "PrivateUse1")
    some.impl("convolution_backward_overrideable", _convolution_backward, "PrivateUse1")
    LIBRARIES.extend((everything, some))


LIBRARIES: list[Library] = []
"""Keeps the registrations alive."""
