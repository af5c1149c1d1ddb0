"""Killed, stopped and interrupted: processes of searches, comparisons and finishes."""

import json
import signal
import sqlite3
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.campaign.case import Case, ViolatedError
from benchmarks.campaign.searches import Plan

POLICIES = ("controller", "independent", "evolution", "random")
PROGRAM = "benchmarks.campaign.program"
FEW = "worker processes ended 3 times in a row before they were ready"


def _plan(case: Case, kind: str, **more: object) -> Plan:
    usual = {"policy": case.rng.choice(POLICIES), "seed": case.rng.randrange(4)}
    return replace(Plan(case.store, kind), **{**usual, **more})


def _killed_once(case: Case, plan: Plan, whole_group: bool) -> None:
    """Kill the main process at a random moment, or all processes at once."""
    program = case.start(plan.command)

    def kill() -> None:
        if whole_group:
            case.kill_all()
            case.kills += 1
        else:
            case.kill([program.pid])

    case.disturb_once(program, kill, apart=1.5)
    program.communicate()
    case.check_gone()


def main_process(case: Case) -> str:
    """The main process is killed, once to three times; the workers have to end by themselves."""
    plan = _plan(case, case.rng.choice(("serial", "workers")))
    for _ in range(case.rng.randint(1, 3)):
        _killed_once(case, plan, whole_group=False)
    case.to_the_end(plan)
    case.check(plan)
    return ""


def everything(case: Case) -> str:
    """All processes are killed at once, as by a power cut."""
    plan = _plan(case, "workers")
    for _ in range(case.rng.randint(1, 3)):
        _killed_once(case, plan, whole_group=True)
    case.to_the_end(plan)
    case.check(plan)
    return ""


def _until_over(
    case: Case, plan: Plan, act: object, apart: float, excuses: tuple[str, ...]
) -> None:
    """Run and resume under disturbance until it comes to its end; then look at what is left."""
    for _ in range(20):
        program = case.start(plan.command)
        case.disturb(program, act, apart)
        status, said = case.ended(program)
        if status == 0:
            return
        if not any(excuse in said for excuse in excuses):
            raise ViolatedError(f"status {status}: {said.strip()}")
    raise ViolatedError("20 times it gave up")


def workers(case: Case) -> str:
    """Single workers are killed again and again; a trial fails only where that met it twice."""
    plan = _plan(case, "workers", policy="random", trials=200, pause=0.06)

    def kill() -> None:
        case.kill(pool_workers(case))

    _until_over(case, plan, kill, 0.25, (FEW,))
    case.to_the_end(plan)
    lost = case.check(plan, may_lose=True)
    return f"{lost} trials killed twice" if lost else ""


def _parent(number: int) -> int:
    try:
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def fork_servers(case: Case) -> list[int]:
    """The fork servers: children of the main process; the workers are theirs."""
    program = case.titled(PROGRAM)
    return [n for n in case.titled("forkserver", "resource_tracker") if _parent(n) in program]


def pool_workers(case: Case) -> list[int]:
    """The workers that they have forked."""
    servers = fork_servers(case)
    return [n for n in case.titled("forkserver") if n not in servers]


def servers(case: Case) -> str:
    """The server that forks workers, and the process that tidies up after them, are killed."""
    plan = _plan(case, "workers", policy="random", trials=60)

    def kill() -> None:
        case.kill(fork_servers(case))

    _until_over(case, plan, kill, 1.5, (FEW, "worker processes"))
    case.to_the_end(plan)
    lost = case.check(plan, may_lose=True)
    return f"{lost} trials killed twice" if lost else ""


def stopped(case: Case) -> str:
    """Any process is stopped for a while and goes on, again and again."""
    plan = _plan(case, case.rng.choice(("serial", "workers")))
    halted: list[int] = []

    def act() -> None:
        if halted:
            case.kill([halted.pop()], signal.SIGCONT)
        elif left := case.processes():
            halted.append(case.rng.choice(left))
            case.kill(halted[-1:], signal.SIGSTOP)

    program = case.start(plan.command)
    case.disturb(program, act, 0.3)
    case.kill(halted, signal.SIGCONT)
    status, said = case.ended(program)
    if status != 0:
        raise ViolatedError(f"status {status}: {said.strip()}")
    case.check(plan)
    return ""


def interrupted(case: Case) -> str:
    """Ctrl-C at any moment of the command: one sentence, status 2, and it goes on."""
    base = ["-m", "reinas.cli"]
    how = ["--trials", "60", "--workers", str(case.rng.choice((0, 2))), "--seed", "3"]
    once = False
    for _ in range(case.rng.randint(1, 3)):
        there = _has_begun(case.store)
        command = ["resume", "s"] if there else ["search", "toy", "--name", "s", *how]
        program = case.start([*base, *command, "--store", case.store])
        interrupt = partial(case.kill, [program.pid], signal.SIGINT)
        done = case.disturb_once(program, interrupt, 3.0)
        status, said = case.ended(program)
        once |= done and status == 2
        if status not in (0, 2) or (
            status == 2 and "stopped" not in said.replace("interrupted", "stopped")
        ):
            raise ViolatedError(f"status {status}: {said.strip()}")
    if _has_begun(case.store):
        case.ended(case.start([*base, "resume", "s", "--store", case.store]))
    else:
        case.ended(case.start([*base, "search", "toy", "--name", "s", *how, "--store", case.store]))
    other = str(case.folder / "other.db")
    case.ended(case.start([*base, "search", "toy", "--name", "s", *how, "--store", other]))
    if _rows(case.store) != _rows(other):
        raise ViolatedError("resumed, it has other trials")
    return "interrupted" if once else "came to its end before"


def _has_begun(path: str) -> bool:
    if not Path(path).exists():
        return False
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        return ("searches",) in tables and bool(
            connection.execute("SELECT count(*) FROM searches").fetchone()[0]
        )


def _rows(path: str) -> list[tuple[object, ...]]:
    query = "SELECT number, batch, answers, repeat_of, reward FROM trials ORDER BY number"
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchall()


def share(case: Case, plan: Plan, apart: float) -> None:
    """Let three processes share a study; each is killed once and comes back."""
    programs = [case.start(plan.command) for _ in range(3)]
    for program in programs[:3]:
        case.kill_once(program, apart)
        if program.returncode != 0:
            programs.append(case.start(plan.command))
    for program in programs:
        try:
            _, said = program.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            raise ViolatedError("a process of the study did not end") from None
        if program.returncode not in (0, -signal.SIGKILL) or "Traceback" in said:
            raise ViolatedError(f"status {program.returncode}: {said.strip()[-800:]}")
    case.check_gone()
    case.check(plan)


def asking(case: Case) -> str:
    """Three processes share a study by ask and tell; each is killed once and comes back."""
    share(case, _plan(case, "ask", trials=48), apart=1.0)
    return ""


TABLE = "a,b,reward\n" + "".join(
    f"{a},{b},{(7 * a + 3 * b) % 11}\n" for a in range(5) for b in range(5)
)


def comparing(case: Case) -> str:
    """A comparison of policies is killed and goes on with the runs that it lacks."""
    (case.folder / "table.csv").write_text(TABLE)
    command = [
        "-m",
        "reinas.cli",
        "compare",
        "--table",
        "table.csv",
        "--decisions",
        "a,b",
        "--reward",
        "reward",
    ]
    command += ["--policies", "random,evolution:population=4:sample=2,independent", "--seeds", "8"]
    command += ["--evaluations", "20", "--json", "-", "--store"]
    for _ in range(case.rng.randint(1, 3)):
        program = case.start([*command, case.store])
        case.kill_once(program, apart=2.5)
        program.communicate()
        case.check_gone()
    whole = []
    for store in (case.store, str(case.folder / "other.db")):
        program = case.start([*command, store])
        text, said = program.communicate()
        if program.returncode:
            raise ViolatedError(f"status {program.returncode}: {said.strip()[-800:]}")
        whole.append(_without_times(json.loads(text)))
    if whole[0] != whole[1]:
        raise ViolatedError("resumed, it says something else")
    return ""


def _without_times(document: object) -> object:
    if isinstance(document, dict):
        return {k: _without_times(v) for k, v in document.items() if "seconds" not in k}
    return [_without_times(v) for v in document] if isinstance(document, list) else document


def finishing(case: Case) -> str:
    """`finish` is killed between any two of its steps, and gives the same weights."""
    base = ["-m", "reinas.cli"]
    search = ["search", "mlp", "--task", "wine", "--trials", "4", "--name", "s", "--workers", "0"]
    less = ["--set", "recipe.epochs=2", "--policy", "random", "--store", case.store]
    case.ended(case.start([*base, *search, *less]))
    grid = ["--set", "grid.learning_rates=[0.05,0.02]", "--epochs", "60", "--patience", "0"]
    command = [*base, "finish", "s", *grid, "--workers", "0", "--store", case.store, "--to"]
    for _ in range(case.rng.randint(1, 3)):
        program = case.start([*command, "net"])
        case.kill_once(program, apart=3.0)
        program.communicate()
        case.check_gone()
    for folder in ("net", "again"):
        status, said = case.ended(case.start([*command, folder]))
        if status:
            raise ViolatedError(f"status {status}: {said.strip()}")
    one, two = ((case.folder / f / "weights.safetensors").read_bytes() for f in ("net", "again"))
    if one != two:
        raise ViolatedError("the weights are other ones")
    return ""


ALL = {
    "main process killed": main_process,
    "all processes killed": everything,
    "single workers killed": workers,
    "fork server killed": servers,
    "processes stopped for a while": stopped,
    "Ctrl-C": interrupted,
    "ask and tell killed": asking,
    "comparison killed": comparing,
    "finish killed": finishing,
}
