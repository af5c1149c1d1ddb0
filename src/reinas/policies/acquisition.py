"""Promising architectures of a space too large to be listed: bred, and walked up to."""

from collections.abc import Callable, Sequence

import numpy as np

from reinas.policies.encoding import Encoding, Floats, Ints
from reinas.policies.surrogate import Posterior
from reinas.types import Answers

PARENTS, BROOD = 8, 15  # the best measured ones, and mutants of each
STRANGERS = 60  # random ones
ROUNDS = 6  # of walking and breeding
LEADERS, MUTANTS, CROSSES = 6, 5, 20  # of each member in each round
NEIGHBOURS, CHAIN = 300, 40  # changes that are looked at, and taken together, in a walk
WIDE = 1000  # bits from which on two rounds fewer have to do

Score = Callable[[Floats, Floats], Floats]
"""How much a member of a batch wants an architecture: from mean [m] and variance [m] to [m]."""


class Pool:
    """Candidates with the model's opinion of them; nothing that is `known` is among them."""

    def __init__(self, encoding: Encoding, posterior: Posterior, known: set[Answers]) -> None:
        self._encoding, self._posterior = encoding, posterior
        self._taken = set(known)
        length = len(encoding.num_options)
        self.answers: Ints = np.zeros((0, length), np.int64)
        self.bits: Floats = np.zeros((0, encoding.width), np.float32)
        self.mean: Floats = np.zeros(0, np.float32)
        self.variance: Floats = np.zeros(0, np.float32)
        self.whitened: Floats = np.zeros((len(posterior.known), 0), np.float32)

    def add(self, groups: Sequence[Ints]) -> None:
        """Take in what is new of these answers, each [n, T]."""
        rows = self._encoding.canonical(np.concatenate(groups))
        fresh = [a for a in dict.fromkeys(map(tuple, rows.tolist())) if a not in self._taken]
        if not fresh:
            return
        self._taken.update(fresh)
        answers = np.array(fresh, np.int64)
        bits = self._encoding.bits(answers)
        mean, variance, whitened = self._posterior.predict(bits)
        self.answers = np.concatenate([self.answers, answers])
        self.bits = np.concatenate([self.bits, bits])
        self.mean = np.concatenate([self.mean, mean])
        self.variance = np.concatenate([self.variance, variance])
        self.whitened = np.concatenate([self.whitened, whitened], axis=1)


def candidate_pool(
    encoding: Encoding,
    posterior: Posterior,
    measured: Ints,
    known: set[Answers],
    acquisitions: Sequence[Score],
    count: int,
    rng: np.random.Generator,
) -> Pool:
    """Mutants of the best of `measured`, strangers, and what each member finds from there.

    In every round each member breeds its favourites; in every other one it also walks: all single
    changes of its first favourite are scored, and the best of them are made together.
    """
    pool = Pool(encoding, posterior, known)
    mean = posterior.predict(posterior.known)[0]
    best = measured[posterior.places[np.argsort(-mean, kind="stable")[:PARENTS]]]
    random_candidates = rng.integers(
        0, encoding.num_options, (max(STRANGERS, 4 * count), len(encoding.num_options))
    )
    pool.add([*(mutants(encoding, parent, BROOD, rng) for parent in best), random_candidates])
    for turn in range(ROUNDS if encoding.width < WIDE else ROUNDS - 2):
        if not len(pool.answers):
            break
        groups: list[Ints] = []
        for acquisition in acquisitions:
            order = np.argsort(-acquisition(pool.mean, pool.variance), kind="stable")
            leaders = pool.answers[order[:LEADERS]]
            if turn % 2 == 0:
                groups += coordinate_ascent(encoding, posterior, leaders[0], acquisition, rng)
            groups += [mutants(encoding, leader, MUTANTS, rng) for leader in leaders]
            pairs = leaders[rng.integers(len(leaders), size=(2, CROSSES))]
            groups.append(np.where(rng.random(pairs[0].shape) < 0.5, pairs[0], pairs[1]))
        pool.add(groups)
    return pool


def mutants(encoding: Encoding, parent: Ints, count: int, rng: np.random.Generator) -> Ints:
    """`count` answers that differ from the parent's in one place, and on average in one more."""
    rows = encoding.filled(np.repeat(parent[None], count, 0), rng)
    changed = rng.random(rows.shape) < 1 / rows.shape[1]
    changed[np.arange(count), rng.integers(rows.shape[1], size=count)] = True
    step = 1 + (rng.random(rows.shape) * np.maximum(encoding.num_options - 1, 1)).astype(np.int64)
    return np.where(changed, (rows + step) % encoding.num_options, rows)


def coordinate_ascent(
    encoding: Encoding,
    posterior: Posterior,
    centre: Ints,
    acquisition: Score,
    rng: np.random.Generator,
) -> list[Ints]:
    """The best neighbours of the centre, and ever more of their changes made together."""
    centre = encoding.filled(centre[None], rng)[0]
    place = np.repeat(np.arange(len(centre)), encoding.num_options - 1)
    option = np.concatenate(
        [np.delete(np.arange(n), centre[t]) for t, n in enumerate(encoding.num_options)]
    )
    if len(place) > NEIGHBOURS:
        drawn = rng.choice(len(place), NEIGHBOURS, replace=False)
        place, option = place[drawn], option[drawn]
    if not len(place):
        return []
    around = np.repeat(centre[None], len(place), 0)
    around[np.arange(len(place)), place] = option
    mean, variance, _ = posterior.predict(encoding.bits(around))
    order = np.argsort(-acquisition(mean, variance), kind="stable")
    # each decision's own best change, the most wanted first
    first = order[np.sort(np.unique(place[order], return_index=True)[1])][:CHAIN]
    path, row = [], centre.copy()
    for number, change in enumerate(first):
        row[place[change]] = option[change]
        if number < 8 or number % 4 == 0:
            path.append(row.copy())
    return [around[order[:5]], np.array(path)]
