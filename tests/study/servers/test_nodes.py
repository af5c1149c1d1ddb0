"""Searches on clusters of their own: a node is lost, the driver is killed, Ctrl-C."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from helpers import small_search, story
from reinas import Store

pytestmark = pytest.mark.xdist_group("ray")
HEAD = """
import sys, time
from helpers import Hashed, small_search
from reinas import Cluster, Asynchronous

class Slow(Hashed):
    def __call__(self, job):
        time.sleep(0.3)
        return Hashed.__call__(self, job)

def said(trial):
    print(trial.number, flush=True)

def run(**more):
    small_search(sys.argv[1], evaluator=Slow(), on_trial=said, **more)
"""
TWO_NODES = """
if __name__ == "__main__":
    from ray.cluster_utils import Cluster as Machines

    # a dead node is noticed within seconds, not half a minute
    soon = {"health_check_period_ms": 500, "health_check_failure_threshold": 3,
            "health_check_timeout_ms": 1000, "health_check_initial_delay_ms": 0}
    head = {"num_cpus": 1, "_system_config": soon}
    machines = Machines(initialize_head=True, head_node_args=head)
    second = machines.add_node(num_cpus=1)
    machines.wait_for_nodes()
    print("raylet", second.all_processes["raylet"][0].process.pid, flush=True)
    servers = None if sys.argv[2] == "none" else Asynchronous(*map(int, sys.argv[2].split(",")))
    run(executor=Cluster(machines.address, retries=5), schedule=servers, trials=48, batch_size=8)
    machines.shutdown()
"""
ONE_NODE = """
if __name__ == "__main__":
    run(executor=Cluster(), schedule=Asynchronous(1, 2))
"""


@contextlib.contextmanager
def started(script, *arguments):
    """A script in a process group of its own, with a place of its own for Ray."""
    place = tempfile.mkdtemp(prefix="r", dir="/tmp")  # short: sockets' paths must be
    path = Path(place) / "script.py"
    path.write_text(textwrap.dedent(HEAD + script))
    tests = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": tests, "RAY_TMPDIR": place}
    command = [sys.executable, str(path), *map(str, arguments)]
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for pid in of(place):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()
        shutil.rmtree(place, ignore_errors=True)


def of(place):
    """The living processes that were started with this place for Ray."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            dead = "\nState:\tZ" in (path / "status").read_text()
            if not dead and f"RAY_TMPDIR={place}".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
    return found


def place_of(process):
    return str(Path(process.args[1]).parent)


def lines(process, count):
    """So many lines of its output."""
    read = [process.stdout.readline().strip() for _ in range(count)]
    assert all(read), process.stderr.read()
    return read


@pytest.mark.parametrize("servers", ["none", "1,2", "3,2"])
def test_a_node_that_is_lost_takes_nothing_with_it(tmp_path, servers):
    """Children, replicas and shards that were on it are run elsewhere; every trial finishes."""
    store = str(tmp_path / "s.db")
    with started(TWO_NODES, store, servers) as process:
        word, raylet = lines(process, 1)[0].split()
        assert word == "raylet"
        lines(process, 8)
        os.kill(int(raylet), signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    log = Store(store).get("s")
    finished = log.finished()
    assert [t.number for t in finished] == list(range(48))
    assert not any("given up" in (t.outcome.error or "") for t in finished)
    if servers == "3,2":
        assert sorted(u.batch for u in log.updates()) == list(range(6))
    else:  # one learner: the very trials that it would have had
        assert story(log) == story(small_search(None, trials=48).record)


def at_work(place):
    """Those of them that are not Ray's own two agents, which outlive a killed driver."""
    titles = {pid: Path(f"/proc/{pid}/cmdline") for pid in of(place)}
    return [p for p, path in titles.items() if path.exists() and b"Agent" not in path.read_bytes()]


def test_a_driver_that_is_killed_leaves_nobody_at_work_and_loses_nothing(tmp_path):
    """kill -9 in the middle; called again, the search ends where it would have."""
    store = str(tmp_path / "s.db")
    with started(ONE_NODE, store) as process:
        lines(process, 20)
        process.kill()
        place, deadline = place_of(process), time.monotonic() + 20
        while at_work(place) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert at_work(place) == []
    log = Store(store).get("s")
    kept = log.count()[1]
    assert 20 <= kept < 40
    found = small_search(store)  # one replica is the synchronous search, which may go on with it
    assert story(found.record) == story(small_search(None).record)


def test_ctrl_c_ends_all_within_ten_seconds(tmp_path):
    """It goes to the whole group, as in a terminal; no process is left."""
    store = str(tmp_path / "s.db")
    with started(ONE_NODE, store) as process:
        lines(process, 10)
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert time.monotonic() - begun < 10
        assert "KeyboardInterrupt" in errors
        place = place_of(process)
        while of(place) and time.monotonic() - begun < 10:
            time.sleep(0.1)
        assert of(place) == []
    log = Store(store).get("s")
    assert 10 <= log.count()[1] < 40
    assert not any(e.ended is None for e in log.attempts())
