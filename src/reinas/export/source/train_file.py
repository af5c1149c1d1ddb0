"""train.py: trains the network anew by the recipe that it was found with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reinas.children import adjust_recipe
from reinas.export.network import FoundNetwork
from reinas.export.source.train_losses import augment, augments, examples, function, text
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
        *([augment(base)] if augments(network, base) else []),
        *(text(network, base) if network.objective.tokens else examples(network, base)),
        _train(network, base),
        _main(network, trained),
    ]
    return _head(network, base, trained, parts) + "\n\n\n" + "\n\n\n".join(parts) + "\n"


def _as_long(recipe: Recipe, entry: Mapping[str, Any]) -> Recipe:
    """The recipe with as many epochs as were trained, where the clock decided that."""
    passes = entry.get("passes")
    return recipe if passes is None else replace(recipe, epochs=max(1, round(passes)))


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
    return function(
        "def rate(done: float) -> float:",
        "The factor of the learning rate after a share of the training.",
        lines,
    )


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
    train = function(
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
    return function(
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
    main = function("def main() -> None:", "Train, and save the weights.", lines)
    return f'{main}\n\n\nif __name__ == "__main__":\n    main()'


def _has_unit(network: FoundNetwork) -> bool:
    return bool((network.target_mean != 0).any() or (network.target_std != 1).any())
