"""Architectures as SVG: layers in a column, skip connections as arcs, as in figure 7."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import singledispatch
from html import escape
from typing import Any

from reinas.spaces.conv_architecture import (
    ContrastLayer,
    ConvArchitecture,
    ConvLayer,
    Layer,
    NormLayer,
    PoolLayer,
    as_image,
    shapes,
)
from reinas.spaces.mlp import MlpArchitecture
from reinas.spaces.nasbench201 import EDGES, NODES, NasBench201Architecture
from reinas.spaces.product import Assignment
from reinas.spaces.toy import ToyArchitecture
from reinas.tasks.base import Interface

WIDTH, HEIGHT, GAP, MARGIN = 250, 40, 22, 12
LONGEST_LABEL = 32  # characters that fit a box
# Every rule begins with .reinas, since a style inside an SVG applies to the whole page around it.
STYLE = """
.reinas .box rect{fill:#eef3fb;stroke:#33518a;stroke-width:1.2}
.reinas .end rect{fill:#fdf3e4;stroke:#9a6a1c}
.reinas text{font:13px system-ui,sans-serif;fill:#1b2433;text-anchor:middle}
.reinas text.small{font-size:11px;fill:#5a6579}
.reinas path{fill:none;stroke:#7b8cab;stroke-width:1.4}
.reinas path.skip{stroke:#c0563b}
.reinas marker path{fill:#7b8cab;stroke:none}
.reinas .link:hover path{stroke-width:3.5}
.reinas .box:hover rect{stroke-width:2.6}
"""

TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    ' orient="auto-start-reverse"><path d="M0 0.5 L7 4 L0 7.5 z"/></marker></defs>'
)
"""The tip of an arrow."""


@dataclass(frozen=True)
class Box:
    """One box of a drawing.

    Args:
        label: The first line of text.
        detail: The second, smaller line.
        hover: The text shown when the pointer is over the box.
        end: Whether to colour the box as an input or output.
    """

    label: str
    detail: str
    hover: str
    end: bool = False


def column(boxes: Sequence[Box], links: Sequence[tuple[int, int]], title: str) -> str:
    """Draw boxes from top to bottom, with straight arrows between neighbours and arcs elsewhere.

    Args:
        boxes: The boxes, from the top.
        links: Pairs of indices of boxes, the upper one first.
        title: The drawing's title, for screen readers.

    Returns:
        One SVG element.
    """
    reach = max((_bulge(a, b) for a, b in links if b - a > 1), default=0.0)
    width = 2 * MARGIN + WIDTH + math.ceil(reach)
    height = 2 * MARGIN + len(boxes) * HEIGHT + (len(boxes) - 1) * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="reinas" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        TIP,
    ]
    parts += [_link(a, b, boxes) for a, b in links]
    parts += [_box(place, box) for place, box in enumerate(boxes)]
    return "\n".join([*parts, "</svg>"])


def _top(place: int) -> float:
    return MARGIN + place * (HEIGHT + GAP)


def _bulge(a: int, b: int) -> float:
    """How far an arc reaches to the right: further if longer, and staggered to keep arcs apart."""
    return 18 + 22 * math.sqrt(b - a - 1) + 5 * (a % 3)


def _box(place: int, box: Box) -> str:
    y = _top(place)
    middle = MARGIN + WIDTH / 2
    return (
        f'<g class="box{" end" if box.end else ""}" data-box="{place}">'
        f"<title>{escape(box.hover)}</title>"
        f'<rect x="{MARGIN}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{middle}" y="{y + 17}">{escape(box.label)}</text>'
        f'<text class="small" x="{middle}" y="{y + 32}">{escape(box.detail)}</text></g>'
    )


def _link(a: int, b: int, boxes: Sequence[Box]) -> str:
    hover = escape(f"{boxes[a].label} feeds {boxes[b].label}")
    if b - a == 1:
        x = MARGIN + WIDTH / 2
        path = f'<path d="M{x} {_top(a) + HEIGHT} V{_top(b)}" marker-end="url(#tip)"/>'
    else:
        # an arc leaves in the lower half of one box and arrives in the upper half of the other
        x = MARGIN + WIDTH
        start, end = _top(a) + HEIGHT * 0.7, _top(b) + HEIGHT * 0.3
        out = x + _bulge(a, b) * 4 / 3  # a cubic reaches three quarters of its handles
        path = (
            f'<path class="skip" d="M{x} {start} C{out:.1f} {start} {out:.1f} {end} {x} {end}"'
            ' marker-end="url(#tip)"/>'
        )
    return f'<g class="link" data-from="{a}" data-to="{b}"><title>{hover}</title>{path}</g>'


def counted(parameters: int, multiply_adds: int) -> str:
    """Both numbers in words; multiply-adds are those of one example."""
    return f"{parameters:,} parameters, {multiply_adds:,} multiply-adds"


def unstyled(svg: str) -> str:
    """A drawing without its own style, for pages that bring `STYLE` and allow no other."""
    return re.sub(r"<style>.*?</style>", "", svg, flags=re.DOTALL)


@singledispatch
def draw(architecture: Any, task: Interface) -> str:
    """Draw an architecture.

    For a class without a registered drawing, this is a column of the object's fields. No arrows
    join them, since the connections are unknown.

    Args:
        architecture: The architecture.
        task: The task that the network is for, which has the shapes of inputs and outputs.

    Returns:
        One SVG element.
    """
    kind = type(architecture).__name__
    boxes = [] if not _is_dataclass(architecture) else _fields(architecture, kind)
    return column(boxes or [_value(str(architecture), kind)], [], _printable(str(architecture)))


def _is_dataclass(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def _fields(architecture: Any, where: str) -> list[Box]:
    """One box per field of a dataclass, or several if it has parts; `where` is their detail."""
    return [
        box
        for field in fields(architecture)
        for box in _parts(field.name, getattr(architecture, field.name), where)
    ]


def _parts(name: str, value: Any, where: str) -> list[Box]:
    """The boxes of one field; a dataclass or a sequence gives the boxes of its parts."""
    if _is_dataclass(value):
        head = Box(_short(name), type(value).__name__, _printable(f"{name}: {value}"), end=True)
        return [head, *_fields(value, name)]
    if isinstance(value, tuple | list) and value:
        numbered = enumerate(value, start=1)
        return [box for n, each in numbered for box in _parts(f"{name} {n}", each, where)]
    return [_value(f"{name}: {value}", where)]


def _value(text: str, where: str) -> Box:
    return Box(_short(text), _short(where), _printable(text))


def _short(text: str) -> str:
    """The text, shortened to fit a box."""
    text = _printable(text)
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"


def _printable(text: str) -> str:
    """The text with a space for each control character, which XML does not allow."""
    return "".join(c if c.isprintable() else " " for c in text)


@draw.register
def _(architecture: ConvArchitecture, task: Interface) -> str:
    image = as_image(task.inputs)
    flat = architecture.dimensions == 1
    traced = shapes(architecture, image)
    first = " × ".join(map(str, task.inputs))
    boxes = [Box("series" if flat else "image", first, "the input", end=True)]
    for number, (layer, shape) in enumerate(zip(architecture.layers, traced, strict=True), 1):
        sizes = (shape.channels, shape.height, shape.width)
        size = " × ".join(map(str, sizes[:2] if flat else sizes))
        window = _window(2, flat=flat)
        pooled = f", then all pooled {window}" if number in architecture.pools else ""
        boxes.append(
            Box(
                f"{number}: {_words(layer, architecture.block, flat=flat)}",
                size + pooled,
                f"layer {number}: {shape.channels_in} channels in, {size} out,"
                f" {counted(shape.parameters, shape.multiply_adds)}{pooled}",
            )
        )
    features = sum(traced[n - 1].channels for n in architecture.outputs)
    weights = (features + 1) * task.outputs
    boxes.append(
        Box(
            f"classifier: {task.outputs} outputs",
            f"mean of {features} channels",
            "global average pooling and a linear layer,"
            f" {counted(weights, features * task.outputs)}",
            end=True,
        )
    )
    links = [(source, n) for n, la in enumerate(architecture.layers, 1) for source in la.inputs]
    links += [(source, len(boxes) - 1) for source in architecture.outputs]
    return column(boxes, links, "convolutional network")


def _words(layer: Layer, block: int, *, flat: bool) -> str:
    """A description of a layer, short enough for a box."""
    match layer:
        case ConvLayer():
            times = f"{block} times " if block > 1 else ""
            if flat:
                stride = "" if layer.stride_height == 1 else f", stride {layer.stride_height}"
                return f"{times}length {layer.height}, {layer.filters} filters{stride}"
            strides = (layer.stride_height, layer.stride_width)
            stride = "" if strides == (1, 1) else f", stride {strides[0]} × {strides[1]}"
            return f"{times}{layer.height} × {layer.width}, {layer.filters} filters{stride}"
        case PoolLayer():
            stride = "" if layer.stride == 1 else f", stride {layer.stride}"
            return f"{layer.pool} pooling {_window(layer.size, flat=flat)}{stride}"
        case ContrastLayer():
            return f"local contrast {_window(layer.window, flat=flat)}"
        case NormLayer():
            return "batch normalisation"


def _window(size: int, *, flat: bool) -> str:
    """The size of a window: a length for series (`flat`), a square for images."""
    return str(size) if flat else f"{size} × {size}"


@draw.register
def _(architecture: NasBench201Architecture, task: Interface) -> str:
    """Draw the cell; each node lists the operations on its incoming edges."""
    kept = [
        (edge, op) for edge, op in zip(EDGES, architecture.operations, strict=True) if op != "none"
    ]
    boxes = [Box("cell's input", "node 0", "what the cell before gave", end=True)]
    for node in range(1, NODES):
        fed = [f"{op} of {source}" for (source, target), op in kept if target == node]
        name = "cell's output" if node == NODES - 1 else f"node {node}"
        words = " + ".join(fed) or "zeros: nothing feeds it"
        boxes.append(Box(name, words, f"{name}: {words}", end=node == NODES - 1))
    stages = f"3 stages of {architecture.cells} cells, {architecture.channels} channels first"
    return column(boxes, [edge for edge, _ in kept], stages)


@draw.register
def _(architecture: Assignment, task: Interface) -> str:
    boxes = [_value(f"{name}: {value}", "column") for name, value in architecture.values]
    return column(boxes, [], _printable(str(architecture)))


@draw.register
def _(architecture: MlpArchitecture, task: Interface) -> str:
    return _chain(
        [(f"{la.width} units", la.activation, la.width) for la in architecture.layers], task
    )


@draw.register
def _(architecture: ToyArchitecture, task: Interface) -> str:
    return _chain([("1 unit", f"{name}", 1) for name in (architecture.h, architecture.g)], task)


def _chain(layers: Sequence[tuple[str, str, int]], task: Interface) -> str:
    """Draw a chain of dense layers, each given as (label, activation, width)."""
    before = math.prod(task.inputs)
    boxes = [Box("input", f"{before} numbers", "the input", end=True)]
    for number, (label, activation, width) in enumerate(layers, 1):
        hover = f"layer {number}: {counted((before + 1) * width, before * width)}"
        boxes.append(Box(f"{number}: {label}", activation, hover))
        before = width
    counts = counted((before + 1) * task.outputs, before * task.outputs)
    hover = f"a linear layer, {counts}"
    boxes.append(Box("output", f"{task.outputs} numbers", hover, end=True))
    return column(boxes, [(n, n + 1) for n in range(len(boxes) - 1)], "dense network")
