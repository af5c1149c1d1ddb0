"""The family tree of policies that change earlier networks: evolution and local search."""

from collections.abc import Sequence
from typing import Any

from reinas.policies.base import AbstractPolicy
from reinas.policies.descent import AbstractDescent
from reinas.seeds import derive
from reinas.types import Answers, Decision, Trial
from reinas.web.replay import Look, Replay

EVERY_BATCH = True
"""Every child has its place in the tree."""

Row = list[Any]
"""A trial, its parent (None: drawn at random), what the policy took as its reward, its batch."""


def is_shown(policy: AbstractPolicy) -> bool:
    """Whether there is a view of this policy here."""
    return isinstance(policy, AbstractDescent)


def look(decisions: Sequence[Decision]) -> Look:
    """What is kept of each batch: its trials and their parents.

    Args:
        decisions: The space's decisions.

    Returns:
        A function of the replay and of the policy.
    """
    learned: list[int] = []

    def parents(replay: Replay, policy: AbstractPolicy) -> list[Row]:
        assert isinstance(policy, AbstractDescent)
        trials = replay.trials(replay.learned)
        seed = derive(replay.seed, "propose", replay.learned)
        again = policy.descent(len(trials), length=len(trials[0].answers), seed=seed)
        rows = []
        for trial, (answers, place) in zip(trials, again, strict=True):
            # an architecture that somebody asked for by hand has no parent
            is_own = replay.space.snapped(answers) == trial.answers
            parent = learned[place] if is_own and place is not None else None
            rows.append([trial.number, parent, _reward(trial), trial.batch])
        learned.extend(trial.number for trial in trials)
        return rows

    return parents


def overview(replay: Replay) -> dict[str, Any]:
    """The decisions, and every trial with its parent, its reward and its batch."""
    return {
        "kind": "family",
        "decisions": [
            {"name": d.name, "options": [str(c) for c in d.choices]} for d in replay.space.decisions
        ],
        "nodes": [row for _, rows in replay.moments for row in rows],
    }


def moment(replay: Replay, batch: int) -> dict[str, Any]:
    """The line of each trial of a batch: its ancestors, and what each step changed.

    Args:
        replay: The study once more.
        batch: The batch's number; learned again already.

    Returns:
        Per trial its line from the founder on: trial, reward, and (decision, from, to) of what
        was changed.
    """
    replay.before(batch)  # refuses what is not learned yet
    parents = {row[0]: row[1] for _, rows in replay.moments for row in rows}
    found = []
    for trial in replay.trials(batch):
        line = [trial.number]
        while (parent := parents.get(line[-1])) is not None:
            line.append(parent)
        found.append({"trial": trial.number, "line": _line(replay, line[::-1])})
    return {"batch": batch, "trials": found}


def _line(replay: Replay, numbers: Sequence[int]) -> list[dict[str, Any]]:
    decisions = replay.space.decisions
    line: list[dict[str, Any]] = []
    before: Trial | None = None
    for number in numbers:
        trial = replay.trial(number)
        changes = [] if before is None else _changes(decisions, before.answers, trial.answers)
        line.append({"trial": number, "reward": _reward(trial), "changes": changes})
        before = trial
    return line


def _changes(
    decisions: Sequence[Decision], before: Answers, after: Answers
) -> list[tuple[str, str, str]]:
    """Decisions that were answered otherwise; a deeper network has more of them."""
    changed = []
    for place, decision in enumerate(decisions[: max(len(before), len(after))]):
        one, other = (
            str(decision.choices[answers[place]]) if place < len(answers) else "–"
            for answers in (before, after)
        )
        if one != other:
            changed.append((decision.name, one, other))
    return changed


def _reward(trial: Trial) -> float | None:
    return None if trial.outcome is None else trial.outcome.value
