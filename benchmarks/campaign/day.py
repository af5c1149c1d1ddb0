"""A search of 24 hours with faults, at a multiple of its speed.

`python -m benchmarks.campaign.day --hours 24 --speed 240 --seed 0`: two workers train children of a
minute, which takes a quarter of a second here. About once an hour something is killed or stopped,
the disk fails, or the clock steps; what has ended is resumed at once. At its end the search has to
have the trials, the diagnostics and the policy of the undisturbed one.
"""

import argparse
import json
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict
from subprocess import Popen, TimeoutExpired

from benchmarks.campaign.case import Case, SkippedError, ViolatedError, case
from benchmarks.campaign.kills import FEW, PROGRAM, fork_servers, pool_workers
from benchmarks.campaign.media import SAID, failing_disk, faults
from benchmarks.campaign.searches import Plan

WORKERS = 2
CHILD = 60.0
"""Seconds that a child of the simulated search trains on average."""
APART = 3600.0
"""Simulated seconds between two faults, on average."""
DISK, CLOCK = "disk errors", "clock steps"
EXCUSES = (FEW, "worker processes")
MOST = 100
"""So many faults are more than bad luck."""


class Day:
    """One search, and what happened to it.

    Args:
        made: The case.
        speed: How many times faster than the simulated search it is.
    """

    def __init__(self, made: Case, speed: float) -> None:
        self._case, self._speed = made, speed
        self.faults: Counter[str] = Counter()

    def run(self, plan: Plan) -> None:
        """Start and resume the search until it comes to its end."""
        while self.faults.total() < MOST:
            kind = self._case.rng.choice(("good", "good", DISK, CLOCK))
            program = self._case.start(plan.command, **self._surroundings(kind))
            self.faults[CLOCK] += kind == CLOCK
            self._disturb(program)
            status, said = self._case.ended(program)
            if status == 0:
                return
            if kind == DISK and any(words in said for words in SAID.values()):
                self.faults[DISK] += 1
            elif status != -signal.SIGKILL and not any(words in said for words in EXCUSES):
                raise ViolatedError(f"status {status}: {said.strip()}")
        raise ViolatedError(f"after {MOST} faults it has not come to its end")

    def _surroundings(self, kind: str) -> dict[str, str]:
        """The variables under which a disk fails after a while, or a clock steps."""
        rng = self._case.rng
        if kind == CLOCK:
            return {"LD_PRELOAD": faults(), "FAULTS_CLOCK": str(rng.randint(1, 10**6))}
        if kind == DISK:
            return failing_disk(rng.choice(list(SAID)), rng.randint(400, 4000))
        return {}

    def _disturb(self, program: "Popen[str]") -> None:
        """Kill and stop its processes until it has ended."""
        acts = {
            "main process killed": self._kill_main,
            "all processes killed": self._kill_all,
            "worker killed": self._kill_worker,
            "fork server killed": self._kill_server,
            "process stopped for ten minutes": self._halt,
        }
        while True:
            try:
                program.wait(self._case.rng.expovariate(self._speed / APART))
                return
            except TimeoutExpired:
                name = self._case.rng.choice(list(acts))
                self.faults[name] += acts[name]()

    def _kill_main(self) -> bool:
        return self._case.kill(self._case.titled(PROGRAM))

    def _kill_all(self) -> bool:
        self._case.kill_all()
        self._case.kills += 1
        return True

    def _kill_worker(self) -> bool:
        return self._case.kill(pool_workers(self._case))

    def _kill_server(self) -> bool:
        return self._case.kill(fork_servers(self._case))

    def _halt(self) -> bool:
        if not (there := self._case.processes()):
            return False
        chosen = [self._case.rng.choice(there)]
        self._case.kill(chosen, signal.SIGSTOP)
        time.sleep(600 / self._speed)
        self._case.kill(chosen, signal.SIGCONT)
        return True


def simulate(hours: float, speed: float, seed: int) -> dict[str, object]:
    """Search, and check what was found; a trial is lost where its workers were killed twice.

    Args:
        hours: How long the simulated search is.
        speed: How many times faster this is.
        seed: Decides the search and, but for the timing of processes, the faults.

    Raises:
        SkippedError: There is no C compiler.
        ViolatedError: Something did not hold.
    """
    with case(seed) as made:
        faults()  # skipped before anything has begun where it cannot be made
        trials = round(WORKERS * hours * 3600 / CHILD)
        policy = made.rng.choice(("controller", "independent", "evolution"))
        plan = Plan(
            made.store,
            "workers",
            policy,
            trials,
            CHILD / speed,
            hog=True,
            anew=True,
            seed=seed,
        )
        day, begun = Day(made, speed), time.monotonic()
        day.run(plan)
        took = time.monotonic() - begun
        made.to_the_end(plan)
        lost = made.check(plan, may_lose=True)
        return {
            **{key: asdict(plan)[key] for key in ("policy", "trials", "seed")},
            "hours": hours,
            "seconds here": round(took, 1),
            "faults": dict(day.faults),
            "lost": lost,
            "equals the undisturbed search": lost == 0 or "up to the batch of the first of these",
        }


def main() -> int:
    """Simulate a day."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.campaign.day", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="its length (default: 24)")
    parser.add_argument("--speed", type=float, default=240.0, help="times faster (default: 240)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        print(json.dumps(simulate(options.hours, options.speed, options.seed), indent=2))
    except ViolatedError as error:
        print(f"VIOLATED: {error}")
        return 1
    except SkippedError as error:
        print(f"cannot be simulated here: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
