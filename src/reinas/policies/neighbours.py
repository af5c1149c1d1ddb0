"""Neighbouring architectures, as answers; conditional decisions are kept consistent."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reinas.spaces.counting import active, active_decisions
from reinas.types import Answers, Decision

Change = tuple[int, int]
"""A decision's index and its new answer."""


def free_decisions(decisions: Sequence[Decision], answers: Answers) -> list[int]:
    """The indices of the active decisions that have more than one option.

    Args:
        decisions: T decisions of a space.
        answers: T answers.

    Returns:
        Indices in ascending order.
    """
    return [
        place
        for place, live in enumerate(active_decisions(decisions, answers))
        if live and decisions[place].num_options > 1
    ]


def changes(decisions: Sequence[Decision], answers: Answers) -> list[Change]:
    """Every change of one active answer.

    Args:
        decisions: T decisions of a space.
        answers: T answers.

    Returns:
        One pair of index and new answer per change.
    """
    return [
        (place, option)
        for place in free_decisions(decisions, answers)
        for option in range(decisions[place].num_options)
        if option != answers[place]
    ]


def changed(
    decisions: Sequence[Decision], answers: Answers, change: Change, rng: np.random.Generator
) -> Answers:
    """The answers after one change.

    Decisions that become active are drawn uniformly; those that become inactive are set to 0.

    Args:
        decisions: T decisions of a space.
        answers: T answers.
        change: The decision to change and its new answer.
        rng: Draws the answers of newly active decisions.

    Returns:
        T canonical answers.
    """
    place, option = change
    if not any(decision.when for decision in decisions):
        return (*answers[:place], option, *answers[place + 1 :])
    return completed(decisions, (*answers[:place], option), rng, like=answers)


def completed(
    decisions: Sequence[Decision],
    head: Answers,
    rng: np.random.Generator,
    like: Answers = (),
) -> Answers:
    """Complete the first answers to answers of all decisions.

    Args:
        decisions: T decisions of a space.
        head: The first answers, at most T.
        rng: Draws what neither `head` nor `like` answers.
        like: Answers to copy after `head` wherever the decision is active in both.

    Returns:
        T canonical answers that begin with `head`.
    """
    like_active: dict[str, Any] = {}
    known: dict[str, Any] = {}
    result = []
    for place, decision in enumerate(decisions):
        copied = place < len(like) and active(decision, like_active)
        if copied:
            like_active[decision.name] = decision.choices[like[place]]
        if not active(decision, known):
            result.append(0)
            continue
        if place < len(head):
            answer = head[place]
        else:
            answer = like[place] if copied else int(rng.integers(decision.num_options))
        known[decision.name] = decision.choices[answer]
        result.append(answer)
    return tuple(result)


def mutated(decisions: Sequence[Decision], answers: Answers, rng: np.random.Generator) -> Answers:
    """Change one active answer, both chosen uniformly.

    Args:
        decisions: T decisions of a space.
        answers: T answers.
        rng: Draws the decision, its new answer, and newly active decisions.

    Returns:
        T canonical answers; `answers` itself if nothing can be changed.
    """
    places = free_decisions(decisions, answers)
    if not places:
        return answers
    place = places[rng.integers(len(places))]
    other = int(rng.integers(decisions[place].num_options - 1))
    return changed(decisions, answers, (place, other + (other >= answers[place])), rng)
