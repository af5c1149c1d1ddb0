"""Code of networks for tables and other numbers."""

import math

from reinas.export.source.code import About, Source, source_of
from reinas.spaces.mlp import MlpArchitecture
from reinas.spaces.tabular import NONE, PIECEWISE, TabularArchitecture
from reinas.spaces.toy import ToyArchitecture

FUNCTIONS = {
    "relu": "functional.relu({})",
    "tanh": "torch.tanh({})",
    "sigmoid": "torch.sigmoid({})",
    "gelu": "functional.gelu({})",
    "identity": "{}",
    "linear": "{}",
}
"""Activation functions by their names in spaces."""


@source_of.register
def _(architecture: MlpArchitecture, about: About) -> Source:
    width = math.prod(about.inputs)
    init, forward, names = [], ["x = x.flatten(1)"] if len(about.inputs) > 1 else [], {}
    for number, layer in enumerate(architecture.layers, start=1):
        name = f"hidden{number}"
        init.append(f"self.{name} = nn.Linear({width}, {layer.width})")
        forward.append(f"x = {FUNCTIONS[layer.activation].format(f'self.{name}(x)')}")
        names[str(2 * number - 1)] = name
        width = layer.width
    init.append(f"self.output = nn.Linear({width}, {about.outputs})")
    forward.append("return self.output(x)")
    names[str(2 * len(architecture.layers) + 1)] = "output"
    doc = f"A multilayer perceptron.\n\n{architecture}"
    return Source(doc, tuple(init), tuple(forward), names)


@source_of.register
def _(architecture: ToyArchitecture, about: About) -> Source:
    init = tuple(f"self.dense{n} = nn.Linear(1, 1)" for n in (1, 2, 3))
    inner = FUNCTIONS[architecture.h].format("self.dense1(x)")
    outer = FUNCTIONS[architecture.g].format(f"self.dense2({inner})")
    names = {"0": "dense1", "2": "dense2", "4": "dense3"}
    doc = f"Three dense layers of one unit.\n\n{architecture}"
    return Source(doc, init, (f"return self.dense3({outer})",), names)


@source_of.register
def _(architecture: TabularArchitecture, about: About) -> Source:
    columns = about.inputs[0]
    numbers = [n for n in range(columns) if n not in set(about.flags)]
    flags, width = sorted(set(about.flags)), architecture.width
    embeds = architecture.embedding != NONE and bool(numbers)
    init, forward = [], []
    names = {f"blocks.{n}": f"block{n + 1}" for n in range(architecture.blocks)} | {
        "last": "output"
    }
    taken = f"x[:, {numbers}]" if flags else "x"
    if embeds:
        bins, encoding = _encoding(architecture, len(numbers))
        init += [
            f"self.encoding = {encoding}",
            f"self.per_column = PerColumn({len(numbers)}, {bins}, {architecture.size})",
        ]
        names |= {"embedding.0": "encoding", "embedding.1": "per_column"}
        taken = f"self.per_column(self.encoding({taken})).flatten(1)"
    forward.append(f"numbers = {taken}")
    fed = "numbers"
    if flags:
        forward.append(f"flags = x[:, {flags}]")
        fed = "torch.cat([numbers, flags], dim=1)"
    size = len(numbers) * (architecture.size if architecture.embedding != NONE else 1) + len(flags)
    init.append(f"self.first = nn.Linear({size}, {width})")
    forward.append(f"x = self.first({fed})")
    norm, inner = _norm(architecture), width * architecture.factor
    for number in range(1, architecture.blocks + 1):
        made = f"ResidualBlock({width}, {inner}, dropout={architecture.dropout:g}, norm={norm})"
        init.append(f"self.block{number} = {made}")
        forward.append(f"x = self.block{number}(x)")
    last = "x"
    if architecture.normalisation != NONE:
        init.append(f"self.norm = {norm}")
        last = "self.norm(x)"
    init.append(f"self.output = nn.Linear({width}, {about.outputs})")
    forward.append(f"return self.output(functional.relu({last}))")
    doc = (
        "A residual network for tables: numbers are embedded, columns of two values are not."
        f"\n\n{architecture}"
    )
    return Source(doc, tuple(init), tuple(forward), names)


def _encoding(architecture: TabularArchitecture, columns: int) -> tuple[str, str]:
    """Numbers per column that the encoding gives, and what makes it."""
    if architecture.embedding == PIECEWISE:
        return str(architecture.bins), f"Piecewise({architecture.bins})"
    return "2 * FREQUENCIES", f"Periodic({columns}, sigma={architecture.sigma!r})"


def _norm(architecture: TabularArchitecture) -> str:
    match architecture.normalisation:
        case "batch":
            return f"nn.BatchNorm1d({architecture.width}, EPSILON)"
        case "layer":
            return f"nn.LayerNorm({architecture.width})"
        case _:
            return "nn.Identity()"
