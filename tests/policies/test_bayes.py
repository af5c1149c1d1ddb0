"""The policy bayes: its model against formulas, its search against what can be known."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import norm

from reinas import ConvSpace, MlpSpace, Outcome, RecurrentSpace, Trial
from reinas.compare.runs import RunSpec, run, table_of
from reinas.errors import SettingError
from reinas.policies import surrogate
from reinas.policies.acquisition import coordinate_ascent, improvement, mutants
from reinas.policies.bayes import BayesianSearch
from reinas.policies.encoding import Encoding
from reinas.policies.model import Learner, Model, Predicted
from reinas.policies.surrogate import Posterior, Weights, loss, scores, start
from reinas.spaces.counting import active
from reinas.spaces.nasbench201 import NasBench201Space
from reinas.spaces.product import ProductSpace
from reinas.testing import PolicyContract

CELLS = NasBench201Space()
MLP = MlpSpace(depth=3)
MIXED = ProductSpace((("size", (1, 3, 5, 7)), ("act", ("relu", "tanh", "sin")), ("on", (0, 1))))


class TestBayesianSearch(PolicyContract):
    """With few first children, so that the model takes part."""

    def make(self, space):
        return BayesianSearch(space, start=4)


def theta(encoding, seed=0):
    return np.random.default_rng(seed).normal(size=len(start(encoding))) * 0.5


def rows(space, count, seed=0):
    return np.array(space.sample(count, seed, over="decisions"))


# ---- what the model sees ---------------------------------------------------------------------


def test_two_unordered_options_differ_in_two_bits():
    """Bits of two different words differ in two places, of equal ones in none."""
    bits = Encoding(CELLS.decisions).bits(rows(CELLS, 40))
    answers = rows(CELLS, 40)
    differing = (bits[:, None] != bits[None]).sum(-1)
    assert np.array_equal(differing, 2 * (answers[:, None] != answers[None]).sum(-1))


def test_two_ordered_options_differ_in_one_bit_per_step():
    """1 and 7 of (1, 3, 5, 7) differ in three bits, 3 and 5 in one."""
    encoding = Encoding(MIXED.decisions)
    bits = encoding.bits(np.array([(n, 0, 0) for n in range(4)]))
    differing = (bits[:, None] != bits[None]).sum(-1)
    assert differing.tolist() == [[abs(a - b) for b in range(4)] for a in range(4)]


def test_an_inactive_decision_is_encoded_as_an_option_of_its_own():
    """It differs from every answer; two inactive ones agree, whatever their answers are."""
    encoding = Encoding(MLP.decisions)
    for answers in MLP.sample(50, 0):
        known, live = {}, []
        for decision, answer in zip(MLP.decisions, answers, strict=True):
            live.append(active(decision, known))
            if live[-1]:
                known[decision.name] = decision.choices[answer]
        assert encoding.active(np.array([answers]))[0].tolist() == live
        other = [a if on else 1 for a, on in zip(answers, live, strict=True)]
        assert np.array_equal(encoding.bits(np.array([answers])), encoding.bits(np.array([other])))
        assert tuple(encoding.canonical(np.array([other]))[0]) == answers


def test_the_missing_decisions_of_a_shallower_network_are_inactive():
    """It agrees with a deeper network in the decisions that both have."""
    space = ConvSpace(depth=3)
    encoding = Encoding(space.decisions)
    deep = rows(space, 30)
    shallow = np.where(np.arange(deep.shape[1]) < space.lengths[1], deep, -1)
    same = (encoding.bits(deep) == encoding.bits(shallow)).all(0)
    alone = Encoding(space.decisions[: space.lengths[1]]).width
    assert same[:alone].all()
    assert not same[alone:].any()


# ---- the model -------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [CELLS, MLP, MIXED, ConvSpace(depth=2)], ids=lambda s: s.name)
def test_the_losss_gradient_agrees_with_finite_differences(space):
    """In every parameter."""
    encoding = Encoding(space.decisions)
    bits = encoding.bits(rows(space, 25)).astype(float)
    values = np.random.default_rng(1).normal(size=25)
    place = theta(encoding)
    doubts = np.linspace(0, 0.5, len(values))
    slope = loss(place, encoding, bits, values, doubts)[1]
    numeric = approx_fprime(place, lambda t: loss(t, encoding, bits, values, doubts)[0], 1e-6)
    assert np.allclose(slope, numeric, atol=1e-4 * max(1, np.abs(slope).max()))


def kernel(weights, a, b):
    """By its formula, pair by pair."""
    return np.array(
        [
            [
                weights.amplitude * np.exp(-(weights.bits * (x != y)).sum())
                + weights.effect * (weights.bits * x * y).sum()
                + surrogate.CONSTANT
                for y in b
            ]
            for x in a
        ]
    )


def model(count=20):
    encoding = Encoding(MIXED.decisions)
    weights = Weights.of(theta(encoding), encoding)
    bits = encoding.bits(np.array(list(MIXED.enumerate())[:count]))
    return encoding, weights, bits, np.random.default_rng(2).normal(size=count)


def test_the_posterior_agrees_with_the_textbook_formula():
    """Mean and variance by inverting the whole covariance."""
    encoding, weights, bits, values = model()
    others = encoding.bits(np.array(list(MIXED.enumerate())[20:]))
    doubts = np.linspace(0, 0.5, len(bits))
    mean, variance, _ = Posterior(weights, bits, values, doubts).predict(others)
    noise = np.diag(weights.noise + doubts)
    inverse = np.linalg.inv(kernel(weights, bits, bits) + noise)
    cross = kernel(weights, others, bits)
    assert np.allclose(mean, cross @ inverse @ values, atol=1e-3)
    exact = np.diag(kernel(weights, others, others) - cross @ inverse @ cross.T)
    assert np.allclose(variance, exact, atol=1e-3)


def test_conditioning_on_an_assumed_score_gives_the_variance_of_a_real_one():
    """As if the architecture had been evaluated."""
    encoding, weights, bits, values = model(12)
    others = encoding.bits(np.array(list(MIXED.enumerate())[12:]))
    posterior = Posterior(weights, bits, values, np.zeros(12))
    _, variance, whitened = posterior.predict(others)
    left = posterior.given(others, variance, whitened, 3)
    bits = np.concatenate([bits, others[3:4]])
    more = Posterior(weights, bits, np.append(values, 0.3), np.zeros(13))
    assert np.allclose(left, more.predict(others)[1], atol=1e-3)


def test_scores_keep_the_order_and_are_standardised():
    """Better rewards have higher scores; mean 0, variance 1."""
    rewards = np.random.default_rng(0).standard_cauchy(101)
    found = scores(rewards)
    assert np.all(np.diff(found[np.argsort(rewards)]) > 0)
    assert found.mean() == pytest.approx(0, abs=1e-12)
    assert found.std() == pytest.approx(1)


def test_scores_do_not_depend_on_the_unit_of_rewards():
    """Neither on their zero."""
    rewards = np.random.default_rng(0).normal(size=30)
    assert np.allclose(scores(rewards), scores(1000 * rewards - 5))


@pytest.mark.parametrize("rewards", [[0.0] * 9, [0.3], [0.0] * 8 + [1.0], [1.0] * 8 + [0.0]])
def test_ties_have_equal_and_finite_scores(rewards):
    """All equal, one, one better, one worse."""
    found = scores(np.array(rewards))
    assert np.isfinite(found).all()
    for value in set(rewards):
        assert np.ptp(found[np.array(rewards) == value]) == 0


# ---- candidates ------------------------------------------------------------------------------


def test_mutants_differ_from_their_parent():
    """In at least one decision, and they are answers of the space."""
    space = ConvSpace(depth=3)
    encoding = Encoding(space.decisions)
    parent = rows(space, 1)[0]
    found = mutants(encoding, parent, 200, np.random.default_rng(0))
    changed = (found != parent).sum(1)
    assert changed.min() >= 1
    assert 1.5 < changed.mean() < 2.5
    assert ((found >= 0) & (found < encoding.num_options)).all()


def test_a_coordinate_ascent_scores_every_single_change():
    """Its best neighbour is the best of all neighbours, found by trying each."""
    encoding, weights, bits, values = model()
    posterior = Posterior(weights, bits, values, np.zeros(len(values)))
    centre = np.array([0, 0, 0])

    def member(predicted):
        return predicted.mean

    model_ = Model(posterior)
    found = coordinate_ascent(encoding, model_, centre, member, np.random.default_rng(0))[0][0]
    every = [
        a for a in MIXED.enumerate() if sum(x != y for x, y in zip(a, centre, strict=True)) == 1
    ]
    means = posterior.predict(encoding.bits(np.array(every)))[0]
    assert tuple(found.tolist()) == every[int(np.argmax(means))]


# ---- failures --------------------------------------------------------------------------------


EVERY = np.array(list(MIXED.enumerate()))
SEEN = np.random.default_rng(0).permutation(len(EVERY))[:16]
SINES = EVERY[:, 1] == 2


def two_models():
    """One of the scores of 16 architectures alone, one that also saw all sines fail."""
    encoding = Encoding(MIXED.decisions)
    bits = encoding.bits(EVERY[SEEN])
    values = np.random.default_rng(2).normal(size=len(SEEN))
    labels = np.where(SINES[SEEN], -1.0, 1.0)
    learner = Learner(encoding)
    learner.fit(bits, labels)
    posterior = learner.posterior(bits, values)
    every = encoding.bits(EVERY)
    return every, Model(posterior), Model(posterior, learner.posterior(bits, labels))


def test_the_probability_of_improvement_is_the_normal_distributions():
    """Of succeeding and of exceeding the best by the margin, noise included: by SciPy."""
    predicted = Predicted(
        np.array([0.1, -0.4]), np.array([0.5, 2.0]), np.zeros((0, 2)), np.log([0.9, 0.2])
    )
    found = np.exp(improvement(0.5, 1.0, 0.25, predicted))
    exceeds = norm.sf(1.5, [0.1, -0.4], np.sqrt([0.75, 2.25]))
    assert np.allclose(found, exceeds * [0.9, 0.2])
    sure = predicted._replace(success=None)
    order = np.argsort(improvement(0.5, 1.0, 0.25, sure))
    assert np.array_equal(order, np.argsort(exceeds))


def test_what_fails_is_learned_from_the_failures():
    """Of the architectures that were not seen, the sines are the likeliest to fail."""
    every, _, failing = two_models()
    success = np.exp(failing.predict(every).success)
    unseen = np.setdiff1d(np.arange(len(EVERY)), SEEN)
    sines = unseen[SINES[unseen]]
    others = unseen[~SINES[unseen]]
    assert len(sines) >= 2
    assert success[sines].max() < 0.5 < success[others].min()


def test_failures_leave_the_scores_of_the_others_alone():
    """The same means with and without them."""
    every, plain, failing = two_models()
    assert np.array_equal(plain.predict(every).mean, failing.predict(every).mean)
    assert plain.predict(every).success is None


def test_a_search_avoids_what_fails():
    """Two of five operations on one edge always fail: after 40 trials hardly any is proposed."""
    space = CELLS
    rng = np.random.default_rng(0)
    policy = BayesianSearch(space, seed=1)
    failed = []
    for batch in range(16):
        proposed = policy.propose(5, length=6, seed=batch)
        bad = [a[2] in (1, 3) for a in proposed]
        outcomes = [
            Outcome(None, error="no") if wrong else Outcome(float(a[0] + rng.normal()))
            for a, wrong in zip(proposed, bad, strict=True)
        ]
        policy.update(
            [
                Trial(5 * batch + k, batch, a, o)
                for k, (a, o) in enumerate(zip(proposed, outcomes, strict=True))
            ]
        )
        failed += bad
    assert sum(failed[40:]) <= 4
    assert sum(failed[:10]) >= 2


def test_failures_are_remembered_with_the_state():
    """A policy that is restored proposes what the first one would."""
    one, other = BayesianSearch(CELLS, seed=1), BayesianSearch(CELLS, seed=1)
    trials = [
        Trial(k, 0, a, Outcome(None, error="no") if a[0] == 2 else Outcome(float(sum(a))))
        for k, a in enumerate(CELLS.sample(30, 0))
    ]
    one.update(trials)
    other.restore(one.state())
    assert other.propose(5, length=6, seed=9) == one.propose(5, length=6, seed=9)
    assert any(t.state == "failed" for t in trials)


def test_a_search_in_which_everything_fails_goes_on():
    """Nothing is known but that."""
    policy = BayesianSearch(CELLS, seed=1)
    seen = set()
    for batch in range(5):
        proposed = policy.propose(5, length=6, seed=batch)
        seen.update(proposed)
        policy.update(
            [
                Trial(5 * batch + k, batch, a, Outcome(None, error="no"))
                for k, a in enumerate(proposed)
            ]
        )
    assert len(seen) == 25


# ---- the search ------------------------------------------------------------------------------


def searched(policy, space, reward, trials, batch=5, length=None):
    """All that was proposed, in order."""
    length = length or len(space.decisions)
    every = []
    while len(every) < trials:
        proposed = policy.propose(batch, length=length, seed=len(every))
        policy.update(
            [Trial(len(every) + k, 0, a, Outcome(reward(a))) for k, a in enumerate(proposed)]
        )
        every += proposed
    return every


@pytest.mark.parametrize("space", [CELLS, ConvSpace(depth=20), RecurrentSpace(base=8), MLP])
def test_nothing_is_evaluated_twice(space):
    """In small and in large spaces; also if the rewards are noise."""
    noise = np.random.default_rng(0)
    every = searched(BayesianSearch(space), space, lambda a: noise.normal(), 40)
    assert len(set(every)) == len(every)
    for answers in every:
        space.check(answers)


def test_the_first_children_are_spread_evenly():
    """Each of five options twice in ten, for each decision."""
    first = searched(BayesianSearch(CELLS, start=10, seed=3), CELLS, lambda a: 0.0, 10)
    for column in zip(*first, strict=True):
        assert sorted(column) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_an_exhausted_space_repeats_its_best():
    """All 24 once, then the best again."""
    best = (3, 2, 1)
    every = searched(BayesianSearch(MIXED), MIXED, lambda a: float(a == best), 40)
    assert len(set(every[:24])) == 24
    assert set(every[25:]) == {best}


def test_a_batch_may_be_larger_than_the_space():
    """As many answers as requested are proposed."""
    proposed = BayesianSearch(MIXED).propose(64, length=3, seed=0)
    assert len(proposed) == 64
    assert len(set(proposed)) == 24


def test_the_model_does_not_depend_on_the_batches():
    """It is the same after 20 trials in batches of 1, 5 and 20."""
    trials = [Trial(k, 0, a, Outcome(float(sum(a)))) for k, a in enumerate(CELLS.sample(20, 0))]
    states = []
    for size in (1, 5, 20):
        policy = BayesianSearch(CELLS)
        for first in range(0, 20, size):
            policy.update(trials[first : first + size])
        states.append(policy.state()["theta"])
    assert np.array_equal(states[0], states[1])
    assert np.array_equal(states[0], states[2])


def test_the_depth_can_grow_during_a_search():
    """What was learned from shallow networks is kept."""
    space = ConvSpace(depth=4)
    policy = BayesianSearch(space, start=4)
    searched(policy, space, lambda a: float(a[0]), 10, length=space.lengths[1])
    deep = searched(policy, space, lambda a: float(a[0]), 10, length=space.lengths[3])
    assert all(len(a) == len(space.decisions) for a in deep)
    assert np.mean([a[0] for a in deep]) > 2  # the first filter's height is what pays


def regrets(name, policy, seeds, evaluations, **more):
    table = {"name": name, **more}
    best = table_of(table).best
    runs = [
        run(RunSpec(table, None, "mean", {"name": policy}, None, evaluations, True, seed))
        for seed in range(seeds)
    ]
    return np.array([best - np.maximum.accumulate(r.rewards) for r in runs])


def test_it_finds_the_best_cell_with_few_evaluations():
    """NAS-Bench-201, CIFAR-10: local search lacks 0.06 points after 100, this at most a third."""
    found = regrets("nasbench201", "bayes", 8, 100, data="cifar10")
    assert found[:, -1].mean() < 0.02
    assert (found[:, -1] < 1e-9).mean() >= 0.75


def test_it_beats_random_search_in_a_space_too_large_to_enumerate():
    """40 independent decisions of three options: half of random search's regret after 150."""
    more = {"decisions": 40, "options": 3}
    ours = regrets("landscape", "bayes", 4, 150, **more)[:, -1]
    theirs = regrets("landscape", "random", 4, 150, **more)[:, -1]
    assert ours.mean() < theirs.mean() / 2


def test_on_pure_noise_it_is_no_worse_than_sampling_without_replacement():
    """Every cell has a random reward: the best rank of 60 is 1 in 61 on average, as for a draw."""
    ranks = []
    for seed in range(12):
        rewards = np.random.default_rng(seed).permutation(CELLS.size)
        place = {a: k for k, a in enumerate(CELLS.enumerate())}
        every = searched(
            BayesianSearch(CELLS, seed=seed),
            CELLS,
            lambda a, r=rewards, p=place: float(r[p[a]]),
            60,
        )
        best = max(rewards[place[a]] for a in every)
        ranks.append((CELLS.size - best) / CELLS.size)
    # the best of 60 draws without repeats: mean 1 / 61, standard deviation about the same
    assert np.mean(ranks) < 1 / 61 + 3 / 61 / np.sqrt(len(ranks))


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"start": 1}, "start must be from 2"), ({"seed": -1}, "seed must be from 0")],
)
def test_settings_out_of_range_are_refused(settings, words):
    """The message has the key and the range."""
    with pytest.raises(SettingError, match=words):
        BayesianSearch(CELLS, **settings)
