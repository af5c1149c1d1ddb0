"""The time of a fit, with times that are given: nothing waits."""

import json
import threading
from types import SimpleNamespace

import pytest

from reinas.errors import FileError
from reinas.fitting import clock as module
from reinas.fitting.clock import Clock


class Time:
    """A time that a test sets."""

    def __init__(self, now):
        self.now = now

    def time(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    """The time that the clock sees."""
    faked = Time(1000.0)
    monkeypatch.setattr(module, "time", faked)
    return faked


def test_the_time_runs_from_where_it_began(tmp_path, time):
    """Of 60 seconds that began 12 seconds ago, 48 are left."""
    clock = Clock(tmp_path / "clock.json", 60, begun=988.0)
    assert (clock.earlier, clock.spent, clock.left) == (0.0, 12.0, 48.0)
    time.now = 1050.0
    assert (clock.spent, clock.left) == (62.0, -2.0)
    assert clock.at(30.0) == 1018.0


def test_a_later_session_goes_on_with_what_was_left(tmp_path, time):
    """20 seconds were spent; the hours between the sessions do not count."""
    file = tmp_path / "clock.json"
    with Clock(file, 60, begun=980.0).running():
        pass
    time.now = 90_005.0
    clock = Clock(file, 60, begun=90_000.0)
    assert (clock.earlier, clock.spent, clock.left) == (20.0, 25.0, 35.0)
    assert clock.at(60.0) == 90_040.0


def test_more_minutes_for_a_later_session_are_added(tmp_path, time):
    """All of them count from the beginning of the first session."""
    file = tmp_path / "clock.json"
    with Clock(file, 60, begun=980.0).running():
        pass
    assert Clock(file, 120, begun=1000.0).left == 100.0


def test_the_time_spent_is_kept_at_once_with_every_beat_and_at_the_end(tmp_path, time, monkeypatch):
    """The file says 20, then 21, then 25; no draft is left."""
    file = tmp_path / "clock.json"
    beats, waits = threading.Semaphore(0), threading.Semaphore(0)

    class Event:
        """Waits for a beat instead of a second."""

        over = False

        def wait(self, timeout):
            assert timeout == module.BEAT
            waits.release()
            beats.acquire()
            return self.over

        def set(self):
            self.over = True
            beats.release()

    faked = SimpleNamespace(Event=Event, Thread=threading.Thread)
    monkeypatch.setattr(module, "threading", faked)

    def kept():
        return json.loads(file.read_text())["spent"]

    with Clock(file, 60, begun=980.0).running():
        assert waits.acquire(timeout=10)
        assert kept() == 20.0
        time.now = 1001.0
        beats.release()
        assert waits.acquire(timeout=10)
        assert kept() == 21.0
        time.now = 1005.0
    assert kept() == 25.0
    assert [p.name for p in tmp_path.iterdir()] == ["clock.json"]


def test_the_time_is_kept_when_the_session_ends_with_an_error(tmp_path, time):
    """And the error passes."""
    file = tmp_path / "clock.json"

    def fail():
        with Clock(file, 60, begun=980.0).running():
            time.now = 1007.5
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert Clock(file, 60, begun=2000.0).earlier == 27.5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"spent"',
        b"{}",
        b"[1]",
        b"3",
        b'{"spent": null}',
        b'{"spent": "x"}',
        b'{"spent": NaN}',
        b'{"spent": Infinity}',
        b'{"spent": -5}',
        b"\xff\xfe",
        b"\x00",
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content):
    """With its name: how much time is left would be a guess."""
    file = tmp_path / "clock.json"
    file.write_bytes(content)
    with pytest.raises(FileError, match=r"clock\.json should hold the time spent"):
        Clock(file, 60, begun=0.0)


def test_a_folder_that_is_gone_is_one_sentence(tmp_path):
    """Before anything else is done."""
    clock = Clock(tmp_path / "none" / "clock.json", 60, begun=0.0)
    with (
        pytest.raises(FileError, match=r"clock\.json cannot be written: No such file"),
        clock.running(),
    ):
        raise AssertionError("it ran")
