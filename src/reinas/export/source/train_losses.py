"""The losses of train.py: batches of examples or windows of text, and what is measured."""

from collections.abc import Sequence

from reinas.errors import SettingError
from reinas.export.network import FoundNetwork
from reinas.objectives.classification import Classification
from reinas.objectives.language import LanguageModelling
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression
from reinas.tasks.recipes import Recipe


def augments(network: FoundNetwork, recipe: Recipe) -> bool:
    """Whether the recipe changes images at random."""
    changes = recipe.upsample or recipe.pad or recipe.flip or recipe.cutout
    return bool(changes) and len(network.description["task"]["inputs"]) == 3


def augment(recipe: Recipe) -> str:
    """Random changes of images as a function."""
    lines = ["count, _, height, width = x.shape"]
    edge = recipe.upsample or recipe.pad
    if recipe.upsample:
        size = f"(height + {2 * edge}, width + {2 * edge})"
        lines.append(f'x = functional.interpolate(x, {size}, mode="bilinear")')
    elif recipe.pad:
        lines.append(f"x = functional.pad(x, ({edge}, {edge}, {edge}, {edge}))")
    if edge:
        lines += [
            "windows = x.unfold(2, height, 1).unfold(3, width, 1)",
            f"top, left = torch.randint({2 * edge + 1}, (2, count))",
            "x = windows[torch.arange(count), :, top, left]",
        ]
    if recipe.flip:
        lines.append("x = torch.where(torch.rand(count, 1, 1, 1) < 0.5, x.flip(3), x)")
    if recipe.cutout:
        side = recipe.cutout
        lines += [
            f"row, column = (torch.randint(n, (count, 1)) - {side // 2} for n in (height, width))",
            "rows, columns = torch.arange(height) - row, torch.arange(width) - column",
            f"rows, columns = (rows >= 0) & (rows < {side}), (columns >= 0) & (columns < {side})",
            "x = x.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0.0)",
        ]
    lines.append("return x")
    return function("def augment(x: Tensor) -> Tensor:", "Change images at random.", lines)


def _loss(network: FoundNetwork, smoothing: float) -> str:
    """The loss of a batch, as an expression."""
    match network.objective:
        case Classification(weights=weights):
            more = f", weight=torch.tensor({list(weights)!r})" if weights else ""
            more += f", label_smoothing={smoothing!r}" if smoothing else ""
            return f"functional.cross_entropy(outputs, y{more})"
        case MultiLabel():
            return "functional.binary_cross_entropy_with_logits(outputs, y)"
        case Regression():
            return "functional.mse_loss(outputs, y)"
        case LanguageModelling():
            return "functional.cross_entropy(outputs.flatten(0, 1), y.flatten())"
        case own:
            raise SettingError(
                f"train.py cannot be written: only reinas knows the loss of {type(own).__name__}"
            )


def examples(network: FoundNetwork, recipe: Recipe) -> list[str]:
    """The functions `loss_of`, `losses` and `measure` for examples."""
    x = "augment(x[index])" if augments(network, recipe) else "x[index]"
    plain, smoothed = _loss(network, 0.0), _loss(network, recipe.label_smoothing)
    softened = plain != smoothed
    loss = function(
        f"def loss_of(outputs: Tensor, y: Tensor{', *, training: bool' * softened}) -> Tensor:",
        "The mean loss of a batch.",
        ["if training:", f"    return {smoothed}", f"return {plain}"]
        if softened
        else [f"return {plain}"],
    )
    training, not_training = (f", training={flag}" * softened for flag in (True, False))
    lines = [
        "pieces = torch.randperm(len(x)).split(BATCH_SIZE)",
        "pieces = pieces if len(pieces[-1]) > 1 else pieces[:-1]  # one example has no variance",
        "for index in pieces:",
        f"    inputs, targets = {x}, y[index]",
    ]
    if recipe.mixup:
        lines += [
            f"    share = torch.distributions.Beta({recipe.mixup!r}, {recipe.mixup!r}).sample()",
            "    other = torch.randperm(len(index))",
            "    outputs = model(share * inputs + (1 - share) * inputs[other])",
            f"    loss = share * loss_of(outputs, targets{training})",
            f"    yield loss + (1 - share) * loss_of(outputs, targets[other]{training})",
        ]
    else:
        lines.append(f"    yield loss_of(model(inputs), targets{training})")
    batches = function(
        "def losses(model: nn.Module, x: Tensor, y: Tensor) -> Iterator[Tensor]:",
        "The loss of every batch of one pass.",
        lines,
    )
    measure = function(
        "def measure(model: nn.Module, x: Tensor, y: Tensor) -> float:",
        "The mean loss.",
        [
            "model.eval()",
            "with torch.no_grad():",
            "    outputs = torch.cat([model(chunk) for chunk in x.split(512)])",
            f"return float(loss_of(outputs, y{not_training}))",
        ],
    )
    return [loss, batches, measure]


def text(network: FoundNetwork, recipe: Recipe) -> list[str]:
    """The functions `loss_of`, `losses` and `measure` for text."""
    loss = function(
        "def loss_of(outputs: Tensor, y: Tensor) -> Tensor:",
        "The mean loss of a window, in nats per token.",
        [f"return {_loss(network, 0.0)}"],
    )
    shift = [
        "first = int(torch.randint(len(x), ()))",
        "x, y = x.roll(-first), y.roll(-first)",
    ]
    batches = function(
        "def losses(model: nn.Module, x: Tensor, y: Tensor) -> Iterator[Tensor]:",
        "The loss of every window of one pass, with truncated back-propagation through time.",
        [
            *(shift if recipe.shift else []),
            "length = len(x) // BATCH_SIZE",
            "x, y = (t[: length * BATCH_SIZE].view(BATCH_SIZE, length).t() for t in (x, y))",
            "state = model.start(BATCH_SIZE)",
            f"windows = zip(x.split({recipe.steps}), y.split({recipe.steps}), strict=True)",
            "for tokens, following in windows:",
            "    logits, state = model.run(tokens, state)",
            "    state = tuple((h.detach(), c.detach()) for h, c in state)",
            "    yield loss_of(logits, following)",
        ],
    )
    measure = function(
        "def measure(model: nn.Module, x: Tensor, y: Tensor) -> float:",
        "Nats per token, read as one piece.",
        [
            "model.eval()",
            "total, state = 0.0, model.start(1)",
            "with torch.no_grad():",
            "    for tokens, following in zip(x.split(70), y.split(70), strict=True):",
            "        logits, state = model.run(tokens[:, None], state)",
            "        total += float(loss_of(logits, following[:, None])) * len(tokens)",
            "return total / len(x)",
        ],
    )
    return [loss, batches, measure]


def function(head: str, doc: str, lines: Sequence[str]) -> str:
    """A function with a docstring of one line."""
    body = "\n".join(f"    {line}" for line in lines)
    return f'{head}\n    """{doc}"""\n{body}'
