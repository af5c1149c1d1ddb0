"""The asynchronous schedule (Zoph & Le 2016, section 3.2, figure 3)."""

from collections import deque
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from reinas.errors import InvalidSettingError, SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.policies.base import AbstractPolicy
from reinas.study.rungs import Rungs
from reinas.study.schedules import AbstractSchedule
from reinas.study.study import Study
from reinas.types import A


@dataclass(frozen=True, slots=True)
class Asynchronous(AbstractSchedule):
    """Many replicas of the controller sample and learn at their own pace.

    The paper uses S = 20, K = 100, m = 8 and G = 1 for images (section 4.1), and S = 20, K = 400,
    m = 1 and G = 10 for language (section 4.2), where m is the search's batch size. With K = 1 and
    G = 1 the results are exactly those of the synchronous search, for any S.

    Args:
        replicas: Controllers that sample and learn at the same time (K).
        shards: Parameter servers, each with a slice of the parameters (S). Their number does not
            change results.
        accumulate: Gradients that are added up before each step of the optimiser (G).

    Raises:
        InvalidSettingError: A number is below 1.
    """

    replicas: int = 1
    shards: int = 1
    accumulate: int = 1
    _staleness: deque[int] = field(
        default_factory=lambda: deque(maxlen=100), init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for key in ("replicas", "shards", "accumulate"):
            if getattr(self, key) < 1:
                raise InvalidSettingError(key, f"must be at least 1, got {getattr(self, key)}")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters that change results: none with one replica and one gradient per step."""
        if self.replicas == 1 and self.accumulate == 1:
            return {}
        return {"replicas": self.replicas, "accumulate": self.accumulate}

    def check(self, policy: AbstractPolicy, executor: AbstractExecutor, batches: int) -> None:
        """Raise an error unless the search can run with these replicas and shards.

        Args:
            policy: The search's policy.
            executor: Where children are evaluated.
            batches: Number of batches of the search.

        Raises:
            SettingError: There are too few batches or too many shards, the executor has no place
                for servers, or the policy does not learn by gradient.
        """
        from reinas.policies.reinforce import Reinforce
        from reinas.study.servers.actors import check_executor, slices_of

        if self.replicas > batches:
            raise SettingError(
                f"{self.replicas} replicas need at least {self.replicas} batches, but this search"
                f" has {batches}: lower replicas or batch_size, or raise trials"
            )
        check_executor(executor)
        if not isinstance(policy, Reinforce):
            raise SettingError(
                "replicas and shards are for policies that learn by gradient, zoph-le and"
                f" independent; got {policy.settings.get('name', type(policy).__name__)}"
            )
        slices_of(policy, self.shards)

    def run(
        self, study: Study[A], evaluator: AbstractEvaluator[A], executor: AbstractExecutor
    ) -> None:
        """Continue the study until its budget is spent.

        Args:
            study: The study.
            evaluator: What measures an architecture.
            executor: Where children are evaluated.

        Raises:
            ExecutorError: Servers were lost again and again, and nothing was learned.
        """
        from reinas.executors.event_loop import EventLoopThread
        from reinas.policies.reinforce import Reinforce
        from reinas.study.servers.actors import servers_on
        from reinas.study.servers.driver import Driver

        assert isinstance(study.policy, Reinforce)  # guaranteed by `check`
        servers = servers_on(executor, evaluator, study.policy, self)
        with closing(servers), closing(study.checkpoints) as kept:
            rule = study.stopping
            rungs = None if rule is None else Rungs(study, rule, evaluator, kept)
            driver = Driver(study, study.policy, servers, self, rungs)
            with EventLoopThread() as loop:
                loop.run(driver.run())
            if rungs is not None:
                rungs.close()

    def applied(self, staleness: int) -> None:
        """Record the staleness of a gradient, for `status`.

        Args:
            staleness: How many steps the shards made between its parameters and its arrival.
        """
        self._staleness.append(staleness)

    def status(self) -> str:
        """The mean staleness, in steps, of up to 100 last gradients; empty without any."""
        return f"late {mean(self._staleness):.1f}" if self._staleness else ""
