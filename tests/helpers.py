"""Evaluators and small searches that several tests use; importable in worker processes."""

import mmap
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import ClassVar

from reinas import AbstractEvaluator, Budget, MlpSpace, Observer, Outcome, search, zoph_le
from reinas.seeds import derive

SPACE = MlpSpace(depth=2, widths=(4, 8), activations=("relu", "tanh"))


class Hashed(AbstractEvaluator):
    """A reward that depends on the architecture and on the job's seed, and on nothing else.

    One in eight children fails, one in eight is NaN.
    """

    settings: ClassVar = {"name": "hashed"}

    def __call__(self, job):
        number = derive(job.seed, str(job.architecture))
        if number % 8 == 0:
            raise ValueError("one in eight")
        if number % 8 == 1:
            return Outcome(float("nan"))
        return Outcome(number / 2**63, metrics={"number": float(number % 1000)})


@dataclass
class MuteError(Exception):
    """Does not say what it is."""

    def __str__(self):
        raise RuntimeError("no words")


class Doomed(AbstractEvaluator):
    """Misbehaves in the way that the architecture asks for."""

    settings: ClassVar = {"name": "doomed"}

    def __call__(self, job):
        match job.architecture:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "abort":
                os.abort()
            case "lost":
                os._exit(255)
            case "exit":
                os._exit(3)
            case "exit 0":
                os._exit(0)
            case "sys.exit":
                sys.exit(0)
            case "interrupt":
                raise KeyboardInterrupt
            case "generator":
                raise GeneratorExit
            case "surrogate":
                raise ValueError("no file \udcff")
            case "mute":
                raise MuteError
            case "brief":
                time.sleep(0.02)
            case str(text) if text.startswith("sleep:"):
                # a program of the child's own, which notes its number in a file
                place = text.partition(":")[2]
                subprocess.Popen(["sh", "-c", f"echo $$ > {place}; exec sleep 600"]).wait()
            case "hang":
                time.sleep(600)
            case "slow":
                time.sleep(1.5)
                return Outcome(0.75)
            case "memory":
                bytearray(64 << 30)
            case "tensor":
                import torch

                torch.ones(8 << 30)
            case "shared":
                with mmap.mmap(-1, 2 << 30) as area:
                    while area.tell() < len(area):
                        area.write(bytes(1 << 24))
                    time.sleep(600)
            case "pid":
                return Outcome(1.0, metrics={"pid": os.getpid()})
            case "number":
                from reinas import devices

                time.sleep(0.2)  # so that one worker does not take both children
                return Outcome(1.0, metrics=devices._worker)
            case "threads":
                import torch

                return Outcome(1.0, metrics={"threads": torch.get_num_threads()})
        return Outcome(0.5)


class Watching(Observer):
    """Calls a function with every trial that finishes, and one with the record at the start."""

    def __init__(self, trial=None, start=None):
        self.trial, self.start = trial, start

    def on_trial(self, trial):
        if self.trial is not None:
            self.trial(trial)

    def on_start(self, study):
        if self.start is not None:
            self.start(study.record)


def small_search(
    store,
    *,
    trials=40,
    seconds=None,
    reward=None,
    name="s",
    evaluator=None,
    on_trial=None,
    **more,
):
    """A search of a small space: five batches of eight."""
    return search(
        SPACE,
        zoph_le(SPACE, learning_rate=0.05, seed=3),
        evaluator or Hashed(),
        budget=Budget(trials, seconds, reward),
        store=store,
        name=name,
        seed=5,
        observer=Watching(on_trial),
        **more,
    )


def story(record):
    """Everything about a search that must not depend on how often it was stopped."""
    trials = [
        (t.number, t.batch, t.answers, t.repeat_of, t.outcome.reward, t.outcome.error)
        for t in record.finished()
    ]
    return trials, record.diagnostics()
