"""Worker processes: whatever a child does, the search goes on."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import reinas
from helpers import Doomed
from reinas import Job, MlpSpace, Processes, Recipe, TrainedEvaluator, Wine
from reinas.errors import SettingError
from reinas.executors.worker import Worker
from reinas.system import machine_memory
from reinas.testing import ExecutorContract


class TestProcesses(ExecutorContract):
    """Processes keep every promise of executors."""

    def make(self):
        return Processes(2)


def run(executor, *architectures):
    jobs = [Job(k, text, seed=k) for k, text in enumerate(architectures)]
    try:
        return {job.trial: outcome for job, outcome in executor.run(Doomed(), jobs)}
    finally:
        executor.close()


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("kill", "killed by SIGKILL; systems do that when memory runs out"),
        ("abort", "killed by SIGABRT"),
        ("exit", "ended with status 3"),
        ("lost", "status 255, or the server that forks workers was killed"),
    ],
)
def test_a_child_that_takes_its_worker_down_fails_alone(fate, words):
    """The worker is replaced; the children beside and after it have their outcomes."""
    outcomes = run(Processes(2), "ok", fate, "ok", "ok", "ok")
    assert words in outcomes[1].error
    assert [outcomes[k].reward for k in (0, 2, 3, 4)] == [0.5] * 4


def test_a_child_that_hangs_is_stopped_at_the_time_limit():
    """It fails with the limit in its reason, and soon."""
    begun = time.perf_counter()
    outcomes = run(Processes(2, time_limit=1.5), "ok", "hang", "ok")
    assert outcomes[1].error == "took longer than the limit of 1.5 s"
    assert outcomes[1].seconds == 1.5
    assert [outcomes[k].reward for k in (0, 2)] == [0.5, 0.5]
    assert time.perf_counter() - begun < 30


def gone(file):
    """Whether the process whose number is in the file ends soon."""
    number = int(file.read_text())
    deadline = time.monotonic() + 20
    while _alive(number) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _alive(number)


def test_what_a_child_has_started_ends_with_it(tmp_path):
    """At the time limit, and where its worker is killed."""
    file = tmp_path / "number"
    outcomes = run(Processes(1, time_limit=1.5), f"sleep:{file}")
    assert outcomes[0].error == "took longer than the limit of 1.5 s"
    assert gone(file)


def test_what_a_child_has_started_ends_with_a_killed_parent(tmp_path):
    """Also where nobody is left to tidy up."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from helpers import Doomed\n"
        "from reinas import Job, Processes\n"
        "if __name__ == '__main__':\n"
        "    list(Processes(1).run(Doomed(), [Job(0, 'sleep:' + sys.argv[2], 0)]))\n"
    )
    (tmp_path / "script.py").write_text(script)
    file, tests = tmp_path / "number", Path(__file__).parent.parent
    with subprocess.Popen([sys.executable, tmp_path / "script.py", tests, file]) as process:
        deadline = time.monotonic() + 60
        while not (file.exists() and file.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    assert gone(file)


@pytest.mark.parametrize("fate", ["memory", "tensor", "shared"])
def test_a_child_that_exhausts_its_memory_fails_alone(fate):
    """The allocation is refused, or the child is ended: the machine stays as it was."""
    outcomes = run(Processes(1, memory_limit=1.0), "ok", fate, "ok")
    assert "out of memory" in outcomes[1].error
    assert [outcomes[k].reward for k in (0, 2)] == [0.5, 0.5]


def test_workers_run_torch_with_one_thread():
    """Parallelism is over children."""
    assert run(Processes(1), "threads")[0].metrics["threads"] == 1


def test_workers_are_numbered_and_their_successors_take_the_numbers():
    """0 and 1, also after one was killed: by them children find their device."""
    pool = Processes(2)
    found = []
    for fate in ("number", "kill", "number"):
        jobs = [Job(n, fate, n) for n in range(4)]
        found.append({o.metrics.get("number") for _, o in pool.run(Doomed(), jobs)})
    pool.close()
    assert found == [{0.0, 1.0}, {None}, {0.0, 1.0}]


def test_a_worker_that_is_killed_between_two_batches_is_replaced():
    """Even if nothing was running when it died."""
    executor = Processes(1)
    try:
        first = next(iter(executor.run(Doomed(), [Job(0, "pid", 0)])))[1]
        os.kill(int(first.metrics["pid"]), signal.SIGKILL)
        outcomes = [o for _, o in executor.run(Doomed(), [Job(1, "ok", 0), Job(2, "ok", 0)])]
    finally:
        executor.close()
    assert [o.reward for o in outcomes] == [0.5, 0.5]


def test_a_script_without_main_guard_is_told_so(tmp_path):
    """Workers import the script; without the guard they would start workers of their own."""
    path = tmp_path / "script.py"
    path.write_text(
        "import reinas\n"
        "from reinas.testing.executors import Probe\n"
        "list(reinas.Processes(1).run(Probe(), [reinas.Job(0, '0.5', 0)]))\n"
    )
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert 'under `if __name__ == "__main__":`' in done.stderr


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    """kill -9 on the search ends its workers too, in the middle of a child."""
    script = textwrap.dedent(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        from helpers import Doomed
        from reinas import Job, Processes
        if __name__ == "__main__":
            executor = Processes(1)
            for job, outcome in executor.run(Doomed(), [Job(0, "pid", 0), Job(1, "hang", 0)]):
                print(int(outcome.metrics["pid"]), flush=True)
        """
    )
    path = tmp_path / "script.py"
    path.write_text(script)
    arguments = [sys.executable, str(path), str(Path(__file__).parent.parent)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        worker = int(process.stdout.readline())
        process.kill()
    deadline = time.monotonic() + 20
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _alive(worker)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    "bad", [{"workers": 0}, {"workers": 1, "time_limit": 0}, {"workers": 1, "memory_limit": -1}]
)
def test_impossible_limits_are_refused(bad):
    """With a sentence that says what is possible."""
    with pytest.raises(SettingError, match="must be"):
        Processes(**bad)


def test_the_machine_has_memory():
    """In GiB, at most what the hardware has."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    assert 0 < machine_memory() <= physical


def test_a_child_whose_worker_was_killed_from_outside_is_run_again():
    """One death is nobody's fault; a second one is the child's."""
    executor = Processes(1)
    try:
        jobs = executor.run(Doomed(), [Job(0, "pid", 0), Job(1, "slow", 0)])
        pid = int(next(jobs)[1].metrics["pid"])
        threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()
        assert [outcome.reward for _, outcome in jobs] == [0.75]
    finally:
        executor.close()


def test_a_time_limit_does_not_pay_for_starting_a_worker():
    """Half a second is plenty for a child of milliseconds, the first one included."""
    space, executor = MlpSpace(depth=1), Processes(1, time_limit=0.5)
    evaluator = TrainedEvaluator(Wine(), Recipe(epochs=1))
    jobs = [Job(k, space.decode((0, 0, 0)), seed=k) for k in range(3)]
    try:
        assert [o.error for _, o in executor.run(evaluator, jobs)] == [None] * 3
    finally:
        executor.close()


def test_a_lambda_is_refused_before_the_first_trial():
    """It cannot be sent; the study is not begun."""
    store = reinas.MemoryStore()
    space = reinas.MlpSpace(depth=1)
    evaluator = reinas.FunctionEvaluator(lambda architecture, trial: 0.5)
    with pytest.raises(SettingError, match="cannot be sent to worker processes, as a lambda"):
        reinas.search(
            space,
            reinas.RandomSearch(space),
            evaluator,
            store=store,
            name="s",
            executor=reinas.Processes(1),
        )
    assert store.names() == []


# ---- kills at any moment -------------------------------------------------------------------------


class Murderer(threading.Thread):
    """Kills processes until it is told to stop."""

    def __init__(self, victims, every):
        super().__init__(daemon=True)
        self.victims, self.every = victims, every
        self.killed, self.done = 0, threading.Event()

    def run(self):
        rng = random.Random(1)
        while not self.done.wait(rng.uniform(0, 2 * self.every)):
            if found := self.victims():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rng.choice(found), signal.SIGKILL)
                    self.killed += 1


def test_no_kill_of_a_worker_stops_the_others():
    """Busy, idle or starting; a child whose worker was killed twice fails, the rest are done."""
    executor = Processes(2)
    pool = executor._workers
    murderer = Murderer(lambda: [w._process.pid for w in pool._workers if w.is_ready], 0.25)
    murderer.start()
    jobs = [Job(k, "brief", seed=k) for k in range(300)]
    try:
        outcomes = {job.trial: o for job, o in executor.run(Doomed(), jobs)}
    finally:
        murderer.done.set()
        executor.close()
    assert sorted(outcomes) == list(range(300))
    assert murderer.killed > 5
    failed = [o.error for o in outcomes.values() if o.error is not None]
    assert all("killed by SIGKILL" in error for error in failed)
    assert len(failed) < 100


def test_a_server_that_is_dying_is_waited_for(monkeypatch):
    """It refuses for a moment before the system says that it is dead."""
    from reinas.executors import process_pool

    refused = []

    def dying(*given):
        if len(refused) < 5:
            refused.append(given)
            raise ConnectionRefusedError("Connection refused")
        return Worker(*given)

    monkeypatch.setattr(process_pool, "Worker", dying)
    assert run(Processes(1), "ok")[0].reward == 0.5
    assert len(refused) == 5


def test_a_killed_server_of_workers_is_replaced():
    """With all that it has forked; the children are evaluated again."""
    from multiprocessing import forkserver

    executor = Processes(2)
    try:
        jobs = executor.run(Doomed(), [Job(k, "slow", seed=k) for k in range(4)])
        outcomes = [next(jobs)[1]]
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        for worker in list(executor._workers._workers):
            os.kill(worker._process.pid, signal.SIGKILL)
        outcomes += [outcome for _, outcome in jobs]
    finally:
        executor.close()
    assert [outcome.reward for outcome in outcomes] == [0.75] * 4


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("exit 0", "ended with status 0"),
        ("sys.exit", "SystemExit: 0"),
        ("interrupt", "KeyboardInterrupt"),
        ("generator", "GeneratorExit"),
        ("surrogate", r"ValueError: no file \udcff"),
        ("mute", "MuteError: an error that cannot be put into words"),
    ],
)
def test_whatever_a_child_does_to_leave_is_a_failed_trial(fate, words):
    """With the reason, and the next child is evaluated."""
    outcomes = run(Processes(1), fate, "ok")
    assert words in outcomes[0].error
    assert outcomes[1].reward == 0.5


@pytest.mark.parametrize("fate", ["sys.exit", "generator", "surrogate", "mute"])
def test_the_same_without_workers(fate):
    """In this process; Ctrl-C is the only one that goes through."""
    outcomes = run(reinas.Serial(), fate, "ok")
    assert outcomes[0].error
    outcomes[0].error.encode()
    assert outcomes[1].reward == 0.5
    with pytest.raises(KeyboardInterrupt):
        run(reinas.Serial(), "interrupt")
