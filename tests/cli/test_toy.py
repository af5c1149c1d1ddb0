"""`reinas toy`."""

import json

from reinas.questions.toy import REVIEW_LOSSES


def test_the_reviews_numbers_are_worked_through(reinas):
    """Both descents and REINFORCE, with where each ends and why."""
    status, out, _ = reinas("toy", "--losses", "review", "--starts", "2")
    assert status == 0
    assert "r01" in out
    assert "91.1902" in out
    assert "(-8, 77, 77, 0, -8)" in out
    assert "(5, 1, 1, 5, 5)" in out
    assert "J = E[loss] = 34.8547" in out
    assert out.count("That is the best child.") == 2
    assert "plateaus, not minima" in out
    assert "J = E[loss] = 0.3961" in out
    assert "the likeliest child is (sigmoid, linear) in 2 of 2 starts" in out
    assert "the likeliest child is (linear, linear) in 2 of 2 starts" in out


def test_the_children_are_trained_with_several_seeds(reinas):
    """The table has mean, least and most; linear second is before sigmoid second every time."""
    status, out, err = reinas("toy", "--seeds", "2", "--starts", "1", "--workers", "2", "--json")
    losses = json.loads(out)["losses"]
    assert (status, err) == (0, "")
    assert list(losses) == [f"r{a}{b}" for a, b in REVIEW_LOSSES]
    for row in losses.values():
        assert len(row["all"]) == 2
        assert row["least"] <= row["mean"] <= row["most"]
    assert max(losses["r00"]["most"], losses["r10"]["most"]) < 1
    assert min(losses["r01"]["least"], losses["r11"]["least"]) > 10


def test_the_children_are_trained_longer_on_request(reinas, monkeypatch):
    """A row for each number of epochs, and what it says about the first."""
    from reinas.questions import toy_convergence

    short = (toy_convergence.Training("made", 0.02, (2, 30)),)
    monkeypatch.setattr(toy_convergence, "TRAININGS", short)
    given = ("toy", "--losses", "review", "--starts", "1", "--converge", "--seeds", "2")
    status, out, _ = reinas(*given)
    assert status == 0
    assert "Have they converged? Median mean squared error of 2 seeds" in out
    assert "After 2 epochs the greatest median is" in out
    _, out, _ = reinas(*given, "--json")
    longer = json.loads(out)["longer"]["made"]
    assert list(longer) == ["2", "30"]
    assert list(longer["30"]) == [f"r{a}{b}" for a, b in REVIEW_LOSSES]
