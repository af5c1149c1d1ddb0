"""Batches of proposals: what the next one takes, and how answers become trials."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reinas.errors import AnswersError
from reinas.spaces.base import AbstractSpace
from reinas.store.record import AbstractRecord
from reinas.store.values import Proposal
from reinas.types import Answers


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch that is to be proposed.

    Args:
        batch: Its number.
        first: The number of its first trial.
        count: How many trials it has.
        length: How many decisions each trial answers.
        seed: The only source of randomness of the proposal.
    """

    batch: int
    first: int
    count: int
    length: int
    seed: int


def proposals(
    space: AbstractSpace[Any],
    record: AbstractRecord,
    request: BatchRequest,
    answered: Sequence[Answers],
    *,
    reuse: bool,
    continuing: bool = False,
) -> list[Proposal]:
    """The trials of a batch as they are first written.

    Args:
        space: The space that the answers belong to.
        record: Where earlier trials are looked up.
        request: The batch.
        answered: The policy's answers, [count, length].
        reuse: Whether a trial whose architecture was proposed before repeats that trial.
        continuing: Whether it goes on with that trial where that was stopped early.

    Raises:
        AnswersError: The policy did not answer what was requested.
    """
    try:
        proposed = [tuple(map(operator.index, answers)) for answers in answered]
    except TypeError as error:
        raise AnswersError(
            f"the policy should propose whole numbers, one per decision ({error})"
        ) from None
    if [len(answers) for answers in proposed] != [request.length] * request.count:
        raise AnswersError(
            f"the policy should propose {request.count} architectures of {request.length} answers"
            f" each, and proposed {len(proposed)} of {sorted({len(a) for a in proposed})}: was it"
            " made for this space?"
        )
    proposed = [space.snapped(answers) for answers in proposed]
    for answers in proposed:
        space.check(answers)
    described = [_described(space, answers) for answers in proposed]
    keys = [key for key, _ in described]
    known = record.own_with(keys, request.batch) if reuse else {}
    result = []
    for number, (answers, (key, text)) in enumerate(
        zip(proposed, described, strict=True), request.first
    ):
        if continuing and _was_stopped(record, known.get(key), answers):
            del known[key]
        result.append(Proposal(number, answers, key, text, known.get(key)))
        if reuse:
            known.setdefault(key, number)
    return result


def _was_stopped(record: AbstractRecord, number: int | None, answers: Answers) -> bool:
    """Whether a trial of these answers was stopped early, so that it can go on."""
    if number is None:
        return False
    trial = record.trial(number)
    is_stopped = trial.outcome is not None and trial.outcome.pruned is not None
    return is_stopped and trial.answers == answers


def _described(space: AbstractSpace[Any], answers: Answers) -> tuple[Answers, str]:
    """An architecture's key, and its text for people."""
    try:
        architecture = space.decode(answers)
    except Exception as error:  # the trial fails with this reason when it is taken up
        return answers, f"cannot be decoded ({type(error).__name__})"
    return space.key(answers), str(architecture)
