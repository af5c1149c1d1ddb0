"""Steps from one architecture to another, in answers; conditional decisions are kept consistent."""

from collections.abc import Sequence

import numpy as np

from reinas.spaces.counting import active, active_decisions
from reinas.types import Answers, Decision

Move = tuple[int, int]
"""A decision's place, and the answer that it shall get."""


def asked_places(decisions: Sequence[Decision], answers: Answers) -> list[int]:
    """Which decisions these answers ask, and leave a choice."""
    return [
        place
        for place, live in enumerate(active_decisions(decisions, answers))
        if live and decisions[place].num_options > 1
    ]


def moves(decisions: Sequence[Decision], answers: Answers) -> list[Move]:
    """Every change of one asked answer."""
    return [
        (place, option)
        for place in asked_places(decisions, answers)
        for option in range(decisions[place].num_options)
        if option != answers[place]
    ]


def moved(
    decisions: Sequence[Decision], answers: Answers, move: Move, rng: np.random.Generator
) -> Answers:
    """The answers after a move: what it newly asks is drawn, what it asks no more becomes 0."""
    place, option = move
    if not any(decision.when for decision in decisions):
        return (*answers[:place], option, *answers[place + 1 :])
    return extended(decisions, (*answers[:place], option), rng, like=answers)


def extended(
    decisions: Sequence[Decision],
    head: Answers,
    rng: np.random.Generator,
    like: Answers = (),
) -> Answers:
    """Answers to all decisions that begin with `head`.

    What follows is as in `like` where that was asked there too, else drawn.
    """
    before: dict[str, int] = {}  # what `like` was asked
    known: dict[str, int] = {}
    result = []
    for place, decision in enumerate(decisions):
        usual = place < len(like) and active(decision, before)
        if usual:
            before[decision.name] = like[place]
        if not active(decision, known):
            result.append(0)
            continue
        if place < len(head):
            answer = head[place]
        else:
            answer = like[place] if usual else int(rng.integers(decision.num_options))
        known[decision.name] = answer
        result.append(answer)
    return tuple(result)


def mutated(decisions: Sequence[Decision], answers: Answers, rng: np.random.Generator) -> Answers:
    """One asked answer, drawn uniformly, becomes another one, drawn uniformly."""
    places = asked_places(decisions, answers)
    if not places:
        return answers
    place = places[rng.integers(len(places))]
    other = int(rng.integers(decisions[place].num_options - 1))
    return moved(decisions, answers, (place, other + (other >= answers[place])), rng)
