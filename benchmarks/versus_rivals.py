"""The rivals of `python -m benchmarks.versus`: found, installed, and run with a limit of time."""

import ast
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.versus_data import About

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(__file__).resolve().parent / "rivals"
HELPERS = ("__init__", "contract", "torch_training", "searching")
KINDS = ("images", "table", "text")
FIT = "fit"
FIT_COMMAND = "REINAS_VERSUS_FIT"
"""The environment variable with another command than `python -m reinas.cli fit`."""
FIT_SETTING = "`reinas fit DATA --minutes M --seed S`, everything else as it comes."
BLOCK = re.compile(r"(?m)^# /// script\n((?:#.*\n)+?)# ///$")
MAX_NOTE = 300


@dataclass(frozen=True)
class Rival:
    """One row of the tables.

    Args:
        name: As in `--rivals`.
        script: The file; None is `reinas fit`.
        requirements: What is installed for it, pinned; if there are none it runs in this
            environment.
        kinds: The kinds of data that it is made for.
        setting: How it is set, for the page.
        bare: What is installed without what it asks for, where that is no longer to be had.
    """

    name: str
    script: Path | None
    requirements: tuple[str, ...]
    kinds: tuple[str, ...]
    setting: str
    bare: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Args:
        status: `finished`, `failed`, `stopped` at the limit, or `not installed`.
        test: Accuracy, R² or perplexity; None unless finished.
        seconds: On the clock of the wall.
        note: The rival's, or why there is no score.
    """

    status: str
    test: float | None
    seconds: float
    note: str


class NotInstalledError(Exception):
    """A rival's environment cannot be made; the message is pip's last line."""


def names() -> list[str]:
    """All rivals that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in HELPERS)


def rival_of(name: str) -> Rival:
    """A rival by its name, or by the path of a script of your own.

    Raises:
        FileNotFoundError: There is no such rival.
    """
    if name == FIT:
        return Rival(FIT, None, (), KINDS, FIT_SETTING)
    script = Path(name) if name.endswith(".py") else FOLDER / f"{name}.py"
    if not script.exists() or script.stem in HELPERS:
        raise FileNotFoundError(f"no rival {name}; there are {', '.join(names())}, or FILE.py")
    source = script.read_text(encoding="utf-8")
    block = BLOCK.search(source)
    lines = block.group(1).splitlines() if block else []
    header: dict[str, Any] = tomllib.loads("\n".join(line[1:].strip() for line in lines))
    text = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")[2]
    return Rival(
        script.stem,
        script.resolve(),
        tuple(header.get("dependencies", ())),
        tuple(header.get("tool", {}).get("versus", {}).get("kinds", KINDS)),
        " ".join(text.split()),
        tuple(header.get("tool", {}).get("versus", {}).get("bare", ())),
    )


def environment(rival: Rival, cache: Path) -> str:
    """The Python of the rival's own environment, which is made at the first time.

    Args:
        rival: What is to be installed.
        cache: Environments are folders in it.

    Returns:
        The path of the interpreter.

    Raises:
        NotInstalledError: Something cannot be installed.
    """
    if not rival.requirements:
        return sys.executable
    folder = cache / rival.name
    python, ready = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join((*rival.requirements, *rival.bare)) + "\n"
    if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return str(python)
    print(f"installing {rival.name}: {' '.join(rival.requirements)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    # torch by its exact version first, so that nothing after it brings a build for CUDA
    first = [pin for pin in rival.requirements if pin.startswith("torch==")]
    bare = [["--no-deps", *rival.bare]] if rival.bare else []
    for pins in [*([first] if first else []), [*rival.requirements], *bare]:
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*command, *pins], capture_output=True, text=True)
        if done.returncode:
            raise NotInstalledError(last_line(done.stderr) or f"pip ended with {done.returncode}")
    ready.write_text(wanted, encoding="utf-8")
    return str(python)


def run(
    rival: Rival,
    about: About,
    minutes: float,
    seed: int,
    *,
    threads: int,
    limit: float,
    cache: Path,
) -> Ending:
    """Run a rival once on a data set.

    Args:
        rival: What is run.
        about: The data.
        minutes: How long it may take.
        seed: The run's seed.
        threads: How many threads it may use.
        limit: After so many seconds it is killed, with all processes that it started.
        cache: Where environments are.

    Returns:
        How it ended; whatever the rival does, nothing is raised.
    """
    try:
        python = environment(rival, cache)
    except (NotInstalledError, OSError) as error:
        return Ending("not installed", None, 0.0, str(error)[:MAX_NOTE])
    with TemporaryDirectory() as folder:
        if rival.script is None:
            command = fit_command(about, minutes, seed, Path(folder))
        else:
            inside = rival.script.parent == FOLDER
            start = ["-m", f"benchmarks.rivals.{rival.name}"] if inside else [str(rival.script)]
            command = [python, *start, "--data", about.file, "--kind", about.kind]
            command += ["--minutes", str(minutes), "--seed", str(seed), "--threads", str(threads)]
        begun = time.monotonic()
        code, out, errors = limited(command, limit, Path(folder), _surroundings(rival))
        seconds = round(time.monotonic() - begun, 1)
    if code is None:
        return Ending("stopped", None, seconds, f"killed after {limit:.0f} s")
    if code != 0:
        why = last_line(errors) or last_line(out) or f"ended with {code}"
        return Ending("failed", None, seconds, why)
    test, note = read_answer(rival, about, out)
    if test is None:
        return Ending("failed", None, seconds, note)
    return Ending("finished", test, seconds, note)


def fit_command(about: About, minutes: float, seed: int, folder: Path) -> list[str]:
    """`reinas fit` on the data, its files in a folder."""
    own = os.environ.get(FIT_COMMAND)
    command = shlex.split(own) if own else [sys.executable, "-m", "reinas.cli", "fit"]
    command += [about.argument, "--minutes", str(minutes), "--seed", str(seed)]
    return [*command, "--to", str(folder / "fitted"), "--store", str(folder / "fit.db"), "--json"]


def _surroundings(rival: Rival) -> dict[str, str]:
    """The environment variables: rivals find this package, `fit` the library as it is here."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [str(Path(path).resolve()) for path in given if path] if rival.script is None else []
    return os.environ | {"PYTHONPATH": os.pathsep.join([*paths, str(ROOT)])}


def limited(
    command: list[str], limit: float, folder: Path, variables: dict[str, str]
) -> tuple[int | None, str, str]:
    """Run a command that is killed, with all that it started, after so many seconds.

    Returns:
        Its exit status (None if it was killed), standard output and standard error.
    """
    out, errors = folder / "out.txt", folder / "errors.txt"
    # files, not pipes: a grandchild that lives on would keep a pipe open
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=folder,
                env=variables,
                start_new_session=True,
            )
        except OSError as error:
            return 127, "", str(error)
        code: int | None
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _kill(process.pid)  # after Ctrl-C too, and what an ended run has left behind
            process.wait()
    read = [path.read_text(encoding="utf-8", errors="replace") for path in (out, errors)]
    return code, read[0], read[1]


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing of the group is left


def read_answer(rival: Rival, about: About, out: str) -> tuple[float | None, str]:
    """The score and the note that a rival printed; or no score, and what is wrong.

    `fit` prints one document with its metrics under `test`; rivals print a line.
    """
    texts = [out] if rival.script is None else reversed(out.splitlines())
    for text in texts:
        try:
            answer = json.loads(text)
        except ValueError:
            continue
        if not isinstance(answer, dict) or "test" not in answer:
            continue
        test = answer["test"]
        if isinstance(test, dict):
            test = test.get("metrics", test).get(about.metric)
        if isinstance(test, int | float) and math.isfinite(test):
            note = answer.get("note", answer.get("summary", ""))
            return float(test), short(note if isinstance(note, str) else json.dumps(note))
        return None, f"printed no {about.metric}, but {short(json.dumps(answer['test']))}"
    return None, f"printed no JSON with a test score, but {last_line(out) or 'nothing'}"


def last_line(text: str) -> str:
    """The last line that says anything."""
    lines = [line for line in text.splitlines() if line.strip()]
    return short(lines[-1]) if lines else ""


def short(text: str) -> str:
    """In one line that fits a table's cell."""
    line = " ".join(text.replace("|", "/").split())
    return line if len(line) <= MAX_NOTE else line[: MAX_NOTE - 3] + "..."
