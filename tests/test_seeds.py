"""Derived randomness."""

from hypothesis import given
from hypothesis import strategies as st

from reinas.seeds import derive

words = st.lists(st.one_of(st.text(max_size=4), st.integers(-9, 99)), max_size=4)


def test_a_derived_seed_is_the_same_everywhere():
    """Recorded once: searches of other machines and versions must be repeatable."""
    assert derive(0, "propose", 1) == 3680243460762194266


@given(st.integers(), words)
def test_a_derived_seed_is_a_63_bit_number(seed, names):
    """What torch and NumPy take as a seed."""
    assert 0 <= derive(seed, *names) < 2**63


@given(words, words)
def test_other_words_give_another_seed(one, two):
    """Not even ("a", "b") and ("ab",), or 1 and "1", share a seed."""
    same = [(type(w), w) for w in one] == [(type(w), w) for w in two]
    assert (derive(0, *one) == derive(0, *two)) == same
