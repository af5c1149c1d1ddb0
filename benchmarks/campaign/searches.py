"""A search that the campaign disturbs: what it finds depends on its plan alone."""

import json
import time
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

import reinas
from reinas.seeds import derive

SPACE = reinas.MlpSpace(depth=3, widths=(4, 8, 16), activations=("relu", "tanh"))


@dataclass(frozen=True)
class Plan:
    """What is searched, and how.

    Args:
        store: Where the store is.
        kind: serial, workers, cluster, servers (one replica and two shards on a cluster) or ask
            (one of several processes that share a study).
        policy: Whose proposals.
        trials: How many.
        pause: Seconds that a trial takes on average.
        hog: Whether one trial in ten asks for more memory than a worker may have.
        anew: Whether an architecture that was evaluated before is evaluated again; random search
            always does.
        seed: Decides everything else.
    """

    store: str
    kind: str = "serial"
    policy: str = "controller"
    trials: int = 40
    pause: float = 0.02
    hog: bool = False
    anew: bool = False
    seed: int = 0

    @property
    def reuse(self) -> bool:
        """Whether an architecture that was evaluated before takes over that outcome."""
        return not self.anew and self.policy != "random"

    @property
    def command(self) -> list[str]:
        """The arguments of Python that run it."""
        return ["-m", "benchmarks.campaign.program", json.dumps(asdict(self))]


class Hashed(reinas.AbstractEvaluator):
    """A reward that depends on the architecture and on the job's seed, and on nothing else."""

    settings: ClassVar = {"name": "campaign"}

    def __init__(self, pause: float, hog: bool) -> None:
        self.pause, self.hog = pause, hog

    def __call__(self, job: Any) -> reinas.Outcome:
        """One in eight trials fails."""
        number = derive(job.seed, str(job.architecture))
        time.sleep(2 * self.pause * (number % 100) / 100)
        if self.hog and number % 10 == 3:
            raise MemoryError(np.ones(1 << 36, np.uint8).size if self.pause else 0)
        if number % 8 == 0:
            raise ValueError("one in eight")
        return reinas.Outcome(number / 2**63, metrics={"number": float(number % 1000)})


def policy(plan: Plan) -> Any:
    """A new policy."""
    return {
        "controller": lambda: reinas.zoph_le(SPACE, learning_rate=0.05, seed=3),
        "independent": lambda: reinas.independent(SPACE, learning_rate=0.5),
        "evolution": lambda: reinas.Evolution(SPACE, population=8, sample=3),
        "random": lambda: reinas.RandomSearch(SPACE),
    }[plan.policy]()


def run(plan: Plan, store: Any, **more: Any) -> Any:
    """The search, from wherever it is to its end."""
    return reinas.search(
        SPACE,
        policy(plan),
        Hashed(plan.pause, plan.hog),
        budget=reinas.Budget(plan.trials),
        batch_size=8,
        store=store,
        name="s",
        seed=plan.seed,
        reuse=plan.reuse,
        **more,
    )
