"""A found network as ONNX, and as a program of torch.export: both run without reinas."""

import importlib.util
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reinas.errors import FileError, InvalidSettingError, SettingError
from reinas.export.network import FoundNetwork
from reinas.export.portable import Traced, traced

DESCRIPTION = "network.json"
TOLERANCE = 1e-3
"""Outputs may differ by this share of their spread before an export is refused."""


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Args:
        path: The file.
        difference: The largest difference of its outputs from the network's, over a random batch
            of another size than was traced; None where nothing here can run the file.
    """

    path: Path
    difference: float | None


def export_onnx(network: FoundNetwork, path: str | Path, *, window: int | None = None) -> Exported:
    """Write a network as ONNX, which other runtimes and languages run.

    It takes raw examples, with a free batch size; the standardisation is inside. The file's
    metadata say what it is: `network.json` is the whole description (class names, columns and
    their encoding, objective), `classes` a JSON list. Needs the extra `onnx`. Where onnxruntime is
    installed the file is run and compared.

    Args:
        network: The network.
        path: The file.
        window: For language models: how many tokens are read at once, from zero states. None:
            the file is one step, with states as inputs and outputs.

    Returns:
        The file, and how far it is from the network.

    Raises:
        SettingError: The packages are missing, or the network has what ONNX cannot express.
        FileError: The file cannot be written.
    """
    _need("onnx", "onnxscript")
    parts = _parts(network, window, is_portable=True)
    with _quiet():
        try:
            program: Any = torch.onnx.export(
                parts.module,
                parts.inputs,
                dynamo=True,
                dynamic_shapes=parts.dynamic_shapes,
                input_names=parts.input_names,
                output_names=parts.output_names,
                verbose=False,
            )
        except Exception as error:  # torch has a dozen kinds, none of which is public
            raise _refused("ONNX", error) from error
    program.model.metadata_props.update(_metadata(network))
    _write(Path(path), program.save)
    return Exported(Path(path), _compared(parts, _onnx_outputs(Path(path))))


def export_pt2(network: FoundNetwork, path: str | Path, *, window: int | None = None) -> Exported:
    """Write a network as a program of torch.export: `torch.export.load(path).module()` runs it.

    Such a file needs PyTorch and nothing else. It takes raw examples, with a free batch size.

    Args:
        network: The network.
        path: The file, usually called .pt2.
        window: As in `export_onnx`.

    Returns:
        The file, and how far it is from the network.

    Raises:
        SettingError: The network has what torch.export cannot express.
        FileError: The file cannot be written.
    """
    parts = _parts(network, window, is_portable=False)
    with _quiet():
        try:
            program = torch.export.export(
                parts.module, parts.inputs, dynamic_shapes=parts.dynamic_shapes
            )
        except Exception as error:  # torch has a dozen kinds, none of which is public
            raise _refused("torch.export", error) from error
        _write(
            Path(path),
            lambda file: torch.export.save(
                program, file, extra_files={DESCRIPTION: json.dumps(network.description)}
            ),
        )
        run = torch.export.load(Path(path)).module()
        return Exported(Path(path), _compared(parts, lambda inputs: _listed(run(*inputs))))


def _parts(network: FoundNetwork, window: int | None, *, is_portable: bool) -> Traced:
    if window is not None and not network.objective.tokens:
        raise InvalidSettingError("window", "is for language models: leave it out")
    if window is not None and window < 1:
        raise InvalidSettingError("window", f"must be at least 1, got {window}")
    return traced(network, window=window, is_portable=is_portable)


def _need(*packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingError(
            f"ONNX needs {' and '.join(missing)}: install them with `pip install 'reinas[onnx]'`"
        )


def _refused(what: str, error: Exception) -> SettingError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    why = lines[-1] if lines else type(error).__name__
    return SettingError(f"this network cannot be exported by {what}: {why}")


@contextmanager
def _quiet() -> Iterator[None]:
    """No remarks of torch about what it lacks and what it will change."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _metadata(network: FoundNetwork) -> dict[str, str]:
    return {
        DESCRIPTION: json.dumps(network.description),
        "classes": json.dumps(list(network.classes)),
        "summary": str(network.description["summary"]),
    }


def _write(path: Path, write: Any) -> None:
    """Write a file whole or not at all."""
    if not path.absolute().parent.is_dir():
        raise FileError(f"{path} cannot be written: there is no such folder")
    draft = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        write(draft)
        os.replace(draft, path)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _onnx_outputs(path: Path) -> Any:
    """What runs a file: inputs -> outputs; None where onnxruntime is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]

    def run(inputs: tuple[Tensor, ...]) -> list[Tensor]:
        given = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
        return [torch.from_numpy(y) for y in session.run(None, given)]

    return run


def _compared(parts: Traced, run: Any) -> float | None:
    """The largest difference between both, on random inputs of another batch size."""
    if run is None:
        return None
    inputs = _random_inputs(parts)
    with torch.no_grad():
        expected = _listed(parts.module(*inputs))
        found = run(inputs)
    pairs = list(zip(expected, found, strict=True))
    difference = max(float((a - b).abs().max()) for a, b in pairs)
    spread = max(float(a.abs().max()) for a, _ in pairs)
    if not difference <= TOLERANCE * max(spread, 1e-6):
        raise SettingError(
            f"the exported file differs from the network by {difference:.3g}, where outputs are up"
            f" to {spread:.3g}: it is not to be trusted"
        )
    return difference


def _random_inputs(parts: Traced) -> tuple[Tensor, ...]:
    """Inputs of a batch of 5: tokens, bytes, or standard normal numbers."""
    generator = torch.Generator().manual_seed(0)
    result = []
    for example, axis in zip(parts.inputs, parts.batch_axes, strict=True):
        shape = [5 if n == axis else size for n, size in enumerate(example.shape)]
        if example.dtype == torch.float32:
            result.append(torch.randn(shape, generator=generator))
        else:
            most = parts.vocabulary if example.dtype == torch.int64 else 256
            drawn = torch.randint(most, shape, generator=generator)
            result.append(drawn.to(example.dtype))
    return tuple(result)


def _listed(outputs: Any) -> list[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)
