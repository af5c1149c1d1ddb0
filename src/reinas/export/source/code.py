"""From an architecture to the lines of a `nn.Module` that a person could have written."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

from torch import Tensor

from reinas.children.tabular import PerColumn, Periodic, Piecewise
from reinas.errors import SettingError
from reinas.export.network import normal
from reinas.export.source import pieces
from reinas.objectives.shared import weighted_mean_log
from reinas.spaces.tabular import FREQUENCIES
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import TAIL

PIECES: dict[str, Any] = {
    piece.__name__: piece
    for piece in (
        pieces.convolution,
        pieces.Squeeze,
        pieces.Residual,
        pieces.Inverted,
        pieces.conv_norm_relu,
        pieces.DenseBlock,
        pieces.Pool,
        pieces.LocalContrast,
        pieces.relu_conv_norm,
        pieces.Reduction,
        Piecewise,
        Periodic,
        PerColumn,
        pieces.ResidualBlock,
        normal,
        weighted_mean_log,
    )
}
"""What may be copied into exported code, by name, in the order in which it is written."""


IN_SERIES = (
    ("2d", "1d"),
    ("(2, 3)", "(2,)"),
    (", None, None]", ", None]"),
    ("[B, C, H, W]", "[B, C, T]"),
)
"""What differs in code for series."""
WIDTH = 92
"""Characters per line of exported code, without its indentation."""


@dataclass(frozen=True)
class About:
    """What the code of a network depends on besides its architecture.

    Args:
        inputs: The shape of one example; () for tokens.
        outputs: How many numbers the network gives.
        flags: Columns of a table that have two values.
        recipe: How it was trained: decides dropout, and what normalisation adds.
    """

    inputs: tuple[int, ...]
    outputs: int
    flags: tuple[int, ...]
    recipe: Recipe


@dataclass(frozen=True)
class Source:
    """One network as code.

    Args:
        doc: What it is: the docstring.
        init: Lines of `__init__`, after the call of super.
        forward: Lines of `forward`.
        names: Where the child's weights are in this code: prefix of their names -> prefix here.
        argument: What `forward` takes.
        before: Definitions that only this network needs.
        own_names: The names that these define; in an ensemble each network has its own.
        imports: Lines that import what these definitions use, besides PyTorch.
        methods: Further methods, dedented.
        reshape: Changes a weight for its place here, by its name here.
        dimensions: 1 where the pieces are those for series.
    """

    doc: str
    init: tuple[str, ...]
    forward: tuple[str, ...]
    names: Mapping[str, str]
    argument: str = "x"
    before: str = ""
    own_names: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    methods: str = ""
    reshape: Callable[[str, Tensor], Tensor] = field(default=lambda name, value: value)
    dimensions: int = 2

    def weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The child's weights under their names here.

        Args:
            state: The child's `state_dict()`.
        """
        renamed = {}
        for key, value in state.items():
            prefix = max((p for p in self.names if _begins(key, p)), key=len, default=None)
            name = key if prefix is None else self.names[prefix] + key[len(prefix) :]
            renamed[name] = self.reshape(name, value)
        return renamed

    def code(self, name: str, suffix: str = "") -> str:
        """The class, and the definitions before it.

        Args:
            name: What the class is called.
            suffix: What the names of these definitions end with.
        """
        doc = wrapped_doc(self.doc)
        init = "\n".join(["super().__init__()", *self.init])
        kind = "Tensor"
        lines = [
            f"class {name}(nn.Module):",
            textwrap.indent(f'"""{doc}"""', "    "),
            "",
            "    def __init__(self) -> None:",
            textwrap.indent(init, " " * 8),
            "",
            f"    def forward(self, {self.argument}: {kind}) -> Tensor:",
            f'        """{self._forward_doc}"""',
            textwrap.indent("\n".join(map(wrapped, self.forward)), " " * 8),
        ]
        if self.methods:
            lines += ["", textwrap.indent(self.methods.strip("\n"), "    ")]
        text = "\n".join(lines)
        before = f"{self.before.strip()}\n\n\n" if self.before else ""
        code = before + text
        for own in self.own_names if suffix else ():
            code = re.sub(rf"\b{own}\b", own + suffix, code)
        return in_dimensions(code, self.dimensions)

    @property
    def _forward_doc(self) -> str:
        if self.argument == "tokens":
            return "Logits [T, B, vocabulary] of the next token after each of int64 [T, B]."
        return "Map a batch of standardised examples to outputs."


@singledispatch
def source_of(architecture: Any, about: About) -> Source:
    """The code of an architecture; `@source_of.register` adds a type.

    Args:
        architecture: The architecture.
        about: What else decides the code.

    Raises:
        SettingError: Nothing writes such architectures.
    """
    raise SettingError(f"nothing writes code for {type(architecture).__name__}")


def whole_file(code: str, doc: str, sources: Sequence[Source], recipe: Recipe) -> str:
    """A file: its imports, the constants and the pieces that some code uses, and the code.

    Args:
        code: The classes.
        doc: The docstring, quoted; may be empty.
        sources: What the code is of.
        recipe: Decides what normalisation adds.
    """
    pieces = _copied(code, {source.dimensions for source in sources})
    whole = "\n\n\n".join([*pieces, code])
    known = _constants(whole, recipe)
    imports = _imports(whole, {line for source in sources for line in source.imports})
    head = [doc, ""] if doc else []
    head += [*imports, *([""] if known else []), *known]
    return "\n".join(head) + f"\n\n\n{whole}\n"


def _imports(code: str, more: set[str]) -> list[str]:
    """Import what the code uses: Python's own first, then PyTorch, in alphabetical order."""
    used = {
        "import math": "math.",
        "from statistics import NormalDist": "NormalDist",
        "import torch": "torch.",
        "from torch import Tensor, nn": "nn.",
        "from torch.nn import functional": "functional.",
    }
    lines = more | {line for line, mark in used.items() if mark in code}
    groups = [
        [line for line in lines if (line.split()[1].partition(".")[0] == "torch") is own]
        for own in (False, True)
    ]
    ordered = [sorted(group, key=lambda line: (line.startswith("from"), line)) for group in groups]
    return [*ordered[0], *[""] * bool(ordered[0]), *ordered[1]]


def _copied(text: str, dimensions: Iterable[int]) -> list[str]:
    """The pieces that some code uses, and those that they use, in order.

    Args:
        text: The code.
        dimensions: For which numbers of dimensions it is; one at most.
    """
    (wanted,) = set(dimensions) or {2}
    used: set[str] = set()
    look = [text]
    while look:
        looked = look.pop()
        for name, piece in PIECES.items():
            if name not in used and re.search(rf"\b{name}\b", looked):
                used.add(name)
                look.append(inspect.getsource(piece))
    return [in_dimensions(_plain(name), wanted) for name in PIECES if name in used]


def _plain(name: str) -> str:
    """A piece's code, with types as code that imports torch has them."""
    return inspect.getsource(PIECES[name]).replace('"Tensor"', "Tensor").rstrip()


def _constants(text: str, recipe: Recipe) -> list[str]:
    """Lines that define the constants that some code uses.

    Args:
        text: The code.
        recipe: Decides what normalisation adds.
    """
    known = {
        "EPSILON": f"{recipe.norm_epsilon!r}  # what normalisation adds to the variance",
        "FREQUENCIES": f"{FREQUENCIES}  # per column",
        "TAIL": f"{TAIL!r}  # shares nearer to 0 or 1 are cut off",
        "Pair": "tuple[Tensor, Tensor]  # h and c of a layer, [B, width] each",
        "State": "tuple[tuple[Tensor, Tensor], ...]  # h and c of every layer",
        "States": "tuple[State, ...]  # of every network",
    }
    used = [name for name in known if re.search(rf"\b{name}\b", text)]
    if "States" in used and "State" not in used:
        used.insert(used.index("States"), "State")
    return [f"{name} = {known[name]}" for name in used]


def in_dimensions(code: str, dimensions: int) -> str:
    """Code for images as it is for series, where `dimensions` is 1."""
    if dimensions == 2:
        return code
    replaced = (
        code.replace("2d", "1d").replace("(2, 3)", "(2,)").replace(", None, None]", ", None]")
    )
    return replaced.replace("[B, C, H, W]", "[B, C, T]")


def wrapped(line: str) -> str:
    """A statement that may be long, broken at spaces; its breaks lie within brackets."""
    if len(line) <= WIDTH:
        return line
    return "\n    ".join(textwrap.wrap(line, WIDTH - 4, break_long_words=False))


def wrapped_doc(text: str) -> str:
    """A docstring's text in lines that fit."""
    return "\n".join(
        textwrap.fill(part, WIDTH, break_long_words=False, break_on_hyphens=False)
        for part in text.split("\n")
    ) + ("\n" if len(text) > 90 or "\n" in text else "")


def _begins(key: str, prefix: str) -> bool:
    return not prefix or key == prefix or key.startswith(f"{prefix}.")
