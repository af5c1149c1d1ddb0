"""Your own policy: hill climbing, which changes one decision of the best architecture so far.

`propose` draws with the given seed and learns nothing; `update` learns from a finished batch;
`state` and `restore` carry what was learned into the store and back, so the search resumes.
`reinas.testing.PolicyContract` proves it. Run it: `python examples/own_policy.py`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

import reinas
from reinas.policies.neighbours import mutated


class HillClimbing(reinas.AbstractPolicy):
    """Proposes neighbours of the best architecture; the first one is drawn at random."""

    settings: ClassVar[dict[str, Any]] = {"name": "hill-climbing"}

    def __init__(self, space: reinas.AbstractSpace[Any]) -> None:
        self.space, self.best = space, (-np.inf, space.sample(1, seed=0)[0])

    def propose(self, count: int, *, length: int, seed: int) -> list[tuple[int, ...]]:
        """Neighbours of the best answers, each with one decision changed."""
        rng, decisions = np.random.default_rng(seed), self.space.decisions[:length]
        return [mutated(decisions, self.best[1][:length], rng) for _ in range(count)]

    def update(self, trials: Sequence[reinas.Trial]) -> dict[str, float]:
        """Keep the best answers of all batches."""
        self.best = max(self.best, *((t.outcome.value, t.answers) for t in trials if t.outcome))
        return {"best": self.best[0]}

    def state(self) -> dict[str, Any]:
        """The best reward and the answers that have it."""
        return {"reward": np.array(self.best[0]), "answers": np.array(self.best[1])}

    def restore(self, state: dict[str, Any]) -> None:
        """Put them back."""
        self.best = (float(state["reward"]), tuple(state["answers"].tolist()))


space = reinas.MlpSpace(depth=2)
evaluator = reinas.TrainedEvaluator(reinas.Wine())
found = reinas.search(space, HillClimbing(space), evaluator, budget=reinas.Budget(trials=16))
print(f"best: {found.best_architecture}, reward {found.best_trial.reward:.3f}")
