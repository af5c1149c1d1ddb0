"""Drawings of networks of blocks: stages for images and series, tables, LSTM language models."""

import math
from collections.abc import Iterator

from reinas.report.drawing import Box, column, counted, draw
from reinas.spaces.conv_architecture import same
from reinas.spaces.lstm import LstmArchitecture
from reinas.spaces.stages import RESIDUAL, Stage, StagesArchitecture, squeezed_units
from reinas.spaces.tabular import FREQUENCIES, NONE, PIECEWISE, TabularArchitecture
from reinas.tasks.base import Interface

Cost = tuple[int, int]
"""Parameters, multiply-adds for one example."""


def _sum(*costs: Cost) -> Cost:
    return sum(p for p, _ in costs), sum(m for _, m in costs)


def _linear(inputs: int, outputs: int) -> Cost:
    return (inputs + 1) * outputs, inputs * outputs


# ---- stages --------------------------------------------------------------------------------------


@draw.register
def _(architecture: StagesArchitecture, task: Interface) -> str:
    """Draw a box per block; an arc around a block is its shortcut."""
    channels, *sizes = task.inputs
    first = " × ".join(map(str, task.inputs))
    boxes = [Box("image" if architecture.dimensions == 2 else "series", first, "the input", True)]
    sizes = [same(size, architecture.stem) for size in sizes]
    kernel = architecture.stem_kernel
    cost = _convolution(channels, architecture.width, kernel, sizes)
    stride = "" if architecture.stem == 1 else f", stride {architecture.stem}"
    label = f"stem: {_filter(kernel, sizes)}, {architecture.width} filters{stride}"
    boxes.append(_block("stem", label, architecture.width, sizes, cost))
    links = [(0, 1)]
    channels = architecture.width
    for number, stage in enumerate(architecture.stages, 1):
        for place in range(stage.depth):
            stride_here = 2 if number > 1 and not place else 1
            inner = sizes
            sizes = [same(size, stride_here) for size in sizes]
            cost = _block_cost(stage, channels, inner, sizes)
            shortcut = stage.block == RESIDUAL or (stride_here == 1 and channels == stage.width)
            channels = stage.width
            name = f"stage {number}, block {place + 1}"
            boxes.append(_block(name, _stage_words(number, stage, sizes), channels, sizes, cost))
            here = len(boxes) - 1
            links.append((here - 1, here))
            if shortcut:
                links.append((here - 1, here + 1))
    hover = (
        f"global average pooling and a linear layer, {counted(*_linear(channels, task.outputs))}"
    )
    label = f"classifier: {task.outputs} outputs"
    boxes.append(Box(label, f"mean of {channels} channels", hover, end=True))
    links.append((len(boxes) - 2, len(boxes) - 1))
    return column(boxes, links, "network of stages")


def _block(name: str, label: str, channels: int, sizes: list[int], cost: Cost) -> Box:
    size = " × ".join(map(str, (channels, *sizes)))
    return Box(label, size, f"{name}: {size} out, {counted(*cost)}")


def _stage_words(number: int, stage: Stage, sizes: list[int]) -> str:
    expansion = "" if stage.block == RESIDUAL else f" × {stage.expansion}"
    squeeze = " + squeeze" if stage.squeeze else ""
    return f"{number}: {stage.block}{expansion}, {_filter(stage.kernel, sizes)}{squeeze}"


def _filter(kernel: int, sizes: list[int]) -> str:
    return " × ".join([str(kernel)] * len(sizes))


def _convolution(channels: int, filters: int, kernel: int, sizes: list[int]) -> Cost:
    """A convolution without bias, and batch normalisation."""
    weights = kernel ** len(sizes) * channels * filters
    return weights + 2 * filters, weights * math.prod(sizes)


def _block_cost(stage: Stage, channels: int, before: list[int], sizes: list[int]) -> Cost:
    width, kernel = stage.width, stage.kernel
    if stage.block == RESIDUAL:
        parts = [
            _convolution(channels, width, kernel, sizes),
            _convolution(width, width, kernel, sizes),
        ]
        if channels != width or before != sizes:
            parts.append(_convolution(channels, width, 1, sizes))
        squeezed = width
    else:
        squeezed = inner = channels * stage.expansion
        parts = [
            _convolution(channels, inner, 1, before),
            _convolution(1, inner, kernel, sizes),  # each channel by itself
            _convolution(inner, width, 1, sizes),
        ]
    if stage.squeeze:
        units = squeezed_units(squeezed)
        parts += [_linear(squeezed, units), _linear(units, squeezed)]
    return _sum(*parts)


# ---- tables --------------------------------------------------------------------------------------


@draw.register
def _(architecture: TabularArchitecture, task: Interface) -> str:
    """Draw the embedding, and a box per block with its shortcut as an arc."""
    (columns,) = task.inputs
    flags = len(getattr(task, "flags", ()))
    boxes = [Box("row", f"{columns} columns", "the input", True)]
    size = 1 if architecture.embedding == NONE else architecture.size
    if architecture.embedding != NONE:
        boxes.append(_embedding(architecture, columns - flags))
    width = architecture.width
    entered = (columns - flags) * size + flags
    boxes.append(_dense("linear", entered, width))
    links = [(n, n + 1) for n in range(len(boxes) - 1)]
    norm = 0 if architecture.normalisation == "none" else 2 * width
    inner = width * architecture.factor
    cost = _sum((norm, 0), _linear(width, inner), _linear(inner, width))
    for number in range(1, architecture.blocks + 1):
        label = f"{number}: residual, {inner} units inside"
        detail = " ".join(_block_details(architecture)) or f"{width} units"
        boxes.append(Box(label, detail, f"block {number}: {width} units out, {counted(*cost)}"))
        here = len(boxes) - 1
        links += [(here - 1, here), (here - 1, here + 1)]
    cost = _sum((norm, 0), _linear(width, task.outputs))
    hover = f"ReLU and a linear layer, {counted(*cost)}"
    boxes.append(Box(f"output: {task.outputs} numbers", f"of {width} units", hover, end=True))
    links.append((len(boxes) - 2, len(boxes) - 1))
    return column(boxes, links, "residual network for tables")


def _block_details(architecture: TabularArchitecture) -> Iterator[str]:
    if architecture.normalisation != "none":
        yield f"{architecture.normalisation} normalisation"
    if architecture.dropout:
        yield f"dropout {architecture.dropout:g}"


def _embedding(architecture: TabularArchitecture, columns: int) -> Box:
    size = architecture.size
    if architecture.embedding == PIECEWISE:
        numbers, own, what = architecture.bins, 0, f"{architecture.bins} bins"
    else:
        numbers, own, what = 2 * FREQUENCIES, FREQUENCIES, f"{FREQUENCIES} frequencies"
    weights = columns * numbers * size
    cost = (weights + columns * (size + own), weights)
    hover = f"each of {columns} columns becomes {size} numbers, {counted(*cost)}"
    return Box(f"{architecture.embedding} embedding", f"{what}, then {size} numbers each", hover)


def _dense(name: str, inputs: int, outputs: int) -> Box:
    return Box(
        f"{name}: {outputs} units",
        f"of {inputs:,} numbers",
        f"a linear layer, {counted(*_linear(inputs, outputs))}",
    )


# ---- language models -----------------------------------------------------------------------------


@draw.register
def _(architecture: LstmArchitecture, task: Interface) -> str:
    """Draw the embedding, the layers and the softmax."""
    width, words = architecture.width, task.outputs
    hover = f"a table of {words:,} words, {counted(words * width, 0)}"
    boxes = [
        Box("token", f"one of {words:,}", "the input", True),
        Box("embedding", f"{width} numbers", hover),
    ]
    for number in range(1, architecture.layers + 1):
        weights = 8 * width * width
        cost = counted(weights + 8 * width, weights)
        boxes.append(Box(f"{number}: LSTM, {width} units", "", f"layer {number}: {cost} per token"))
    own = 0 if architecture.tied else words * width
    cost = counted(own + words, words * width)
    detail = "weights of the embedding" if architecture.tied else "weights of its own"
    boxes.append(Box(f"softmax: {words:,} tokens", detail, f"{cost} per token", end=True))
    links = [(n, n + 1) for n in range(len(boxes) - 1)]
    return column(boxes, links, "LSTM language model")
