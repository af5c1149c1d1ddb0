"""A recurrent cell as SVG: a tree upward from x_t and h_(t-1), after figure 5."""

from html import escape

from reinas.report.drawing import STYLE, TIP, draw
from reinas.report.formulas import formulas
from reinas.spaces.recurrent import Cell, RecurrentArchitecture
from reinas.tasks.base import Interface

WIDTH, HEIGHT, ACROSS, UP = 104, 38, 116, 86
MARGIN, SIDE = 14, 74
CELL_STYLE = """
.reinas .state rect{fill:#fdf3e4;stroke:#9a6a1c}
.reinas path.memory{stroke:#c0563b}
.reinas text.inject{font-size:11px;fill:#c0563b;text-anchor:start}
"""


class _Tree:
    """Where everything of a cell's drawing is."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.levels = cell.base.bit_length()
        self.width = 2 * (MARGIN + SIDE) + cell.base * ACROSS
        self.bottom = MARGIN + (self.levels + 1) * UP
        self.height = self.bottom + HEIGHT + MARGIN

    def level(self, node: int) -> int:
        """0 for leaves."""
        first, width, level = 0, self.cell.base, 0
        while node >= first + width:
            first, width, level = first + width, width // 2, level + 1
        return level

    def middle(self, node: int) -> tuple[float, float]:
        """The middle of a node's box."""
        if node >= self.cell.base:
            left, right = self.cell.inputs(node)
            x = (self.middle(left)[0] + self.middle(right)[0]) / 2
        else:
            x = MARGIN + SIDE + (node + 0.5) * ACROSS
        return x, self.bottom - UP * (self.level(node) + 1) + HEIGHT / 2

    def links(self) -> list[str]:
        """From every node to the node above, and from the inputs to the leaves."""
        paths = []
        for node in range(len(self.cell.nodes)):
            x, y = self.middle(node)
            if node >= self.cell.base:
                for child in self.cell.inputs(node):
                    a, b = self.middle(child)
                    paths.append(_path(f"M{a} {b - HEIGHT / 2} L{x} {y + HEIGHT / 2}"))
            else:
                paths.append(_path(f"M{x} {self.bottom} V{y + HEIGHT / 2}"))
        x, y = self.middle(len(self.cell.nodes) - 1)
        paths.append(_path(f"M{x} {y - HEIGHT / 2} V{MARGIN + HEIGHT}"))
        return paths

    def memory(self) -> list[str]:
        """c_(t-1) comes in from the left, c_t leaves to the right, each in a gap of the tree."""
        x, y = self.middle(self.cell.into)
        line = y - HEIGHT / 2 - 16
        left = MARGIN + SIDE - 12
        into = f"M{left} {line} H{x - WIDTH / 4} V{y - HEIGHT / 2}"
        a, b = self.middle(self.cell.out)
        gap = b - HEIGHT / 2 - 28
        right = self.width - left
        out = f"M{a + WIDTH / 4} {b - HEIGHT / 2} V{gap} H{right}"
        return [
            f'<text class="inject" x="{left + 5}" y="{line - 5}">then {self.cell.inject}</text>',
            _path(into, "memory"),
            _path(out, "memory"),
            _state("c_(t-1)", MARGIN, line - HEIGHT / 2, SIDE - 12),
            _state("c_t", right, gap - HEIGHT / 2, SIDE - 12),
        ]

    def boxes(self) -> list[str]:
        """Every node with its combination and activation, and the injection where it is."""
        parts = []
        for number, node in enumerate(self.cell.nodes):
            x, y = self.middle(number)
            hover = f"node {number}: {node}"
            if number == self.cell.into:
                hover += f", then {self.cell.inject} with c_(t-1)"
            parts.append(
                f'<g class="box"><title>{escape(hover)}</title>'
                f'<rect x="{x - WIDTH / 2}" y="{y - HEIGHT / 2}" width="{WIDTH}"'
                f' height="{HEIGHT}" rx="6"/>'
                f'<text x="{x}" y="{y - 2}">{escape(node.activation)}</text>'
                f'<text class="small" x="{x}" y="{y + 13}">{escape(node.combination)}</text></g>'
            )
        return parts

    def ends(self) -> list[str]:
        """h_t on top, the inputs at the bottom."""
        x = self.middle(len(self.cell.nodes) - 1)[0]
        wide = self.cell.base * ACROSS - (ACROSS - WIDTH)
        left = MARGIN + SIDE + (ACROSS - WIDTH) / 2
        return [
            _state("h_t", x - WIDTH / 2, MARGIN, WIDTH),
            _state("x_t, h_(t-1)", left, self.bottom, wide),
        ]


def _path(path: str, kind: str = "") -> str:
    return f'<path class="{kind}" d="{path}" marker-end="url(#tip)"/>'


def _state(label: str, x: float, y: float, width: float) -> str:
    return (
        f'<g class="state"><rect x="{x}" y="{y}" width="{width}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{x + width / 2}" y="{y + HEIGHT / 2 + 4}">{escape(label)}</text></g>'
    )


@draw.register
def _(architecture: RecurrentArchitecture, task: Interface) -> str:
    tree = _Tree(architecture.cell)
    size = f'width="{tree.width}" height="{tree.height}"'
    title = "recurrent cell:\n" + formulas(architecture.cell)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="reinas" {size}'
            f' viewBox="0 0 {tree.width} {tree.height}" role="img" aria-label="recurrent cell">',
            f"<title>{escape(title)}</title><style>{STYLE}{CELL_STYLE}</style>",
            TIP,
            *tree.links(),
            *tree.memory(),
            *tree.boxes(),
            *tree.ends(),
            "</svg>",
        ]
    )
