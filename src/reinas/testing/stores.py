"""What every store promises."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from reinas.errors import SettingError, TrialError, UnknownSearchError
from reinas.store import AbstractRecord, AbstractStore
from reinas.store.values import Claim, Count, FinalRecord, Proposal, Report, Update
from reinas.types import Attempt, Curve, Epoch, Outcome, Pruned

SETTINGS = {"space": {"name": "mlp", "depth": 2}, "seed": 0}


class StoreContract(ABC):
    """What every store and its records promise."""

    @abstractmethod
    def make(self) -> AbstractStore:
        """An empty store."""

    def record(self, *batches: int, claim: Claim | None = None) -> AbstractRecord:
        """A study with batches of so many trials each, all different."""
        record = self.make().put("s", SETTINGS, 100)
        number = 0
        for batch, count in enumerate(batches):
            numbers = range(number, number + count)
            proposals = [Proposal(n, (n, 1), (n, 1), f"net {n}", None) for n in numbers]
            assert record.propose(batch, proposals, claim)
            number += count
        return record

    # ---- studies by name ---------------------------------------------------------------------

    def test_studies_are_found_by_name(self) -> None:
        """In the order begun; an unknown name is refused with the nearest one."""
        store = self.make()
        assert store.names() == []
        for name in ("first", "second"):
            store.put(name, SETTINGS, 8)
        assert store.names() == ["first", "second"]
        assert store.get("first").settings == SETTINGS
        with store.free_name("first") as name:
            assert name == "first-2"
        assert _raises(UnknownSearchError, store.get, "frist").endswith("did you mean 'first'?")

    def test_a_study_is_opened_again_with_its_own_settings_only(self) -> None:
        """Other settings are refused, and named; more trials raise the budget, fewer do not."""
        store = self.make()
        store.put("s", SETTINGS, 8)
        assert store.put("s", SETTINGS, 4).trials == 8
        assert store.put("s", SETTINGS, 16).trials == store.get("s").trials == 16
        message = _raises(SettingError, store.put, "s", {**SETTINGS, "seed": 1}, 8)
        assert "seed is 0, not 1" in message

    # ---- trials ------------------------------------------------------------------------------

    def test_outcomes_are_read_back_as_they_were_written(self) -> None:
        """Rewards to the last bit, curves, metrics, reasons, early stops and reports."""
        record = self.record(4)
        curve = Curve((Epoch(1, 0.1, 0.2, 0.3),), None)
        outcomes = [
            Outcome(0.1 + 0.2, 1.5, {"a": 1 / 3}, curve, reports=((1, 0.5), (2, 0.75))),
            Outcome(None, 2.0, {}, Curve((), "why"), "it broke"),
            Outcome(None, 0.5, {"b": 2.0}, None, None, Pruned(3, 0.25)),
        ]
        for number, outcome in enumerate(outcomes):
            assert record.record(number, outcome) == outcome
        assert [t.outcome for t in record.batch(0)] == [*outcomes, None]
        states = [t.state for t in record.all_trials()]
        assert states == ["complete", "failed", "pruned", "waiting"]
        assert [t.number for t in record.finished()] == [0, 1, 2]
        assert [t.number for t in record.unfinished(0)] == [3]
        assert record.count() == (4, 3)
        assert record.texts([0, 3]) == {0: "net 0", 3: "net 3"}

    def test_an_outcome_is_written_once(self) -> None:
        """A second one is refused, and the first stays."""
        record = self.record(1)
        record.record(0, Outcome(0.5))
        assert "has an outcome already" in _raises(TrialError, record.record, 0, Outcome(0.75))
        assert record.trial(0).reward == 0.5
        _raises(TrialError, record.trial, 7)

    def test_a_batch_is_proposed_once(self) -> None:
        """The second one to try is told so, and writes nothing."""
        record = self.record(2)
        again = [Proposal(n, (9, 9), (9, 9), "other", None) for n in range(2)]
        assert not record.propose(0, again)
        assert [t.answers for t in record.batch(0)] == [(0, 1), (1, 1)]
        assert record.batches() == 1
        assert record.batch(1) == []

    def test_the_best_are_complete_and_different(self) -> None:
        """Highest reward first, ties by number; pruned, failed and repeated trials are left out."""
        record = self.make().put("s", SETTINGS, 100)
        keys = [(0,), (1,), (1,), (2,), (3,), (4,)]
        record.propose(
            0, [Proposal(n, k, k, "", 1 if n == 2 else None) for n, k in enumerate(keys)]
        )
        for number, reward in enumerate([0.5, 0.9, 0.9, 0.9]):
            record.record(number, Outcome(reward))
        record.record(4, Outcome(None, error="it broke"))
        record.record(5, Outcome(None, pruned=Pruned(1, 2.0)))
        assert [t.number for t in record.best(9)] == [1, 3, 0]
        assert [t.number for t in record.best()] == [1]

    def test_an_architecture_is_found_again_by_the_trial_that_evaluated_it(self) -> None:
        """Only among earlier batches; the last one that repeats no other."""
        record = self.record(2, 1)
        keys = [(0, 1), (2, 1), (9, 9)]
        assert record.own_with(keys, before=1) == {(0, 1): 0}
        assert record.own_with(keys, before=2) == {(0, 1): 0, (2, 1): 2}
        record.propose(2, [Proposal(3, (0, 1), (0, 1), "", None)])
        record.propose(3, [Proposal(4, (2, 1), (2, 1), "", 2)])
        assert record.own_with(keys, before=4) == {(0, 1): 3, (2, 1): 2}

    # ---- claims and reports ------------------------------------------------------------------

    def test_each_trial_is_handed_to_one_worker(self) -> None:
        """Two workers share a batch; finished trials are handed to nobody."""
        record = self.record(4)
        record.record(1, Outcome(0.5))
        one, two = Claim("one", 100.0), Claim("two", 100.0)
        assert record.claim(0, one, 2, now=0.0, gone=_alive) == [0, 2]
        assert record.claim(0, two, 4, now=0.0, gone=_alive) == [3]
        assert record.claim(0, one, 4, now=0.0, gone=_alive) == []
        assert [t.worker for t in record.batch(0)] == ["one", None, "one", "two"]
        assert record.trial(0).state == "running"

    def test_a_proposal_may_be_claimed_at_once(self) -> None:
        """All of its trials are the worker's."""
        record = self.record(2, claim=Claim("one", 100.0))
        assert record.claim(0, Claim("two", 100.0), 2, now=0.0, gone=_alive) == []

    def test_a_worker_that_ended_gives_its_trials_back(self) -> None:
        """When its claim expires, unless it was renewed, or when it is known to have ended."""
        record = self.record(3, claim=Claim("one", 100.0))
        two = Claim("two", 200.0)
        assert record.claim(0, two, 3, now=99.0, gone=_alive) == []
        record.renew(Claim("one", 150.0))
        assert record.claim(0, two, 3, now=101.0, gone=_alive) == []
        assert record.claim(0, two, 1, now=150.0, gone=_alive) == [0]
        assert record.claim(0, two, 3, now=0.0, gone=lambda worker: worker == "one") == [1, 2]

    def test_reports_grow_until_the_outcome_has_them(self) -> None:
        """By step, the last one of each; an outcome without reports of its own takes them over."""
        record = self.record(2)
        for step, score in ((2, 0.5), (1, 0.25), (2, 0.75)):
            record.report(Report(0, step, score, 1.0))
        assert record.reports(0) == [(1, 0.25), (2, 0.75)]
        assert record.reports(1) == []
        kept = record.record(0, Outcome(1.0))
        assert kept.reports == ((1, 0.25), (2, 0.75))
        assert record.trial(0).outcome == kept
        assert record.reports(0) == [(1, 0.25), (2, 0.75)]

    # ---- what was learned --------------------------------------------------------------------

    def test_reports_of_a_worker_that_ended_go_with_it(self) -> None:
        """The next worker's are not mixed with them; those of other trials stay."""
        record = self.record(2, claim=Claim("one", 100.0))
        for trial in (0, 1):
            record.report(Report(trial, 9, 0.25, 1.0))
        two = Claim("two", 300.0)
        assert record.claim(0, two, 1, now=150.0, gone=_alive) == [0]
        assert (record.reports(0), record.reports(1)) == ([], [(9, 0.25)])
        record.report(Report(0, 1, 0.75, 2.0))
        assert record.claim(0, two, 0, now=151.0, gone=_alive) == []
        assert record.record(0, Outcome(0.5)).reports == ((1, 0.75),)

    def test_a_snapshot_replaces_the_one_before(self) -> None:
        """With every array's shape and numbers; a batch is learned from once."""
        record = self.record(1, 1)
        assert (record.last_update(), record.snapshot()) == (-1, None)
        states = [{"w": np.arange(n + 1.0), "b": np.array(np.nan)} for n in range(2)]
        for batch in range(2):
            assert record.open_batches() == list(range(batch, 2))
            record.learned(batch, {"x": batch / 3}, states[batch])
        record.learned(0, {"x": 9.0}, states[0])
        assert record.diagnostics() == [(0, {"x": 0.0}), (1, {"x": 1 / 3})]
        assert record.last_update() == 1
        _assert_snapshot(record, 1, states[1])

    def test_updates_are_read_back_in_their_order(self) -> None:
        """With the batches' diagnostics and the state after the last."""
        record = self.record(1, 1)
        updates = [Update(0, 1, 3, 0, 0, {"x": 1.0}), Update(1, 0, 2, 0, 1, {"x": 0.5})]
        record.applied(updates, {"w": np.ones(2)})
        kept = [(u.number, u.batch, u.replica, u.staleness) for u in record.updates()]
        assert kept == [(0, 1, 3, 0), (1, 0, 2, 1)]
        assert record.diagnostics() == [(0, {"x": 0.5}), (1, {"x": 1.0})]
        _assert_snapshot(record, 1, {"w": np.ones(2)})

    def test_ends_are_counted(self) -> None:
        """By reason, early stop and repeat, with their seconds; and what workers hold."""
        record = self.make().put("s", SETTINGS, 100)
        earlier = [None, None, 0, None, None, None, None]
        proposals = [Proposal(n, (n,), (n,), "", repeated) for n, repeated in enumerate(earlier)]
        record.propose(0, proposals)
        assert record.counts() == []
        outcomes = [
            Outcome(0.5, 1.5),
            Outcome(None, 0.25, error="it broke"),
            Outcome(0.5),
            Outcome(None, 2.0, pruned=Pruned(1, 0.5)),
            Outcome(None, 0.5, error="it broke"),
            Outcome(0.75, 1.0),
        ]
        for number, outcome in enumerate(outcomes):
            record.record(number, outcome)
        assert record.counts() == [
            Count(None, False, False, 2, 2.5),
            Count("it broke", False, False, 2, 0.75),
            Count(None, False, True, 1, 0.0),
            Count(None, True, False, 1, 2.0),
        ]
        assert record.held() == []
        record.claim(0, Claim("one", 10.0), 9, now=0.0, gone=lambda worker: False)
        assert [(t.number, t.worker) for t in record.held()] == [(6, "one")]

    # ---- attempts and the end ----------------------------------------------------------------

    def test_attempts_are_kept_until_they_end(self) -> None:
        """One that gave an outcome, one that was lost, one given up, one that pauses."""
        record = self.record(4)
        for number in range(4):
            record.attempted(Attempt(number, f"here:{number}", 10.0 + number))
        record.record(0, Outcome(0.5))
        record.attempted(Attempt(1, "here:1", 11.0, "its worker died"))
        record.close_attempts([0, 1, 3])
        record.close_attempts(unknown_end=True)
        first, second, third, fourth = record.attempts()
        assert fourth.ended is not None
        assert fourth.ended > 13.0
        assert (first.finished, first.lost) == (True, None)
        assert (second.finished, second.lost) == (False, "its worker died")
        assert (third.finished, third.ended) == (False, 12.0)

    def test_the_final_grid_and_the_final_network_are_kept(self) -> None:
        """Each recipe once; the test result once."""
        record = self.record(1)
        assert (record.points(), record.final()) == ({}, None)
        record.record_point({"rate": 0.1}, Outcome(0.5, metrics={"loss": 1.0}))
        ((recipe, outcome),) = record.points().values()
        assert (recipe, outcome.reward, outcome.metrics) == ({"rate": 0.1}, 0.5, {"loss": 1.0})
        final = FinalRecord(0, {"epochs": 2}, {"accuracy": 0.9}, "2026-01-01", "accuracy 0.9")
        record.finish(final)
        assert record.final() == final
        _raises(Exception, record.finish, final)


def _alive(worker: str) -> bool:
    return False


def _raises(kind: type[Exception], call: Any, *arguments: Any) -> str:
    """The message of the error that the call raises."""
    try:
        call(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError(f"{call.__name__} should have raised {kind.__name__}")


def _assert_snapshot(record: AbstractRecord, number: int, state: dict[str, Any]) -> None:
    snapshot = record.snapshot()
    assert snapshot is not None
    assert snapshot[0] == number
    assert snapshot[1].keys() == state.keys()
    for key, value in state.items():
        assert snapshot[1][key].shape == value.shape
        np.testing.assert_array_equal(snapshot[1][key], value)
