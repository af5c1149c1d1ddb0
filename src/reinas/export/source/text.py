"""Code of language models."""

from torch import Tensor

from reinas.children.recurrent import width_of
from reinas.export.source.code import About, Source, source_of
from reinas.spaces.lstm import LstmArchitecture
from reinas.spaces.recurrent import Cell, Node, RecurrentArchitecture

COMBINE = {"add": "{} + {}", "elem_mult": "{} * {}", "max": "torch.maximum({}, {})"}
ACTIVATE = {
    "identity": "{}",
    "tanh": "torch.tanh({})",
    "sigmoid": "torch.sigmoid({})",
    "relu": "torch.relu({})",
    "sin": "torch.sin({})",
}
RUN = "return self.run(tokens, self.start(tokens.shape[1]))[0]"


@source_of.register
def _(architecture: LstmArchitecture, about: About) -> Source:
    width, vocabulary, layers = architecture.width, about.outputs, architecture.layers
    between = architecture.dropout if layers > 1 else 0.0
    dropped = f", dropout={between:g}" if between else ""
    init = [
        f"self.embedding = nn.Embedding({vocabulary}, {width})",
        f"nn.init.normal_(self.embedding.weight, std={width}**-0.5)",
        f"self.lstm = nn.LSTM({width}, {width}, {layers}{dropped})",
        f"self.dropout = nn.Dropout({architecture.dropout:g})",
        f"self.bias = nn.Parameter(torch.zeros({vocabulary}))",
    ]
    softmax = "self.embedding.weight"
    if not architecture.tied:
        softmax = "self.softmax"
        init += [
            f"self.softmax = nn.Parameter(torch.empty({vocabulary}, {width}))",
            f"nn.init.normal_(self.softmax, std={width}**-0.5)",
        ]
    methods = f'''
def start(self, batch: int) -> State:
    """The states before the first token: zeros, for `batch` sequences."""
    zeros = self.bias.new_zeros(self.lstm.num_layers, batch, self.lstm.hidden_size)
    return ((zeros, zeros),)

def run(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
    """Logits [T, B, vocabulary] of tokens [T, B], and the states after them."""
    outputs, after = self.lstm(self.dropout(self.embedding(tokens)), state[0])
    return functional.linear(self.dropout(outputs), {softmax}, self.bias), (after,)
'''
    doc = f"A language model of LSTM layers.\n\n{architecture}"
    return Source(doc, tuple(init), (RUN,), {}, argument="tokens", methods=methods)


@source_of.register
def _(architecture: RecurrentArchitecture, about: About) -> Source:
    width, recipe = width_of(architecture, about.outputs), about.recipe
    layers = [f"layer{n}" for n in range(1, architecture.layers + 1)]
    init = [
        f"self.embedding = nn.Embedding({about.outputs}, {width})",
        *(f"self.{layer} = Cell({width})" for layer in layers),
        f"self.decoder = nn.Linear({width}, {about.outputs})",
    ]
    if architecture.tied:
        init.append("self.decoder.weight = self.embedding.weight")
    masked = ", self.dropped(x)" if recipe.recurrent_dropout else ""
    steps = [
        line
        for n, layer in enumerate(layers)
        for line in (f"    x, after{n + 1} = self.{layer}(x, state[{n}]{masked})",)
    ]
    after = ", ".join(f"after{n + 1}" for n in range(len(layers)))
    embedded = "self.embed(tokens)" if recipe.embedding_dropout else "self.embedding(tokens)"
    methods = "\n".join(
        [
            "def start(self, batch: int) -> State:",
            '    """The states before the first token: zeros, for `batch` sequences."""',
            f"    zeros = self.decoder.weight.new_zeros(batch, {width})",
            f"    return {', '.join(['(zeros, zeros)'] * len(layers))},",
            "",
            "def run(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:",
            '    """Logits [T, B, vocabulary] of tokens [T, B], and the states after them."""',
            f"    x = {embedded}",
            *steps,
            f"    return self.decoder(x), ({after},)",
            *_dropouts(recipe.embedding_dropout, recipe.recurrent_dropout),
        ]
    )
    names = {f"layers.{n}": layer for n, layer in enumerate(layers)}
    names |= {
        f"layers.{n}.{theirs}": f"{layer}.{ours}.weight"
        for n, layer in enumerate(layers)
        for theirs, ours in (("w", "from_input"), ("u", "from_hidden"))
    }
    doc = f"A language model of a found recurrent cell.\n\n{architecture}"
    return Source(
        doc,
        tuple(init),
        (RUN,),
        names,
        argument="tokens",
        before=_cell(architecture.cell, masked=bool(masked)),
        own_names=("Cell",),
        methods=methods,
        reshape=_reshape,
    )


def _reshape(name: str, value: Tensor) -> Tensor:
    """The matrices of all leaves as one."""
    return value.flatten(0, 1) if value.ndim == 3 else value


def _dropouts(embedding: float, recurrent: float) -> list[str]:
    """Methods for dropout in training (Gal & Ghahramani 2016)."""
    lines = []
    if embedding:
        lines += [
            "",
            "def embed(self, tokens: Tensor) -> Tensor:",
            '    """Embed tokens; in training some words are dropped for a whole window."""',
            "    weight = self.embedding.weight",
            "    if self.training:",
            f"        kept = torch.rand(len(weight), 1, device=weight.device) < {1 - embedding!r}",
            f"        weight = weight * kept.to(weight.dtype) / {1 - embedding!r}",
            "    return functional.embedding(tokens, weight)",
        ]
    if recurrent:
        lines += [
            "",
            "def dropped(self, x: Tensor) -> Tensor | None:",
            '    """In training, which units of h are dropped at every step of a window."""',
            "    if not self.training:",
            "        return None",
            f"    return (torch.rand_like(x[0]) < {1 - recurrent!r}).float() / {1 - recurrent!r}",
        ]
    return lines


def _cell(cell: Cell, *, masked: bool) -> str:
    """The cell's class: one line per node of the tree."""
    leaves = cell.base
    given = ", mask: Tensor | None" if masked else ""
    from_input, from_hidden = (
        ", ".join(f"{letter}{n}" for n in range(1, leaves + 1)) for letter in "xh"
    )
    hidden = "h if mask is None else h * mask" if masked else "h"
    return "\n".join(
        [
            "class Cell(nn.Module):",
            '    """The found cell, a tree over the input and the last output."""',
            "",
            "    def __init__(self, width: int) -> None:",
            "        super().__init__()",
            f"        self.from_input = nn.Linear(width, {leaves} * width, bias=False)",
            f"        self.from_hidden = nn.Linear(width, {leaves} * width, bias=False)",
            "        for layer in (self.from_input, self.from_hidden):",
            "            nn.init.uniform_(layer.weight, -(width**-0.5), width**-0.5)",
            "",
            f"    def forward(self, x: Tensor, state: Pair{given}) -> tuple[Tensor, Pair]:",
            '        """Outputs [T, B, width] of inputs [T, B, width], and h and c after them."""',
            "        h, c = state",
            "        outputs = []",
            "        for step in self.from_input(x):",
            f"            {from_input}{',' if leaves == 1 else ''} = step.chunk({leaves}, dim=-1)",
            f"            {from_hidden}{',' if leaves == 1 else ''} ="
            f" self.from_hidden({hidden}).chunk({leaves}, dim=-1)",
            *(f"            {line}" for line in _steps(cell)),
            "            outputs.append(h)",
            "        return torch.stack(outputs), (h, c)",
        ]
    )


def _steps(cell: Cell) -> list[str]:
    """The tree, node by node."""
    lines = []
    for number, node in enumerate(cell.nodes):
        name = f"node{number}"
        if number < cell.base:
            left, right = f"x{number + 1}", f"h{number + 1}"
        else:
            left, right = (f"node{n}" for n in cell.inputs(number))
        combined = COMBINE[node.combination].format(left, right)
        if number == cell.out:  # its value before the activation is the next cell state
            lines.append(f"next_c = {combined}")
            combined = "next_c"
        lines.append(f"{name} = {ACTIVATE[node.activation].format(combined)}")
        if number == cell.into:
            lines.append(f"{name} = {_applied(cell.inject, name, 'c')}")
    lines.append(f"h, c = node{len(cell.nodes) - 1}, next_c")
    return lines


def _applied(node: Node, left: str, right: str) -> str:
    return ACTIVATE[node.activation].format(COMBINE[node.combination].format(left, right))
