"""A short campaign: each kind of disturbance once, but for those that need minutes or Ray."""

import pytest
from benchmarks.campaign import day, kills, media, services
from benchmarks.campaign.__main__ import KINDS, Tally, attempt, table
from benchmarks.campaign.case import SkippedError, ViolatedError, case
from benchmarks.campaign.searches import Plan

from reinas import Store

pytestmark = pytest.mark.xdist_group("campaign")
LONG = {
    "comparison killed",
    "finish killed",
    "machine without memory",
    "processes stopped for a while",
}
RAY = {"Ray's workers killed", "parameter servers killed", "Ray or its driver killed"}


@pytest.fixture(scope="module", autouse=True)
def _server():
    yield
    services.stop()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in LONG | RAY])
def test_all_invariants_hold(kind):
    """See the campaign for what they are."""
    tally = Tally()
    remark = attempt(kind, 7, tally)
    if tally.skipped:
        pytest.skip(remark)
    assert tally.failures == []
    assert tally.held == 1


def test_what_does_not_hold_is_found(tmp_path):
    """A trial that is lost, one that has another reward, a process and a file that are left."""
    with case(0) as made:
        plan = Plan(made.store, trials=16, pause=0.0)
        made.to_the_end(plan)
        assert made.check(plan) == 0
        with Store(plan.store).begin(writing=True) as connection:
            connection.exec_driver_sql("UPDATE trials SET reward = 0.5 WHERE reward IS NOT NULL")
        with pytest.raises(ViolatedError, match=r"trial \d+ should be"):
            made.check(plan)
        with Store(plan.store).begin(writing=True) as connection:
            connection.exec_driver_sql("DELETE FROM trials WHERE number = 15")
        with pytest.raises(ViolatedError, match="15 trials in place of 16"):
            made.check(plan)
        with pytest.raises(ViolatedError, match="a traceback"):
            made.ended(made.start(["-c", "raise ValueError('x')"]))
        popen = "s.Popen(['sleep', '60'], stdout=s.DEVNULL, stderr=s.DEVNULL)"
        left = f"import os, subprocess as s; {popen}; os._exit(0)"
        made.start(["-c", left]).communicate()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("benchmarks.campaign.case.GRACE", 0.2)
            with pytest.raises(ViolatedError, match="1 processes are left"):
                made.check_gone()
        (made.folder / "s.db.x.lock").touch()
        with pytest.raises(ViolatedError, match="locks are left"):
            made.to_the_end(Plan(made.store, trials=24, pause=0.0))


def test_an_hour_with_faults_ends_as_one_without():
    """A short form of the day; where there is no C compiler it is left out."""
    try:
        document = day.simulate(hours=0.5, speed=240.0, seed=2)
    except SkippedError as error:
        pytest.skip(str(error))
    assert document["trials"] == 60
    assert document["equals the undisturbed search"] is True or document["lost"]


def test_the_table_has_what_was_tried():
    """One row for each kind and one for all."""
    text = table({"a": Tally(tried=2, held=1, kills=3, seconds=8.0), "b": Tally(skipped="no disk")})
    assert "| a | 2 | 1 | 3 | 4.0 |" in text
    assert "| b | skipped: no disk |" in text
    assert "| all | 2 | 1 | 3 | |" in text


def test_every_kind_is_described():
    """The table names them; each function says what it does."""
    assert len(KINDS) == len(kills.ALL) + len(media.ALL) + len(services.ALL) == 20
    assert all(scenario.__doc__ for scenario in KINDS.values())
    assert issubclass(SkippedError, Exception)
