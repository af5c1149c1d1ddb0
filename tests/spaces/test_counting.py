"""Counting, drawing and listing canonical answers, against brute force over the full product."""

from collections import Counter as Tally
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reinas import ConvSpace, MlpSpace
from reinas.spaces.counting import Counter, canonical, draw_decisions
from spaces.handmade import LISTS, active, brute, choice, decision_lists, plain, when

every_list = pytest.mark.parametrize("decisions", LISTS.values(), ids=LISTS.keys())


def chi_square(drawn, expected):
    """The p-value that the draws, one a tuple, have these probabilities."""
    seen = Tally(drawn)
    assert seen.keys() <= expected.keys()
    counts = [seen[a] for a in expected]
    return stats.chisquare(counts, [p * len(drawn) for p in expected.values()]).pvalue


def test_the_brute_force_is_right_about_a_list_counted_by_hand():
    """a in {0, 1}; b of 3 only after a = 1; c of 2 only after b = 2: 1 + 2 + 2 = 5 answers."""
    decisions = (choice("a"), choice("b", 3, when=when("a", 1)), choice("c", when=when("b", 2)))
    wanted = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 2, 0), (1, 2, 1)]
    assert brute(decisions) == wanted
    assert list(Counter(decisions).each()) == wanted
    assert Counter(decisions).total == 5


@every_list
def test_handmade_lists_are_counted_as_by_brute_force(decisions):
    """Nested conditions, conditional links, layers with links only."""
    assert Counter(decisions).total == len(brute(decisions))
    assert list(Counter(decisions).each()) == brute(decisions)


@given(decision_lists())
@settings(max_examples=150, deadline=None)
def test_the_total_is_the_number_of_distinct_canonical_answers(decisions):
    """For all lists: as many as the full product has after taking out repeats."""
    assert Counter(decisions).total == len(brute(decisions))


@given(decision_lists(most=500))
@settings(max_examples=100, deadline=None)
def test_each_lists_exactly_the_canonical_answers_in_order(decisions):
    """For all lists: none missing, none twice, in lexicographic order."""
    assert list(Counter(decisions).each()) == brute(decisions)


@given(decision_lists(), st.data())
@settings(max_examples=200, deadline=None)
def test_canonical_puts_zero_where_a_decision_is_inactive(decisions, data):
    """For all lists and answers, and for every prefix; doing it twice changes nothing."""
    answers = data.draw(st.tuples(*(st.integers(0, d.num_options - 1) for d in decisions)))
    length = data.draw(st.integers(0, len(decisions)))
    wanted = plain(decisions, answers)
    assert canonical(decisions, answers) == wanted
    assert canonical(decisions, wanted) == wanted
    assert canonical(decisions, answers[:length]) == wanted[:length]


@given(decision_lists(most=500), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_draws_are_canonical(decisions, seed):
    """For all lists and seeds, uniform over architectures or over decisions."""
    known = set(brute(decisions))
    rng = np.random.default_rng(seed)
    counter = Counter(decisions)
    for _ in range(20):
        assert counter.draw(rng) in known
        assert draw_decisions(decisions, rng) in known


@every_list
@pytest.mark.parametrize("seed", [1, 2])
def test_draw_is_uniform_over_architectures(decisions, seed):
    """Every canonical answer is equally likely (chi-square)."""
    known = brute(decisions)
    rng = np.random.default_rng(seed)
    counter = Counter(decisions)
    drawn = [counter.draw(rng) for _ in range(30 * len(known))]
    assert chi_square(drawn, dict.fromkeys(known, 1 / len(known))) > 1e-4


@every_list
def test_draw_decisions_is_uniform_over_each_active_decision(decisions):
    """An answer's probability is the product of 1 / options over the active decisions."""
    expected = {
        a: float(
            np.prod(
                [
                    1 / d.num_options
                    for d, f in zip(decisions, active(decisions, a), strict=True)
                    if f
                ]
            )
        )
        for a in brute(decisions)
    }
    assert sum(expected.values()) == pytest.approx(1)
    rng = np.random.default_rng(3)
    drawn = [draw_decisions(decisions, rng) for _ in range(60 * len(expected))]
    assert chi_square(drawn, expected) > 1e-4


def test_a_large_space_is_drawn_in_proportion():
    """Of 15 + 15^2 + 15^3 + 15^4 perceptrons, depth k is drawn 15^k times out of them."""
    space = MlpSpace()
    depths = [a[0] for a in space.sample(3000, seed=5)]
    ways = np.array([15, 15**2, 15**3, 15**4])
    merged = [sum(d < 2 for d in depths), depths.count(2), depths.count(3)]
    expected = np.array([ways[:2].sum(), *ways[2:]]) / ways.sum() * 3000
    assert stats.chisquare(merged, expected).pvalue > 1e-4


@pytest.mark.parametrize("depth", [20, 40, 41, 60])
def test_spaces_of_any_size_are_counted_and_drawn(depth):
    """Counts are exact integers far beyond what a float holds, and draws still work."""
    space = ConvSpace(depth=depth)
    assert space.size == 64**depth * 2 ** (depth * (depth - 1) // 2)
    drawn = space.sample(40, seed=0)
    links = [
        a
        for answers in drawn
        for a, d in zip(answers, space.decisions, strict=True)
        if d.name == f"layer{depth}.from1"
    ]
    assert 5 < sum(links) < 35
    for answers in drawn:
        space.check(answers)


def test_the_number_of_groups_does_not_grow_with_what_is_forgotten():
    """400 decisions in pairs, the second asked after one answer: (1 + 1 + 2)^200, at once."""
    decisions = []
    for n in range(200):
        decisions += [choice(f"a{n}", 3), choice(f"b{n}", 2, when=when(f"a{n}", 2))]
    assert Counter(tuple(decisions)).total == 4**200


def test_conditions_on_the_same_parent_must_hold_together():
    """Two conditions on one decision ask for the answers in both."""
    decisions = (choice("a", 4), choice("b", 2, when=when("a", 0, 1) + when("a", 1, 2)))
    expected = {(0, 0), (1, 0), (1, 1), (2, 0), (3, 0)}
    assert set(product(range(4), range(2))) >= expected == set(Counter(decisions).each())
