"""train.py: trains the network anew by the recipe that it was found with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reinas.children import adjust_recipe
from reinas.errors import SettingError
from reinas.export.network import FoundNetwork
from reinas.objectives.classification import Classification
from reinas.objectives.language import LanguageModelling
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression
from reinas.tasks.recipes import Recipe

TRAIN = """def train(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    valid: tuple[Tensor, Tensor],
    learning_rate: float,
    decay: float,
) -> None:"""


@dataclass(frozen=True)
class Trained:
    """A network that train.py trains.

    Args:
        attribute: Where it is in the file's network: `body`, or `body.member1`.
        recipe: How it is trained, with what its architecture decides.
    """

    attribute: str
    recipe: Recipe


def train_file(network: FoundNetwork, architectures: Sequence[Any]) -> str:
    """The text of train.py.

    Args:
        network: The found network.
        architectures: Those of its members; of one network its own.

    Raises:
        SettingError: Its objective is somebody's own, whose loss only reinas knows.
    """
    found = network.description
    base = Recipe(**found["recipe"]) if "recipe" in found else Recipe()
    entries = found.get("members", [found])
    several = "members" in found
    trained = [
        Trained(
            f"body.member{n}" if several else "body",
            adjust_recipe(architecture, _as_long(base, entry)),
        )
        for n, (architecture, entry) in enumerate(zip(architectures, entries, strict=True), start=1)
    ]
    parts = [
        _rate(base),
        *([_augment(base)] if _augments(network, base) else []),
        *(_text(network, base) if network.objective.tokens else _examples(network, base)),
        _train(network, base),
        _main(network, trained),
    ]
    return _head(network, base, trained, parts) + "\n\n\n" + "\n\n\n".join(parts) + "\n"


def _as_long(recipe: Recipe, entry: Mapping[str, Any]) -> Recipe:
    """The recipe with as many epochs as were trained, where the clock decided that."""
    passes = entry.get("passes")
    return recipe if passes is None else replace(recipe, epochs=max(1, round(passes)))


def _augments(network: FoundNetwork, recipe: Recipe) -> bool:
    changes = recipe.upsample or recipe.pad or recipe.flip or recipe.cutout
    return bool(changes) and len(network.description["task"]["inputs"]) == 3


def _head(
    network: FoundNetwork, recipe: Recipe, trained: Sequence[Trained], parts: Sequence[str]
) -> str:
    tokens = network.objective.tokens
    needed = (
        "tokens_train and tokens_valid, int64 [N]"
        if tokens
        else "x_train, y_train, x_valid and y_valid: raw examples and their targets"
    )
    code = "\n".join(parts)
    own = ["import argparse"]
    own += ["import copy"] if "copy." in code else []
    own += ["import math"] if "math." in code else []
    own += ["from collections.abc import Iterator", "from pathlib import Path"]
    constants = [
        f"EPOCHS = {trained[0].recipe.epochs}",
        f"BATCH_SIZE = {recipe.batch_size}",
        "NETWORKS = {  # learning rate and weight decay of each",
        *(
            f'    "{t.attribute}": ({t.recipe.learning_rate!r}, {t.recipe.weight_decay!r}),'
            for t in trained
        ),
        "}",
    ]
    return "\n".join(
        [
            '"""Train the network anew: python train.py DATA.safetensors',
            "",
            f"DATA has the tensors {needed}.",
            "The standardisation stays that of weights.safetensors.",
            '"""',
            "",
            *own,
            "",
            "import torch",
            "from network import Network",
            "from safetensors.torch import load_file, save_file",
            "from torch import Tensor, nn",
            *(["from torch.nn import functional"] if "functional." in code else []),
            "",
            "FOLDER = Path(__file__).parent",
            *constants,
        ]
    )


def _rate(recipe: Recipe) -> str:
    """The schedule as a function."""
    lines = []
    if recipe.warmup:
        lines += [f"if done < {recipe.warmup!r}:", f"    return done / {recipe.warmup!r}"]
    left = "" if not recipe.warmup else f" / {1 - recipe.warmup!r}"
    match recipe.schedule:
        case "step":
            lines.append(f"return 0.1 ** sum(done >= share for share in {recipe.decay_at!r})")
        case "cosine":
            begun = f"(done - {recipe.warmup!r}){left}" if recipe.warmup else "done"
            lines.append(f"return 0.5 * (1 + math.cos(math.pi * {begun}))")
        case "exponential":
            late = f"math.floor(done * EPOCHS) + 1 - {recipe.decay_after}"
            lines.append(f"return {recipe.decay!r} ** max(0, {late})")
        case "linear":
            lines.append(f"return (1 - done){left}")
        case "trapezoid":
            lines.append(f"return min(1.0, (1 - done) / {recipe.cooldown!r})")
        case _:
            lines.append("return 1.0")
    return _function(
        "def rate(done: float) -> float:",
        "The factor of the learning rate after a share of the training.",
        lines,
    )


def _augment(recipe: Recipe) -> str:
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
    return _function("def augment(x: Tensor) -> Tensor:", "Change images at random.", lines)


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


def _examples(network: FoundNetwork, recipe: Recipe) -> list[str]:
    """What differs between examples and text: the batches, and the measure."""
    x = "augment(x[index])" if _augments(network, recipe) else "x[index]"
    plain, smoothed = _loss(network, 0.0), _loss(network, recipe.label_smoothing)
    softened = plain != smoothed
    loss = _function(
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
    batches = _function(
        "def losses(model: nn.Module, x: Tensor, y: Tensor) -> Iterator[Tensor]:",
        "The loss of every batch of one pass.",
        lines,
    )
    measure = _function(
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


def _text(network: FoundNetwork, recipe: Recipe) -> list[str]:
    loss = _function(
        "def loss_of(outputs: Tensor, y: Tensor) -> Tensor:",
        "The mean loss of a window, in nats per token.",
        [f"return {_loss(network, 0.0)}"],
    )
    shift = [
        "first = int(torch.randint(len(x), ()))",
        "x, y = x.roll(-first), y.roll(-first)",
    ]
    batches = _function(
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
    measure = _function(
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


def _optimizer(recipe: Recipe) -> list[str]:
    if recipe.optimizer == "sgd":
        more = f" momentum={recipe.momentum!r}, nesterov=True," if recipe.momentum else ""
        given = f"    weights, learning_rate,{more} weight_decay=decay"
        return ["optimizer = torch.optim.SGD(", given, ")"]
    kind = {"adam": "Adam", "adamw": "AdamW"}[recipe.optimizer]
    return [f"optimizer = torch.optim.{kind}(weights, learning_rate, weight_decay=decay)"]


def _train(network: FoundNetwork, recipe: Recipe) -> str:
    """The training of one network."""
    average, patience = recipe.average, recipe.patience
    lines = []
    if recipe.initial:
        bounds = f"-{recipe.initial!r}, {recipe.initial!r}"
        lines += ["for each in model.parameters():", f"    nn.init.uniform_(each, {bounds})"]
    lines += ["weights = model.parameters()", *_optimizer(recipe)]
    kept = "model"
    if average:
        kept = "averaged"
        lines += ["averaged, steps = copy.deepcopy(model), 0  # running means of the weights"]
    lines += ["best, kept, waited = math.inf, {}, 0"] if patience else []
    count = (
        f"max(1, len(x) // BATCH_SIZE // {recipe.steps})"
        if network.objective.tokens
        else "max(1, math.ceil(len(x) / BATCH_SIZE))"
    )
    smooth = recipe.is_smooth
    lines += [f"batches = {count}"] if smooth else []
    lines += ["for epoch in range(EPOCHS):", "    model.train()"]
    lines += [] if smooth else _set_rate("epoch / EPOCHS", "    ")
    number = "number, " if smooth else ""
    each = "enumerate(losses(model, x, y))" if smooth else "losses(model, x, y)"
    lines += [
        f"    for {number}loss in {each}:",
        "        optimizer.zero_grad()",
        "        loss.backward()",
    ]
    if recipe.clip:
        clip = f"nn.utils.clip_grad_norm_(model.parameters(), {recipe.clip!r})"
        lines.append(f"        {clip}")
    lines += (
        _set_rate("min(1.0, (epoch + number / batches) / EPOCHS)", "        ") if smooth else []
    )
    lines.append("        optimizer.step()")
    if average:
        lines += ["        steps += 1", "        average(averaged, model, steps)"]
    lines += [
        f"    value = measure({kept}, *valid)",
        '    print(f"epoch {epoch + 1} of {EPOCHS}: validation loss {value:.4f}", flush=True)',
    ]
    if patience:
        lines += [
            "    waited += 1",
            "    if value < best:",
            f"        best, kept, waited = value, copy.deepcopy({kept}.state_dict()), 0",
        ]
        if patience < 10**5 and recipe.schedule in ("constant", "step", "exponential"):
            lines += [f"    if waited >= {patience}:", "        break"]
        lines.append("model.load_state_dict(kept)")
    elif average:
        lines.append("model.load_state_dict(averaged.state_dict())")
    train = _function(
        TRAIN,
        "Train one network; it keeps the weights of its best epoch."
        if patience
        else "Train one network.",
        lines,
    )
    return (_average(average) + "\n\n\n" if average else "") + train


def _set_rate(done: str, indent: str) -> list[str]:
    return [
        f"{indent}for group in optimizer.param_groups:",
        f'{indent}    group["lr"] = learning_rate * rate({done})',
    ]


def _average(share: float) -> str:
    return _function(
        "@torch.no_grad()\ndef average(mean: nn.Module, model: nn.Module, steps: int) -> None:",
        "Add one more step to running means, which forget the beginning (Karras et al. 2024).",
        [
            "pairs = zip(mean.state_dict().values(), model.state_dict().values(), strict=True)",
            "for mine, theirs in pairs:",
            "    if mine.dtype.is_floating_point:",
            f"        mine.lerp_(theirs, 1 / (1 + {share!r} * steps))",
            "    else:",
            "        mine.copy_(theirs)",
        ],
    )


def _main(network: FoundNetwork, trained: Sequence[Trained]) -> str:
    lines = [
        "parser = argparse.ArgumentParser(description=__doc__)",
        'parser.add_argument("data", help="a .safetensors file")',
        'parser.add_argument("--seed", type=int, default=0)',
        'parser.add_argument("--to", default=str(FOLDER / "weights.safetensors"))',
        "args = parser.parse_args()",
        "torch.manual_seed(args.seed)",
        "data = load_file(args.data)",
        "network = Network()",
    ]
    if network.objective.tokens:
        lines += [
            "train_part, valid_part = (",
            '    (data[name][:-1], data[name][1:]) for name in ("tokens_train", "tokens_valid")',
            ")",
        ]
    else:
        target = ""
        lines += [
            'known = load_file(FOLDER / "weights.safetensors")',
            'scaling = {k: v for k, v in known.items() if not k.startswith("body.")}',
            "network.load_state_dict(scaling, strict=False)",
        ]
        if isinstance(network.objective, Regression):
            target = "y = (y - network.target_mean) / network.target_std"
        lines += ["parts = []", 'for part in ("train", "valid"):']
        lines += ['    x, y = data[f"x_{part}"], data[f"y_{part}"]']
        if target and "target_mean" in dict(network.named_buffers()):
            lines += [f"    {target}"] if _has_unit(network) else []
        lines += [
            "    with torch.no_grad():",
            "        parts.append((network.standardise(x), y))",
            "train_part, valid_part = parts",
        ]
    lines += [
        "for name, (learning_rate, decay) in NETWORKS.items():",
        '    print(f"training {name}", flush=True)',
        "    model = network.get_submodule(name)",
        "    train(model, *train_part, valid_part, learning_rate, decay)",
    ]
    if len(trained) > 1:
        lines += [
            'shares = load_file(FOLDER / "weights.safetensors")["body.weights"]',
            "network.body.weights.copy_(shares)",
        ]
    lines += [
        "state = {k: v.contiguous().clone() for k, v in network.state_dict().items()}",
        "save_file(state, args.to)",
        'print(f"saved {args.to}")',
    ]
    main = _function("def main() -> None:", "Train, and save the weights.", lines)
    return f'{main}\n\n\nif __name__ == "__main__":\n    main()'


def _has_unit(network: FoundNetwork) -> bool:
    return bool((network.target_mean != 0).any() or (network.target_std != 1).any())


def _function(head: str, doc: str, lines: Sequence[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f'{head}\n    """{doc}"""\n{body}'
