"""Code of networks for images and series."""

from collections.abc import Sequence

from reinas.children.conv import LARGE
from reinas.export.source.code import WIDTH, About, Source, source_of
from reinas.spaces.conv_architecture import (
    ContrastLayer,
    ConvArchitecture,
    ConvLayer,
    Layer,
    PoolLayer,
    as_image,
    same,
    shapes,
)
from reinas.spaces.nasbench201 import EDGES, NODES, NasBench201Architecture
from reinas.spaces.stages import RESIDUAL, Stage, StagesArchitecture, squeezed_units

CHANNELS_LAST = "self.to(memory_format=torch.channels_last)  # faster for images of this size"


def _layout(about: About) -> list[str]:
    """Networks for large images keep their weights with channels last."""
    large = len(about.inputs) == 3 and about.inputs[1] * about.inputs[2] >= LARGE
    return [CHANNELS_LAST] if large else []


@source_of.register
def _(architecture: StagesArchitecture, about: About) -> Source:
    width, kernel = architecture.width, architecture.stem_kernel
    init = [f"self.stem = convolution({about.inputs[0]}, {width}, {kernel}, {architecture.stem})"]
    forward = ["x = functional.relu(self.stem(x))"]
    names: dict[str, str] = {}
    for number, stage in enumerate(architecture.stages):
        for place in range(stage.depth):
            stride = 2 if number and not place else 1
            name = f"stage{number + 1}_block{place + 1}"
            names[f"blocks.{len(names)}"] = name
            init.append(f"self.{name} = {_block(stage, width, stride)}")
            forward.append(f"x = self.{name}(x)")
            width = stage.width
    init += [f"self.classifier = nn.Linear({width}, {about.outputs})", *_layout(about)]
    forward.append("return self.classifier(x.mean(dim=(2, 3)))")
    doc = f"A stem, {len(architecture.stages)} stages, a mean, one linear layer.\n\n{architecture}"
    return Source(doc, tuple(init), tuple(forward), names, dimensions=architecture.dimensions)


def _block(stage: Stage, channels: int, stride: int) -> str:
    inner = channels * stage.expansion
    squeezed = stage.width if stage.block == RESIDUAL else inner
    more = f", stride={stride}" if stride > 1 else ""
    more += f", squeeze={squeezed_units(squeezed)}" if stage.squeeze else ""
    if stage.block == RESIDUAL:
        return f"Residual({channels}, {stage.width}, kernel={stage.kernel}{more})"
    return f"Inverted({channels}, {inner}, {stage.width}, kernel={stage.kernel}{more})"


@source_of.register
def _(architecture: ConvArchitecture, about: About) -> Source:
    image, dimensions = as_image(about.inputs), architecture.dimensions
    traced = shapes(architecture, image)
    init, forward, names = [], [], {}
    sizes = [image[1:]]  # of every map so far, as they are at the current layer
    called = ["image" if dimensions == 2 else "series"]
    last_use = _last_uses(architecture)
    for number, (layer, shape) in enumerate(zip(architecture.layers, traced, strict=True), start=1):
        name = f"{_kind(layer)}{number}"
        names[f"layers.{number - 1}"] = name
        init.append(f"self.{name} = {_layer(layer, shape.channels_in, architecture)}")
        fed = _joined([called[n] for n in layer.inputs], [sizes[n] for n in layer.inputs])
        forward.append(f"{name} = self.{name}({fed})")
        sizes.append((shape.height, shape.width))
        called.append(name)
        if number in architecture.pools:
            kept = ", ".join(called[n] for n in range(number + 1) if last_use[n] > number)
            pooled = f"(functional.max_pool2d(m, 2, ceil_mode=True) for m in ({kept},))"
            forward.append(f"{kept}, = {pooled}" if "," not in kept else f"{kept} = {pooled}")
            sizes = [(same(height, 2), same(width, 2)) for height, width in sizes]
    ends = architecture.outputs
    joined = _joined([called[n] for n in ends], [sizes[n] for n in ends])
    width = sum(traced[n - 1].channels for n in ends)
    init += [f"self.classifier = nn.Linear({width}, {about.outputs})", *_layout(about)]
    forward += [f"joined = {joined}", "return self.classifier(joined.mean(dim=(2, 3)))"]
    doc = (
        "Layers with skip connections; those that feed no other are joined, averaged over all"
        f" positions, and classified.\n\n{architecture}"
    )
    if dimensions == 1:
        forward = [line.replace(", (0, 0, 0, ", ", (0, ") for line in forward]
    argument = called[0]
    return Source(doc, tuple(init), tuple(forward), names, argument=argument, dimensions=dimensions)


def _last_uses(architecture: ConvArchitecture) -> list[int]:
    """For the image and every layer, the last layer that it feeds; the classifier comes last."""
    count = len(architecture.layers)
    last = [0] * (count + 1)
    for number, layer in enumerate(architecture.layers, start=1):
        for source in layer.inputs:
            last[source] = number
    for number in architecture.outputs:
        last[number] = count + 1
    return last


def _kind(layer: Layer) -> str:
    match layer:
        case ConvLayer():
            return "conv"
        case PoolLayer():
            return "pool"
        case ContrastLayer():
            return "contrast"
        case _:
            return "norm"


def _layer(layer: Layer, channels: int, architecture: ConvArchitecture) -> str:
    match layer:
        case ConvLayer():
            size = _pair(layer.height, layer.width, architecture.dimensions)
            if architecture.block > 1:
                return (
                    f"DenseBlock({channels}, {layer.filters}, {size}, count={architecture.block})"
                )
            stride = _pair(layer.stride_height, layer.stride_width, architecture.dimensions)
            more = "" if stride in ("1", "(1, 1)") else f", stride={stride}"
            return f"conv_norm_relu({channels}, {layer.filters}, {size}{more})"
        case PoolLayer():
            return f'Pool("{layer.pool}", size={layer.size}, stride={layer.stride})'
        case ContrastLayer():
            return f"LocalContrast(window={layer.window})"
        case _:
            return f"nn.BatchNorm2d({channels}, EPSILON)"


def _pair(height: int, width: int, dimensions: int) -> str:
    return str(height) if dimensions == 1 else f"({height}, {width})"


def _joined(called: Sequence[str], sizes: Sequence[tuple[int, int]]) -> str:
    """The maps concatenated, smaller ones with zeros at the bottom and the right."""
    most = tuple(max(edge) for edge in zip(*sizes, strict=True))
    padded = []
    for name, (height, width) in zip(called, sizes, strict=True):
        below, right = most[0] - height, most[1] - width
        padded.append(
            f"functional.pad({name}, (0, {right}, 0, {below}))" if below or right else name
        )
    if len(padded) == 1:
        return padded[0]
    return f"torch.cat([{', '.join(padded)}], dim=1)"


@source_of.register
def _(architecture: NasBench201Architecture, about: About) -> Source:
    width = architecture.channels
    init = [
        "self.stem = nn.Sequential(",
        f"    nn.Conv2d({about.inputs[0]}, {width}, 3, padding=1, bias=False),",
        f"    nn.BatchNorm2d({width}, EPSILON),",
        ")",
    ]
    forward, names = ["x = self.stem(image)"], {"layers.0": "stem.0", "layers.1": "stem.1"}
    place = 2
    for stage in range(1, 4):
        added = [] if stage == 1 else [(f"reduction{stage - 1}", f"Reduction({width})")]
        width *= 1 if stage == 1 else 2
        added += [
            (f"stage{stage}_cell{n + 1}", f"Cell({width})") for n in range(architecture.cells)
        ]
        for name, made in added:
            init.append(f"self.{name} = {made}")
            forward.append(f"x = self.{name}(x)")
            names[f"layers.{place}"] = name
            place += 1
    names[f"layers.{place}"] = "norm"
    cell, inner = _cell(architecture.operations)
    for old, new in list(names.items()):
        if "cell" in new:
            names |= {f"{old}.{theirs}": f"{new}.{ours}" for theirs, ours in inner.items()}
    init += [
        f"self.norm = nn.BatchNorm2d({width}, EPSILON)",
        f"self.classifier = nn.Linear({width}, {about.outputs})",
    ]
    forward += [
        "features = functional.adaptive_avg_pool2d(functional.relu(self.norm(x)), 1).flatten(1)",
        "return self.classifier(features)",
    ]
    doc = f"A stem, three stages of one cell, a mean, one linear layer.\n\n{architecture}"
    return Source(
        doc,
        tuple(init),
        tuple(forward),
        names,
        argument="image",
        before=cell,
        own_names=("Cell",),
    )


def summed(line: str) -> str:
    """A statement of a sum, one summand per line where it is long."""
    name, _, terms = line.partition(" = ")
    if len(line) <= WIDTH or " + " not in terms:
        return line
    inner = "\n".join(
        f"            {'' if n == 0 else '+ '}{term}" for n, term in enumerate(terms.split(" + "))
    )
    return f"{name} = (\n{inner}\n        )"


def _cell(operations: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The cell's class, and where its operations' weights are in it."""
    init, names = [], {}
    nodes: list[list[str]] = [[] for _ in range(NODES)]
    kept = [(edge, op) for edge, op in zip(EDGES, operations, strict=True) if op != "none"]
    for place, ((source, target), operation) in enumerate(kept):
        fed = "x" if source == 0 else f"node{source}"
        match operation:
            case "skip":
                nodes[target].append(fed)
            case "avgpool":
                pool = f"functional.avg_pool2d({fed}, 3, 1, 1, count_include_pad=False)"
                nodes[target].append(pool)
            case _:
                name = f"conv{source}to{target}"
                init.append(
                    f"        self.{name} = relu_conv_norm(channels, channels, {operation[-1]})"
                )
                names[f"operations.{place}"] = name
                nodes[target].append(f"self.{name}({fed})")
    statements = [
        f"node{n} = {' + '.join(nodes[n]) or 'torch.zeros_like(x)  # nothing feeds it'}"
        for n in range(1, NODES)
        if n == NODES - 1 or any(source == n for (source, _), _ in kept)
    ]
    lines = [f"        {summed(line)}" for line in statements]
    text = [
        "class Cell(nn.Module):",
        '    """The cell: every node is the sum of what leads to it."""',
        "",
        "    def __init__(self, channels: int) -> None:",
        "        super().__init__()",
        *init,
        "",
        "    def forward(self, x: Tensor) -> Tensor:",
        '        """Map feature maps [B, channels, H, W] to the same shape."""',
        *lines,
        f"        return node{NODES - 1}",
    ]
    return "\n".join(text), names
