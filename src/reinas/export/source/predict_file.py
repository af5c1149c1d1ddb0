"""predict.py: reads people's own examples as in training, and names what the network says."""

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from reinas.export.network import FoundNetwork
from reinas.objectives.classification import Classification
from reinas.objectives.multi_label import MultiLabel

LOAD = '''
def load() -> Network:
    """The trained network."""
    network = Network()
    network.load_state_dict(load_file(FOLDER / "weights.safetensors"))
    return network.eval()
'''

TENSORS = '''
def read(file: str) -> Tensor:
    """Raw examples: the tensor `x` of a .safetensors file, [N, {shape}]."""
    return load_file(file)["x"]
'''

TABLE = '''
def read(file: str) -> Tensor:
    """The rows of a CSV file with a header, encoded as in training: [N, inputs]."""
    with open(file, newline="", encoding="utf-8-sig") as opened:
        rows = list(csv.DictReader(opened{delimiter}))
    return encode(rows)


def encode(rows: list[dict[str, str]]) -> Tensor:
    """Rows as the network takes them: categories as 0 and 1, missing numbers filled in."""
    return torch.tensor(
        [[number for column in COLUMNS for number in cells(row, column)] for row in rows]
    )


def cells(row: dict[str, str], column: dict[str, Any]) -> list[float]:
    """One cell as numbers."""
    cell = str(row[column["name"]]).strip()
    if column["values"]:
        return [float(cell == value) for value in column["values"]]
    if cell.lower() in MISSING:
        return [column["fill"], 1.0][: 1 + column["gaps"]]
    number = float(cell.replace(",", ".") if column["comma"] else cell)
    return [number, 0.0][: 1 + column["gaps"]]
'''

IMAGES = '''
def read(*files: str) -> Tensor:
    """Image files as bytes, squeezed to {width} x {height}: [N, {channels}, {height}, {width}]."""
    return torch.stack([picture(file) for file in files])


def picture(file: str) -> Tensor:
    """One image file: uint8 [{channels}, {height}, {width}]."""
    with Image.open(file) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith(("I", "F")):
            raise SystemExit(f"{{file}} has {{image.mode}} pixels: convert it to 8 bits first")
        image = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
        if image.size != ({width}, {height}):
            image = image.resize(({width}, {height}), Image.Resampling.BILINEAR)
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        pixels = pixels.view({height}, {width}, -1)
{colours}
'''
GREY = """
        if pixels.shape[2] == 3:  # the brightness of a colour image (ITU-R 601)
            weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
            pixels = (pixels.double() @ weights).round().to(torch.uint8)[..., None]
        return pixels.movedim(2, 0).contiguous()
"""
COLOUR = """
        return pixels.movedim(2, 0).expand(3, -1, -1).contiguous()
"""

TEXT = '''
def read(text: str) -> Tensor:
    """A text as tokens [T, 1]; unknown ones are number 0."""
    return torch.tensor([[NUMBERS.get(token, 0)] for token in {tokens}])


def continued(text: str, count: int) -> list[str]:
    """The text's likeliest continuation, token by token."""
    network, result = load(), []
    with torch.no_grad():
        state = network.body.start(1)
        tokens = read(text)
        for _ in range(count):
            logits, state = network.body.run(tokens, state)
            tokens = logits[-1:].argmax(-1)
            result.append(VOCABULARY[int(tokens)])
    return result
'''


def predict_file(network: FoundNetwork) -> str:
    """The text of predict.py.

    Args:
        network: The found network.
    """
    about = network.description["task"]
    reader = about.get("reader", "text" if network.objective.tokens else "tensors")
    imports, constants, read, usage, call = _WRITERS[reader](network, about)
    predict = "" if reader == "text" else _predictions(network)
    given = "*sys.argv[1:]" if reader == "images" else "sys.argv[1]"
    main = "if len(sys.argv) < 2:\n    sys.exit(__doc__)\n"
    main += call or f"for answer in predict(read({given})):\n    print(answer)"
    body = [
        LOAD.strip(),
        read.strip(),
        *([predict] if predict else []),
        'if __name__ == "__main__":\n' + textwrap.indent(main, "    "),
    ]
    own = ["import sys", "from pathlib import Path", *imports]
    own = sorted(own, key=lambda line: (line.startswith("from"), line))
    others = ["import torch", *[line for line in own if "PIL" in line]]
    others += ["from network import Network", "from safetensors.torch import load_file"]
    others += ["from torch import Tensor"]
    others.sort(key=lambda line: (line.startswith("from"), line))
    head = [
        f'"""Use the network: {usage}."""',
        "",
        *[line for line in own if "PIL" not in line],
        "",
        *others,
        "",
        "FOLDER = Path(__file__).parent",
        *constants,
    ]
    return "\n".join(head) + "\n\n\n" + "\n\n\n".join(body) + "\n"


def _predictions(network: FoundNetwork) -> str:
    """The function that names what the outputs say."""
    classes = bool(network.classes)
    match network.objective:
        case Classification():
            kind, doc = "str" if classes else "int", "The class of each example."
            lines = ["numbers = outputs.argmax(-1).tolist()"]
            lines += ["return [CLASSES[n] for n in numbers]" if classes else "return numbers"]
        case MultiLabel():
            kind = "list[str]" if classes else "list[int]"
            doc = "The labels of each example."
            label = "CLASSES[n]" if classes else "n"
            lines = [
                "rows = [row.nonzero().flatten().tolist() for row in outputs > 0]",
                f"return [[{label} for n in row] for row in rows]",
            ]
        case _:
            kind, doc = "Any", "What the network says about each example."
            lines = ["return outputs.squeeze(-1).tolist()"]
    return "\n".join(
        [
            f"def predict(x: Tensor) -> list[{kind}]:",
            f'    """{doc}"""',
            "    with torch.no_grad():",
            "        outputs = load()(x)",
            *(f"    {line}" for line in lines),
        ]
    )


Parts = tuple[list[str], list[str], str, str, str]
"""Imports, constants, the function that reads, the usage, and what the script does."""


def _classes(network: FoundNetwork) -> list[str]:
    return [_list("CLASSES", list(network.classes))] if network.classes else []


def _any(network: FoundNetwork) -> list[str]:
    known = isinstance(network.objective, Classification | MultiLabel)
    return [] if known else ["from typing import Any"]


def _tensors(network: FoundNetwork, about: Mapping[str, Any]) -> Parts:
    shape = ", ".join(map(str, about["inputs"]))
    usage = "python predict.py EXAMPLES.safetensors"
    return _any(network), _classes(network), TENSORS.format(shape=shape), usage, ""


def _table(network: FoundNetwork, about: Mapping[str, Any]) -> Parts:
    from reinas.tasks.table_encoding import MISSING

    columns = [dict(column) for column in about["columns"]]
    constants = [
        *_classes(network),
        f"MISSING = {sorted(MISSING)!r}".replace("'", '"'),
        _list("COLUMNS", columns),
    ]
    comma = any(column["comma"] for column in columns)
    read = TABLE.replace("{delimiter}", ', delimiter=";"' if comma else "")
    return (
        ["import csv", "from typing import Any"],
        constants,
        read,
        "python predict.py FILE.csv",
        "",
    )


def _images(network: FoundNetwork, about: Mapping[str, Any]) -> Parts:
    height, width = about["size"]
    read = IMAGES.strip("\n").format(
        channels=1 if about["grey"] else 3,
        height=height,
        width=width,
        colours=(GREY if about["grey"] else COLOUR).strip("\n"),
    )
    imports = ["from PIL import Image, ImageOps", *_any(network)]
    return imports, _classes(network), read, "python predict.py IMAGE ... (needs Pillow, too)", ""


def _text(network: FoundNetwork, about: Mapping[str, Any]) -> Parts:
    is_char = about.get("level") == "char"
    constants = [
        'VOCABULARY = json.loads((FOLDER / "vocabulary.json").read_text(encoding="utf-8"))',
        "NUMBERS = {token: n for n, token in enumerate(VOCABULARY)}",
    ]
    read = TEXT.format(tokens="text" if is_char else "text.split()")
    between = "" if is_char else " "
    call = f'print("{between}".join(continued(sys.argv[1], 20)))'
    return ["import json"], constants, read, 'python predict.py "how it begins"', call


_WRITERS = {"tensors": _tensors, "table": _table, "images": _images, "text": _text}


def _list(name: str, values: list[Any]) -> str:
    """A constant, on one line or one line per value."""
    # JSON's strings are Python's, but for the words true, false and null
    shown = [
        "{" + ", ".join(f"{json.dumps(k)}: {_literal(v)}" for k, v in value.items()) + "}"
        if isinstance(value, dict)
        else _literal(value)
        for value in values
    ]
    line = f"{name} = [{', '.join(shown)}]"
    if len(line) <= 100:
        return line
    return "\n".join([f"{name} = [", *(f"    {text}," for text in shown), "]"])


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value)
