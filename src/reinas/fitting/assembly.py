"""From trained candidates to one network: chosen on the validation part, tested once."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn

from reinas.children import adjust_recipe
from reinas.children.build import Builder, apply_recipe
from reinas.children.ensemble import combined
from reinas.errors import FileError, ReinasError
from reinas.fitting.phases import CHOICE, RESERVED_SECONDS, TEST, Candidate, Phases
from reinas.fitting.pieces import Piece, identity, kept_weights
from reinas.fitting.selection import select
from reinas.tasks.base import AbstractTask
from reinas.training.checkpoint_file import read_checkpoint
from reinas.training.computing import as_placed
from reinas.training.tensors import search_tensors
from reinas.types import TOO_COSTLY, Trial


@dataclass(frozen=True)
class Member:
    """A network of the ensemble.

    Args:
        trial: The trial that proposed it.
        architecture: What it is.
        weight: Its share.
        child: The trained network.
        passes: How often it has seen the training part.
    """

    trial: Trial[Any]
    architecture: Any
    weight: float
    child: nn.Module
    passes: float


def assemble(phases: Phases, task: AbstractTask, builder: Builder) -> list[Member]:
    """Choose the networks that together have the lowest validation loss.

    Args:
        phases: Has the candidates.
        task: Has the validation part.
        builder: Builds the networks.

    Returns:
        The members, the heaviest first.

    Raises:
        ReinasError: No network could be trained.
    """
    plan, placement = phases.plan, phases.evaluator.placement
    valid = search_tensors(task, placement.device)[1]
    count = 3 * plan.members if plan.members > 1 else 1
    took = 0.0
    children: list[nn.Module] = []
    passes: list[float] = []
    trials: list[Trial[Any]] = []
    evidence: list[Tensor] = []
    for candidate in phases.best(count):
        restored = _restored(phases, candidate, builder)
        if restored is None:
            continue
        child, passed = restored
        passes.append(passed)
        trials.append(phases.trial(candidate.trial))
        children.append(child)
        if plan.members == 1:
            break
        begun = time.monotonic()
        placed = as_placed(child, placement)
        evidence.append(task.objective.evidence(placed, valid.x, valid.y).cpu())
        took = max(took, time.monotonic() - begun)
        chosen = min(len(children) + 1, plan.members)
        views = 2 if plan.mirror else 1
        if phases.clock.left < RESERVED_SECONDS + took * (1 + TEST / CHOICE * views * chosen):
            break  # the rest of the time is for the test
    if not children:
        raise ReinasError(_nothing_found(phases))
    weights = {0: 1.0}
    if len(children) > 1:
        weights = select(evidence, valid.y.cpu(), task.objective, plan.members)
    members = [
        Member(trials[n], trials[n].architecture, w, children[n], passes[n])
        for n, w in weights.items()
    ]
    return sorted(members, key=lambda m: (-m.weight, m.trial.number))


def _nothing_found(phases: Phases) -> str:
    """Why there is no network, and what to do."""
    failed = [t.outcome.error for t in phases.study.trials if t.outcome and t.outcome.error]
    costly = [error for error in failed if error.startswith(TOO_COSTLY)]
    if costly and len(costly) == len(failed):
        return (
            f"all {len(costly)} networks tried exceed a limit ({costly[0].partition(': ')[2]}):"
            " raise it"
        )
    often = Counter(failed).most_common(1)
    reason = f" ({often[0][0]})" if often else ""
    return (
        f"no network could be trained in {phases.clock.seconds / 60:g} minutes{reason}: give it"
        " more minutes"
    )


def joined(members: Sequence[Member], task: AbstractTask, *, mirror: bool) -> nn.Module:
    """The members as one network; a single one is itself.

    Args:
        members: The networks and their weights.
        task: Its objective combines outputs.
        mirror: Whether mirror images are averaged over, too.
    """
    if len(members) == 1 and not mirror:
        return members[0].child
    children, weights = [m.child for m in members], [m.weight for m in members]
    return combined(children, weights, task.objective, mirror=mirror)


def _restored(
    phases: Phases, candidate: Candidate, builder: Builder
) -> tuple[nn.Module, float] | None:
    """The candidate's network with the weights that were measured, and its passes.

    None if its file is torn.
    """
    trial = phases.trial(candidate.trial)
    piece: Piece = phases.piece(trial)
    evaluator = phases.evaluator
    device = evaluator.placement.device
    try:
        state = read_checkpoint(phases.checkpoint(trial.number), identity(piece), device)
    except FileError:
        return None
    child = builder(trial.architecture, evaluator.task).to(device)
    apply_recipe(child, adjust_recipe(trial.architecture, piece.recipe))
    child.load_state_dict(kept_weights(state))
    return child.eval(), float(state["clock"][3])


def description_of(members: Sequence[Member], *, mirror: bool) -> Mapping[str, Any]:
    """What network.json says about the members of an ensemble, or about one network."""
    if len(members) == 1 and not mirror:
        return {"passes": members[0].passes}
    return {
        "mirror": mirror,
        "members": [
            {
                "trial": member.trial.number,
                "answers": list(member.trial.answers),
                "summary": str(member.architecture),
                "architecture": asdict(member.architecture),
                "weight": member.weight,
                "passes": member.passes,
            }
            for member in members
        ],
    }
