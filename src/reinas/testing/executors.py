"""What every executor promises."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.types import Job, Outcome


class Probe(AbstractEvaluator[str]):
    """Does what the architecture says: a number is the reward, "raise" and "nan" go wrong."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Nothing but a name."""
        return {"name": "probe"}

    def __call__(self, job: Job[str]) -> Outcome:
        """The outcome that the job's architecture asks for."""
        if job.architecture == "raise":
            raise ValueError("this child was told to fail")
        if job.architecture == "report":
            for step in (1, 2, 3):
                job.report(step, step / 4)
            return Outcome(0.75)
        return Outcome(float(job.architecture), metrics={"seed": job.seed})


class ExecutorContract(ABC):
    """What every executor promises."""

    @abstractmethod
    def make(self) -> AbstractExecutor:
        """The executor to prove."""

    def run(self, *architectures: str) -> dict[int, Outcome]:
        """The outcomes of one job an architecture, by trial number."""
        executor = self.make()
        jobs = [Job(k, text, seed=100 + k) for k, text in enumerate(architectures)]
        try:
            results = [(job.trial, outcome) for job, outcome in executor.run(Probe(), jobs)]
        finally:
            executor.close()
        assert len(results) == len(jobs)
        return dict(results)

    def test_every_job_yields_its_outcome(self) -> None:
        """Each job once, with its own seed."""
        outcomes = self.run("0.5", "0.25", "1")
        assert {k: o.reward for k, o in outcomes.items()} == {0: 0.5, 1: 0.25, 2: 1.0}
        assert {k: o.metrics["seed"] for k, o in outcomes.items()} == {0: 100, 1: 101, 2: 102}

    def test_no_jobs_give_no_outcomes(self) -> None:
        """An empty batch is fine."""
        assert self.run() == {}

    def test_a_child_that_raises_fails_alone(self) -> None:
        """Its outcome has the reason; the others are as they were."""
        outcomes = self.run("0.5", "raise", "0.75")
        assert outcomes[1].reward is None
        assert "this child was told to fail" in (outcomes[1].error or "")
        assert (outcomes[0].reward, outcomes[2].reward) == (0.5, 0.75)

    def test_a_reward_that_is_no_number_is_a_failure(self) -> None:
        """NaN and infinity are reported, not learned from."""
        outcomes = self.run("nan", "inf", "0.5")
        assert [outcomes[k].reward for k in range(3)] == [None, None, 0.5]
        assert "nan" in (outcomes[0].error or "")
        assert "inf" in (outcomes[1].error or "")

    def test_it_stops_when_the_time_is_over(self) -> None:
        """What has not begun by then has no outcome, and the call ends."""
        executor = self.make()
        jobs = [Job(k, "0.5", seed=k) for k in range(3)]
        try:
            assert list(executor.run(Probe(), jobs, deadline=0.0)) == []
        finally:
            executor.close()

    def test_what_a_child_reports_comes_with_its_outcome(self) -> None:
        """Every step and score, in order."""
        outcomes = self.run("report", "0.5")
        assert outcomes[0].reports == ((1, 0.25), (2, 0.5), (3, 0.75))
        assert outcomes[1].reports == ()

    def test_seconds_are_filled_in(self) -> None:
        """The executor measures where the evaluator does not."""
        assert self.run("0.5")[0].seconds > 0

    def test_it_may_be_opened_twice(self) -> None:
        """And has a status, before, while and after it is used."""
        executor = self.make()
        try:
            for _ in range(2):
                executor.open()
                assert executor.status().busy == 0
            assert [o.reward for _, o in executor.run(Probe(), [Job(0, "0.5", 1)])] == [0.5]
            assert executor.status().busy == 0
        finally:
            executor.close()

    def test_it_can_be_used_again_after_close(self) -> None:
        """A closed executor starts anew."""
        executor = self.make()
        job = Job(0, "0.5", seed=0)
        for _ in range(2):
            assert [o.reward for _, o in executor.run(Probe(), [job])] == [0.5]
            executor.close()
