"""Ctrl-C in the middle of a transaction: it is whole, and nothing is left locked."""

import gc
import signal
import sqlite3
import sys
import threading

import pytest

from reinas.store import Store, schema
from reinas.system import uninterrupted


def write(store):
    with store.begin(writing=True) as connection:
        connection.execute(schema.versions.update().values(version=schema.VERSION))


def interrupted(store, line):
    """Write, with Ctrl-C at one line of Python; how many lines there were."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        if event == "line" and count == line:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
        return trace

    sys.settrace(trace)
    try:
        write(store)
    finally:
        sys.settrace(None)
    return count


@pytest.fixture
def ctrl_c():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_at_any_line_of_a_transaction_leaves_no_lock_and_no_connection(
    tmp_path, ctrl_c, request
):
    """A connection lost in it kept its lock: the next write waited ten seconds for itself."""
    store = Store(tmp_path / "s.db")
    store.create("study", {}, 3)
    write(store)
    gc.disable()  # what others do when memory is collected has lines, too
    request.addfinalizer(gc.enable)
    lines = interrupted(store, -1)
    assert lines > 300
    kept = []
    for line in range(1, lines + 1, 3):
        with pytest.raises(KeyboardInterrupt) as caught:
            interrupted(store, line)
        kept.append(caught.value)  # as a traceback that is still shown keeps its frames
        assert store.database._engine.pool.checkedout() == 0, line
        other = sqlite3.connect(store.path, timeout=0)
        other.execute("BEGIN IMMEDIATE")
        other.close()
    # nor is a lock of a library's left, which this thread would not notice: it could take it again
    thread = threading.Thread(target=write, args=[Store(store.path)], daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_ctrl_c_comes_after_what_may_not_be_interrupted(ctrl_c):
    """Once, also where one such thing is within another."""
    done = []

    def both():
        with uninterrupted():
            with uninterrupted():
                signal.raise_signal(signal.SIGINT)
                done.append("inner")
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        both()
    assert done == ["inner", "outer"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_and_ignored_signals_are_left_alone(ctrl_c):
    """There is nothing to hold back."""
    thread = threading.Thread(target=lambda: uninterrupted().__enter__())
    thread.start()
    thread.join()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
