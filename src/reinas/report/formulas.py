"""A recurrent cell as formulas, to read or to typeset."""

from reinas.spaces.recurrent import Cell, Node

SIGNS = {"add": "{} + {}", "elem_mult": "{} * {}", "max": "max({}, {})"}
LATEX_SIGNS = {
    "add": "{} + {}",
    "elem_mult": r"{} \odot {}",
    "max": r"\max({}, {})",
}
LATEX_NAMES = {"tanh": r"\tanh", "sigmoid": r"\sigma", "relu": r"\mathrm{relu}", "sin": r"\sin"}


class _Writer:
    """Writes the cell's nodes, as text or as LaTeX."""

    def __init__(self, cell: Cell, *, latex: bool) -> None:
        self.cell = cell
        self.latex = latex

    def node(self, number: int) -> str:
        """A node's name: a for leaves, b for inner nodes."""
        letter = "a" if number < self.cell.base else "b"
        return f"{letter}_{{{number}}}" if self.latex else f"{letter}{number}"

    def name(self, number: int) -> str:
        """What a node gives to the node above: with a prime where c_(t-1) has entered it."""
        return self.node(number) + ("'" if number == self.cell.into else "")

    def combined(self, number: int) -> str:
        """A node before its activation."""
        node = self.cell.nodes[number]
        if number >= self.cell.base:
            left, right = map(self.name, self.cell.inputs(number))
            return self.sign(node).format(left, right)
        w, u, x, h = (
            (f"W_{{{number}}}", f"U_{{{number}}}", " x_t", " h_{t-1}")
            if self.latex
            else (f"W{number}", f"U{number}", " x", " h")
        )
        left, right = w + x, u + h
        if node.combination == "elem_mult":
            left, right = f"({left})", f"({right})"
        return self.sign(node).format(left, right)

    def sign(self, node: Node) -> str:
        """The combination, with places for its two inputs."""
        return (LATEX_SIGNS if self.latex else SIGNS)[node.combination]

    def applied(self, node: Node, inside: str) -> str:
        """An activation of something."""
        if node.activation == "identity":
            return inside
        name = LATEX_NAMES[node.activation] if self.latex else node.activation
        return f"{name}({inside})"

    def lines(self) -> list[tuple[str, str]]:
        """Left and right sides, in the order of computation."""
        cell, top = self.cell, len(self.cell.nodes) - 1
        before, after, state = ("c_{t-1}", "c_t", "h_t") if self.latex else ("c", "c_t", "h_t")
        lines = []
        for number, node in enumerate(cell.nodes):
            last = number == top and number != cell.into
            value = self.applied(node, self.combined(number))
            lines.append((state if last else self.node(number), value))
            if number == cell.into:
                inside = self.sign(cell.inject).format(self.node(number), before)
                name = state if number == top else self.name(number)
                lines.append((name, self.applied(cell.inject, inside)))
        return [*lines, (after, self.combined(cell.out))]


def formulas(cell: Cell, *, latex: bool = False) -> str:
    """What the cell computes, line by line; x is x_t, h is h_(t-1), c is c_(t-1).

    `latex` gives an `aligned` environment. Products without a matrix are elementwise.
    """
    lines = _Writer(cell, latex=latex).lines()
    if latex:
        rows = " \\\\\n".join(f"  {left} &= {right}" for left, right in lines)
        return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"
    width = max(len(left) for left, _ in lines)
    return "\n".join(f"{left:<{width}} = {right}" for left, right in lines)
