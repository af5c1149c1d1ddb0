"""Other programs around a search: a PostgreSQL server, the live page, a Ray cluster."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import replace
from functools import cache
from typing import Any

from benchmarks.campaign.case import Case, SkippedError, ViolatedError
from benchmarks.campaign.kills import POLICIES, PROGRAM, share
from benchmarks.campaign.postgresql import Server, programs
from benchmarks.campaign.searches import Plan

GONE = ("cannot be reached", "cannot be used")
PAUSE = 0.05
DAEMONS = 100.0
"""Seconds in which Ray ends by itself: a raylet waits a minute for a server that is gone."""


@cache
def _server() -> Server:
    if programs() is None:
        raise SkippedError("PostgreSQL is not installed")
    return Server()


def stop() -> None:
    """End the PostgreSQL server, if there is one."""
    if _server.cache_info().currsize:
        _server().stop()


def _plan(case: Case, kind: str, **more: object) -> Plan:
    usual = {"policy": case.rng.choice(POLICIES), "seed": case.rng.randrange(4)}
    return replace(Plan(case.store, kind), **{**usual, **more})


def database_killed(case: Case) -> str:
    """The PostgreSQL server is killed and started again; the search ends, and is resumed."""
    server = _server()
    plan = _plan(case, "serial", store=server.address(f"c{case.mark}"))
    for _ in range(case.rng.randint(1, 2)):
        program = case.start(plan.command)
        done = case.disturb_once(program, server.kill, 1.2)
        case.kills += done
        status, said = case.ended(program)
        if done:
            server.start()
        if status and not any(words in said for words in GONE):
            raise ViolatedError(f"status {status}: {said.strip()}")
    case.to_the_end(plan)
    case.check(plan)
    return ""


def database_clients_killed(case: Case) -> str:
    """Three processes share a study on PostgreSQL; each is killed once and comes back."""
    plan = _plan(case, "ask", store=_server().address(f"c{case.mark}"), trials=48)
    share(case, plan, apart=1.2)
    return ""


def page(case: Case) -> str:
    """The live page is read and killed again and again while the search is; neither minds."""
    plan = _plan(case, "workers", trials=64)
    program = case.start(plan.command)
    watch = ["-m", "reinas.cli", "watch", "--store", case.store, "--port", "0"]
    readings = 0
    deadline = time.monotonic() + 60
    while program.poll() is None and time.monotonic() < deadline:
        server = case.start(watch)
        assert server.stdout is not None
        address = server.stdout.readline().split()[2]
        for _ in range(case.rng.randint(1, 6)):
            readings += _read(address)
            time.sleep(0.1)
        if case.rng.random() < 0.3 and program.poll() is None:
            case.kill([program.pid])
            program.communicate()
            program = case.start(plan.command)
        case.kill([server.pid])
        server.communicate()
    status, said = program.communicate()[1], program.returncode
    if said:
        raise ViolatedError(f"status {said}: {status.strip()}")
    case.check_gone()
    case.to_the_end(plan)
    case.check(plan)
    return f"read {readings} times"


def _read(address: str) -> bool:
    """Whether a study's document came; before the search has begun there is none."""
    try:
        with urllib.request.urlopen(address + "api/studies", timeout=20) as answer:
            document: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as refused:
        document = json.load(refused)
    if "error" not in document and "studies" not in document:
        raise ViolatedError(f"the page gave {document}")
    return "studies" in document


def cluster(case: Case) -> str:
    """Ray's workers are killed while they train; a trial that met it too often may fail."""
    plan = _plan(case, "cluster", policy="random", trials=80, pause=PAUSE)
    program = case.start(plan.command)
    case.disturb(program, lambda: case.kill(case.of_ray("IDLE", "evaluated")), 1.5)
    _over(case, program, plan)
    lost = case.check(plan, may_lose=True)
    return f"{lost} trials lost" if lost else ""


def parameter_servers(case: Case) -> str:
    """Shards and replicas of figure 3 are killed; the search is what it would have been."""
    plan = _plan(case, "servers", policy="controller", trials=64, pause=PAUSE)
    program = case.start(plan.command)
    case.disturb(program, lambda: case.kill(case.of_ray("Shard", "Replica")), 3.0)
    _over(case, program, plan)
    case.check(plan)
    return ""


def ray_killed(case: Case) -> str:
    """The driver or Ray's own daemons are killed; the search is resumed."""
    plan = _plan(case, "servers", policy="controller", trials=48, pause=PAUSE)
    words = case.rng.choice(((PROGRAM,), ("raylet/raylet",), ("gcs_server",)))
    program = case.start(plan.command)
    while program.poll() is None and not case.of_ray(""):
        time.sleep(0.1)
    case.disturb_once(program, lambda: case.kill(case.titled(*words)), 4.0)
    said = program.communicate()[1]
    if "Traceback" in said and program.returncode >= 0:
        raise ViolatedError(f"a traceback: {said[-1500:]}")
    _tidy(case)
    case.to_the_end(plan)
    _tidy(case)
    case.check(plan)
    return words[0]


def _over(case: Case, program: Any, plan: Plan) -> None:
    status = program.wait(120)
    said = program.communicate()[1]
    if status or "Traceback" in said:
        raise ViolatedError(f"status {status}: {said.strip()[-800:]}")
    case.check_gone()


def _tidy(case: Case) -> None:
    """Ray's daemons end by themselves some time after the driver; what is left then is a fault."""
    deadline = time.monotonic() + DAEMONS
    while case.processes() and time.monotonic() < deadline:
        time.sleep(0.2)
    if case.processes():
        names = case.names()
        case.kill_all()
        raise ViolatedError(f"processes of Ray are left after {DAEMONS:.0f} s: {names}")


ALL = {
    "PostgreSQL killed": database_killed,
    "clients of PostgreSQL killed": database_clients_killed,
    "live page killed": page,
    "Ray's workers killed": cluster,
    "parameter servers killed": parameter_servers,
    "Ray or its driver killed": ray_killed,
}
