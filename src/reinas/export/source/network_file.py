"""network.py: the found network as one file of plain PyTorch."""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from reinas.children.build import build
from reinas.errors import SettingError
from reinas.export.network import FoundNetwork
from reinas.export.source.code import (
    About,
    Source,
    source_of,
    whole_file,
    wrapped_doc,
)
from reinas.export.source.own import own_source
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.language import LanguageModelling
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression
from reinas.spaces.base import AbstractSpace
from reinas.tasks.recipes import Recipe

COMBINE = {
    Classification: "weighted_mean_log(outputs.log_softmax(-1), weights)",
    LanguageModelling: "weighted_mean_log(outputs.log_softmax(-1), weights)",
    MultiLabel: (
        "weighted_mean_log(functional.logsigmoid(outputs), weights)"
        " - weighted_mean_log(functional.logsigmoid(-outputs), weights)"
    ),
    Regression: 'torch.einsum("k,k...->...", weights, outputs)',
}
"""How the objectives combine the outputs of an ensemble."""


@dataclass(frozen=True)
class Member:
    """A network, or one of an ensemble.

    Args:
        name: Its class in the file.
        source: Its code.
        child: The module whose weights it has.
        prefix: Where its weights are in the file's network.
    """

    name: str
    source: Source
    child: nn.Module
    prefix: str


@dataclass(frozen=True)
class NetworkFile:
    """The text of network.py, and the weights for it.

    Args:
        text: The file.
        weights: Tensors by the names in `Network().state_dict()`.
    """

    text: str
    weights: Mapping[str, Tensor]


def network_file(
    network: FoundNetwork,
    space: AbstractSpace[Any],
    builder: Callable[..., nn.Module] = build,
) -> NetworkFile:
    """Write a found network as code.

    Args:
        network: The network.
        space: Where it was found: decodes what the description records.
        builder: What built it, where that is not reinas.

    Returns:
        The file and its weights.

    Raises:
        SettingError: It has something that cannot be written as code, which is named.
    """
    members = _members(network, space, builder)
    body = _ensemble(network, members) if "members" in network.description else ""
    classes = [
        member.source.code(member.name, str(number) if len(members) > 1 else "")
        for number, member in enumerate(members, start=1)
    ]
    wrapper = _wrapper(network, "Ensemble" if body else members[0].name)
    code = "\n\n\n".join(part for part in (*classes, body, wrapper) if part)
    text = whole_file(
        code,
        _docstring(network),
        [member.source for member in members],
        _recipe(network.description),
    )
    return NetworkFile(text, _weights(network, members))


def class_file(architecture: Any, about: About) -> str:
    """The code of an architecture by itself: what `network_file` has of a trained one.

    Args:
        architecture: The architecture.
        about: What else decides the code.

    Returns:
        A file that defines the class `Network`, which takes standardised examples.

    Raises:
        SettingError: It has something that cannot be written as code, which is named.
    """
    source = _source(architecture, about, build, "task")
    return whole_file(source.code("Network"), "", [source], about.recipe)


def _members(
    network: FoundNetwork, space: AbstractSpace[Any], builder: Callable[..., nn.Module]
) -> list[Member]:
    about, found = network.description["task"], network.description
    known = About(
        tuple(about["inputs"]), about["outputs"], tuple(about.get("flags", ())), _recipe(found)
    )
    several = "members" in found
    members = []
    for number, entry in enumerate(found.get("members", [found]), start=1):
        architecture = space.decode(tuple(entry["answers"]))
        source = _source(architecture, known, builder, about["name"])
        child: Any = network.child
        child = child.members[number - 1] if several else child
        name = f"Member{number}" if several else "Body"
        prefix = f"body.member{number}." if several else "body."
        members.append(Member(name, source, child, prefix))
    return members


def _source(
    architecture: Any, about: About, builder: Callable[..., nn.Module], task: str
) -> Source:
    if type(architecture) in source_of.registry:
        return source_of(architecture, about)
    used = build.dispatch(type(architecture)) if builder is build else builder
    return own_source(architecture, about, used, task)


def _recipe(description: Mapping[str, Any]) -> Recipe:
    return Recipe(**description["recipe"]) if "recipe" in description else Recipe()


def _mirrors(network: FoundNetwork) -> bool:
    return bool(network.description.get("mirror"))


def _ensemble(network: FoundNetwork, members: list[Member]) -> str:
    """The class that combines the members."""
    objective = network.objective
    how = COMBINE.get(type(objective))
    if how is None and type(objective).combine is Objective.combine:
        how = COMBINE[Regression]
    if how is None:
        raise SettingError(
            f"the code of an ensemble for the objective {type(objective).__name__} cannot be"
            " written: only reinas knows how it combines outputs"
        )
    if objective.tokens:
        return _language_ensemble(members, how)
    mirror = _mirrors(network)
    every = ", ".join(f"self.member{n}" for n in range(1, len(members) + 1))
    every += "," if len(members) == 1 else ""
    what = " on each image and its mirror image" if mirror else ""
    views = "(x, x.flip(-1))" if mirror else "(x,)"
    stacked = (
        f"outputs = torch.stack([member(view) for view in {views} for member in members])"
        if mirror
        else "outputs = torch.stack([member(x) for member in members])"
    )
    weights = "self.weights.repeat(2) / 2" if mirror else "self.weights"
    return "\n".join(
        [
            "class Ensemble(nn.Module):",
            f'    """{len(members)} networks as one{what}: their predictions are averaged."""',
            "",
            "    def __init__(self) -> None:",
            "        super().__init__()",
            *(f"        self.member{n} = {m.name}()" for n, m in enumerate(members, start=1)),
            f'        self.register_buffer("weights", torch.ones({len(members)}))',
            "",
            "    def forward(self, x: Tensor) -> Tensor:",
            '        """Map a batch of standardised examples to outputs."""',
            f"        members = ({every})",
            f"        {stacked}",
            f"        weights = {weights}",
            f"        return {how}",
        ]
    )


def _language_ensemble(members: list[Member], how: str) -> str:
    names = [f"member{n}" for n in range(1, len(members) + 1)]
    runs = [
        f"logits{n}, state{n} = self.{name}.run(tokens, state[{n}])" for n, name in enumerate(names)
    ]
    logits, states = (
        ", ".join(f"{what}{n}" for n in range(len(names))) for what in ("logits", "state")
    )
    return "\n".join(
        [
            "class Ensemble(nn.Module):",
            f'    """{len(members)} language models as one: their probabilities are averaged."""',
            "",
            "    def __init__(self) -> None:",
            "        super().__init__()",
            *(f"        self.{name} = {m.name}()" for name, m in zip(names, members, strict=True)),
            f'        self.register_buffer("weights", torch.ones({len(members)}))',
            "",
            "    def start(self, batch: int) -> States:",
            '        """The states of all before the first token."""',
            f"        return ({', '.join(f'self.{name}.start(batch)' for name in names)},)",
            "",
            "    def run(self, tokens: Tensor, state: States) -> tuple[Tensor, States]:",
            '        """Logits [T, B, vocabulary] of tokens [T, B], and the states after them."""',
            *(f"        {line}" for line in runs),
            f"        outputs = torch.stack([{logits}])",
            "        weights = self.weights",
            f"        return {how}, ({states},)",
            "",
            "    def forward(self, tokens: Tensor) -> Tensor:",
            '        """Logits [T, B, vocabulary] of the next token after each of int64 [T, B]."""',
            "        return self.run(tokens, self.start(tokens.shape[1]))[0]",
        ]
    )


def _wrapper(network: FoundNetwork, body: str) -> str:
    """The class that takes raw examples: the standardisation, the body, the targets' unit."""
    if network.objective.tokens:
        return textwrap.dedent(f'''
            class Network(nn.Module):
                """The found network: tokens int64 [T, B] -> logits [T, B, vocabulary]."""

                def __init__(self) -> None:
                    super().__init__()
                    self.body = {body}()

                def forward(self, tokens: Tensor) -> Tensor:
                    """Logits of the next token after each of the tokens."""
                    return self.body(tokens)
        ''').strip()
    buffers = [(n, v) for n, v in network.named_buffers(recurse=False) if _is_used(network, n)]
    inputs = ", ".join(["B", *map(str, network.description["task"]["inputs"])])
    outputs = network.description["task"]["outputs"]
    names = {name for name, _ in buffers}
    lines = ["x = (x - self.input_mean) / self.input_std"]
    if "input_rotation" in names:
        lines.append("x = (x.flatten(1) @ self.input_rotation).view_as(x)")
    if "input_quantiles" in names:
        lines = [
            "scaled = (x - self.input_mean) / self.input_std",
            "by_rank = normal(x, self.input_quantiles)  # standard normal by place among quantiles",
            "x = torch.where(self.input_quantiles[0].isnan(), scaled, by_rank)",
        ]
    lines.append("return x")
    result = "self.body(self.standardise(x))"
    if "target_mean" in names:
        result += " * self.target_std + self.target_mean"
    return "\n".join(
        [
            "class Network(nn.Module):",
            f'    """The found network: raw examples [{inputs}] -> [B, {outputs}]."""',
            "",
            "    def __init__(self) -> None:",
            "        super().__init__()",
            *(
                f'        self.register_buffer("{name}", torch.zeros({tuple(value.shape)}))'
                for name, value in buffers
            ),
            f"        self.body = {body}()",
            "",
            "    def forward(self, x: Tensor) -> Tensor:",
            f'        """{_outputs_doc(network)}"""',
            f"        return {result}",
            "",
            "    def standardise(self, x: Tensor) -> Tensor:",
            '        """Raw examples as the body takes them: as the training part was."""',
            *(f"        {line}" for line in lines),
        ]
    )


def _is_used(network: FoundNetwork, name: str) -> bool:
    """Whether a buffer changes anything: targets of classes have no unit."""
    if not name.startswith("target_"):
        return True
    return bool((network.target_mean != 0).any() or (network.target_std != 1).any())


def _outputs_doc(network: FoundNetwork) -> str:
    match network.objective:
        case Classification():
            return "One logit per class, from raw examples."
        case MultiLabel():
            return "One logit per label, from raw examples."
        case Regression():
            return "Numbers in the targets' own unit, from raw examples."
        case _:
            return "Outputs, from raw examples."


def _weights(network: FoundNetwork, members: list[Member]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    if not network.objective.tokens:
        found |= {
            name: value
            for name, value in network.named_buffers(recurse=False)
            if _is_used(network, name)
        }
    if "members" in network.description:
        ensemble: Any = network.child
        found["body.weights"] = ensemble.weights
    for member in members:
        own = member.source.weights(member.child.state_dict())
        found |= {member.prefix + name: value for name, value in own.items()}
    return found


def _docstring(network: FoundNetwork) -> str:
    found = network.description
    what = "\n\n".join(
        [
            f"A network that reinas found: {found['task']['name']}.",
            "It needs PyTorch alone. `predict.py` uses it, `train.py` trains it anew.",
        ]
    )
    return f'"""{wrapped_doc(what)}"""'
