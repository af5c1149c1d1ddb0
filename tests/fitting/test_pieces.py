"""Candidates that are trained piece by piece."""

import time
from dataclasses import replace

import pytest
import torch

from reinas import ConvSpace, Digits, Job, Limits, Placement, Recipe
from reinas.fitting.pieces import PASSES, SECONDS, Piece, PieceEvaluator, identity, kept_weights
from reinas.training.checkpoint_file import read_checkpoint

SPACE = ConvSpace(depth=1, heights=(3,), widths=(3,), filters=(4,))
ARCHITECTURE = SPACE.decode((0, 0, 0))
RECIPE = Recipe(epochs=3, learning_rate=0.05, average=0.1, patience=5)


def evaluator(**limits):
    return PieceEvaluator(Digits(), Placement(), Limits(**limits))


def run(piece, **limits):
    return evaluator(**limits)(Job(0, piece, 0))


def piece(tmp_path, **more):
    deadline = more.pop("deadline", time.time() + 60)
    return Piece(ARCHITECTURE, RECIPE, str(tmp_path / "0.pt"), deadline, **more)


def test_pieces_add_up(tmp_path):
    """The second piece goes on from the first one's checkpoint: more passes, more seconds."""
    first = run(piece(tmp_path, until=0.3))
    second = run(piece(tmp_path, until=0.6))
    assert first.error is None
    assert second.metrics[PASSES] > first.metrics[PASSES] > 0
    # a piece leaves room for its last validation, which may then take less
    assert 0.15 <= first.metrics[SECONDS] < second.metrics[SECONDS]
    assert second.curve.epochs[: len(first.curve.epochs)] == first.curve.epochs


def test_a_piece_that_was_trained_already_is_not_trained_again(tmp_path):
    """As when a fit goes on after its process was killed between checkpoint and record."""
    first = run(piece(tmp_path, until=0.3))
    again = run(piece(tmp_path, until=0.3))
    assert again.reward == first.reward
    assert again.metrics[PASSES] == first.metrics[PASSES]


def test_a_piece_ends_at_its_deadline(tmp_path):
    """Whatever it was to train; the outcome is what there was by then."""
    begun = time.time()
    outcome = run(piece(tmp_path, until=1000.0, deadline=begun + 0.5))
    assert outcome.error is None
    assert outcome.metrics[SECONDS] < 5


def test_the_last_piece_leaves_the_weights_that_were_measured(tmp_path):
    """The reward is that of the kept weights, measured again by another program."""
    last = piece(tmp_path, until=0.4, is_last=True)
    outcome = run(last)
    state = read_checkpoint(tmp_path / "0.pt", identity(last))
    best = min(outcome.curve.epochs, key=lambda e: e.loss)
    child = build_with(kept_weights(state))
    loss, score = Digits().objective.measure(child, *valid())
    assert (loss, score) == pytest.approx((best.loss, best.score))


def test_by_recipe_a_candidate_is_trained_as_a_search_trains_it(tmp_path):
    """Three epochs, and the weights of the best one."""
    whole = piece(tmp_path, by_recipe=True)
    outcome = run(whole)
    assert [e.number for e in outcome.curve.epochs] == [1, 2, 3]
    best = min(outcome.curve.epochs, key=lambda e: e.loss)
    assert outcome.metrics["loss"] == best.loss
    child = build_with(kept_weights(read_checkpoint(tmp_path / "0.pt", identity(whole))))
    assert Digits().objective.measure(child, *valid())[0] == pytest.approx(best.loss)


def test_a_torn_checkpoint_is_no_loss(tmp_path):
    """The candidate is trained from its beginning."""
    run(piece(tmp_path, until=0.2))
    file = tmp_path / "0.pt"
    file.write_bytes(file.read_bytes()[:1000])
    assert run(piece(tmp_path, until=0.2)).error is None
    assert read_checkpoint(file, identity(piece(tmp_path)))


def test_a_candidate_that_is_too_costly_is_not_trained(tmp_path):
    """It is a failure with its reason, and there is no checkpoint."""
    outcome = run(piece(tmp_path, until=0.2), parameters=10)
    assert outcome.error == "too costly, not trained: more than 10 parameters"
    assert not (tmp_path / "0.pt").exists()


def test_a_candidate_that_diverges_keeps_its_last_checkpoint(tmp_path):
    """So that a fit can still use what it was before."""
    run(piece(tmp_path, until=0.2))
    before = (tmp_path / "0.pt").read_bytes()
    wild = replace(RECIPE, learning_rate=1e30)
    broken = replace(piece(tmp_path, until=0.5), recipe=wild)
    outcome = run(broken)
    assert outcome.error.startswith("diverged")
    assert (tmp_path / "0.pt").read_bytes() == before


def build_with(weights):
    from reinas import build

    child = build(ARCHITECTURE, Digits())
    child.load_state_dict(weights)
    return child


def valid():
    from reinas.training.tensors import search_tensors

    part = search_tensors(Digits())[1]
    assert isinstance(part.x, torch.Tensor)
    return part.x, part.y
