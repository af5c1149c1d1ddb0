"""The asynchronous schedule (Zoph & Le 2016, section 3.2, figure 3)."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from reinas.errors import InvalidSettingError, SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.policies.base import AbstractPolicy
from reinas.study.schedules import AbstractSchedule
from reinas.study.study import Study
from reinas.types import A


@dataclass(frozen=True, slots=True)
class Asynchronous(AbstractSchedule):
    """Many replicas of the controller sample and learn at their own pace.

    The paper's sizes: S = 20, K = 100, m = 8, G = 1 for images; S = 20, K = 400, m = 1, G = 10
    for language, where m is the search's batch size. With K = 1 and G = 1 it is the synchronous
    search, number for number, whatever S is.

    Args:
        replicas: Controllers that sample and learn at the same time (K).
        shards: Parameter servers that hold a slice of the parameters each (S); they change no
            result.
        accumulate: Gradients that are added up before the shards step (G).

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
        """What changes results: not the shards, and one replica is the synchronous search."""
        if self.replicas == 1 and self.accumulate == 1:
            return {}
        return {"replicas": self.replicas, "accumulate": self.accumulate}

    def check(self, policy: AbstractPolicy, executor: AbstractExecutor, batches: int) -> None:
        """Raise `SettingError` unless replicas and shards can run this policy there."""
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
        """From where the study is to its end."""
        from reinas.executors.event_loop import EventLoopThread
        from reinas.policies.reinforce import Reinforce
        from reinas.study.servers.actors import servers_on
        from reinas.study.servers.driver import Driver

        assert isinstance(study.policy, Reinforce)  # `check` has seen to that
        servers = servers_on(executor, evaluator, study.policy, self)
        try:
            driver = Driver(study, study.policy, servers, self)
            with EventLoopThread() as loop:
                loop.run(driver.run())
        finally:
            servers.close()

    def applied(self, staleness: int) -> None:
        """Note how many steps late a gradient was."""
        self._staleness.append(staleness)

    def status(self) -> str:
        """How many steps late the last gradients were on average."""
        return f"late {mean(self._staleness):.1f}" if self._staleness else ""
