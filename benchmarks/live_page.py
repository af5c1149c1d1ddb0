"""`python -m benchmarks.live_page`: what the live page costs a search, and how soon it shows.

Chromium opens the views of a study of 20,000 trials, and waits for one more trial to appear. Then a
search runs alone, with 50 readers of its page, and beside a program that only keeps the other core
busy, in turns; five of the readers never read what they are sent. Needs the extras `web` and `dev`,
and Chromium. Takes about seven minutes.
"""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2

import reinas
from benchmarks.versus import machine
from reinas.evaluators.trained import TrainedEvaluator
from reinas.tasks.recipes import Recipe

CLIENTS, DEAF = 50, 5
SECONDS = 30.0
ROUNDS = 3
TRIALS, BATCH = 20_000, 50
APART = 0.3  # seconds between two updates of a view, as in the page
SPACE = reinas.MlpSpace(depth=2, widths=(16, 32))


@contextlib.contextmanager
def page(store: Path) -> Iterator[str]:
    """`reinas watch` in a process of its own; its address."""
    command = [sys.executable, "-m", "reinas.cli", "watch", "--store", str(store), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(w for w in process.stdout.readline().split() if "://" in w).rstrip("/")
        process.terminate()


# ---- many readers --------------------------------------------------------------------------------


async def reader(base: str, name: str, answers: list[float]) -> None:
    """One browser's requests: the stream, and on each change what is new of the study."""
    feed, since = "", 0
    async with (
        httpx2.AsyncClient(base_url=base, timeout=60) as client,
        client.stream("GET", "/events") as stream,
    ):
        async for line in stream.aiter_lines():
            if not line.startswith("data"):
                continue
            begun = time.monotonic()
            given: dict[str, Any] = {"name": name, "feed": feed, "since": since}
            found = (await client.get("/api/study", params=given)).json()
            await client.get("/api/curves", params={"name": name})
            answers.append(time.monotonic() - begun)
            feed, since = found["feed"], found["since"] + len(found["rows"])
            await anyio.sleep(APART)


async def deaf(base: str) -> None:
    """A reader that asks for the stream and never reads it."""
    host, port = base.removeprefix("http://").split(":")
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        await anyio.sleep_forever()


async def crowd(base: str, name: str) -> list[float]:
    """All readers at once; how long each update took.

    They would run on other machines: here they give way to the search.
    """
    answers: list[float] = []
    with anyio.move_on_after(SECONDS):
        async with anyio.create_task_group() as group:
            for _ in range(CLIENTS - DEAF):
                group.start_soon(reader, base, name, answers)
            for _ in range(DEAF):
                group.start_soon(deaf, base)
    return answers


def crowded(base: str, name: str) -> list[float]:
    """The crowd in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.live_page", "crowd", base, name]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, timeout=4 * SECONDS
    )
    found: list[float] = json.loads(done.stdout)
    return found


def neighbour() -> list[float]:
    """A program that has nothing to do with the search and keeps the other core busy."""
    command = [sys.executable, "-c", "import os\nos.nice(19)\nwhile True: pass"]
    with subprocess.Popen(command) as busy:
        time.sleep(SECONDS)
        busy.kill()
    return []


def searching(path: Path) -> None:
    """A search that trains one child after the other in this process, until that is ended."""
    os.environ["OMP_NUM_THREADS"] = "1"
    task = reinas.Digits()
    study = reinas.Study(
        SPACE,
        reinas.RandomSearch(SPACE),
        store=reinas.Store(path),
        name="search",
        budget=reinas.Budget(10**6),
    )
    evaluator = TrainedEvaluator(task, Recipe(epochs=20))
    while True:
        (trial,) = study.ask(1)
        study.tell(trial, outcome=evaluator(study.job(trial)))


def with_readers() -> None:
    """Trials' times without and with the crowd, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        command = [sys.executable, "-m", "benchmarks.live_page", "search", str(path)]
        with subprocess.Popen(command) as search, page(path) as base:
            while not path.exists() or not reinas.Store(path).names():
                time.sleep(0.1)
            record = reinas.Store(path).get("search")
            arms: dict[str, Callable[[], list[float]]] = {
                "alone": lambda: time.sleep(SECONDS) or [],
                "readers": lambda: crowded(base, "search"),
                "neighbour": neighbour,
            }
            times: dict[str, list[float]] = {arm: [] for arm in arms}
            answers: list[float] = []
            for _ in range(ROUNDS):
                for arm, act in arms.items():
                    before, begun = record.count()[1], time.monotonic()
                    answers += act()
                    done = record.count()[1] - before
                    times[arm].append((time.monotonic() - begun) / done)
            search.terminate()
    for arm, what in {
        "readers": "a trial with 50 readers / alone",
        "neighbour": "a trial beside a program that only computes / alone",
    }.items():
        ratios = [b / a for a, b in zip(times["alone"], times[arm], strict=True)]
        row(
            what,
            f"{statistics.median(ratios):.3f}",
            f"{ROUNDS} pairs of {SECONDS:.0f} s, {min(ratios):.2f} to {max(ratios):.2f}",
        )
    slow = statistics.quantiles(answers, n=20)[-1]
    row(
        "an update of a view, 45 readers at once",
        f"{statistics.median(answers):.2f} s",
        f"median of {len(answers):,}; 95 % below {slow:.2f} s",
    )


# ---- many trials ---------------------------------------------------------------------------------


def large(path: Path) -> reinas.Study[Any]:
    """A study of 20,000 trials that waits for more."""
    study = reinas.Study(
        SPACE,
        reinas.RandomSearch(SPACE),
        store=reinas.Store(path),
        name="large",
        budget=reinas.Budget(TRIALS + BATCH),
        batch_size=BATCH,
        reuse=False,
    )
    for number in range(0, TRIALS, BATCH):
        for trial in study.ask(BATCH):
            study.tell(trial, reward=(trial.number * 7919 % 1000) / 1000 + number / TRIALS)
    return study


def with_many_trials() -> None:
    """First paints and an update in Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "s.db"
        study = large(path)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with page(path) as base:
            for view, address in {
                "studies": "/",
                "study": "/study?name=large",
                "network": "/network?name=large&trial=17",
                "comparison of two": "/compare?name=large&name=large",
            }.items():
                first, *others = [paint(browser, base + address) for _ in range(5)]
                words, charts = (statistics.median(times) for times in zip(*others, strict=True))
                row(
                    f"first paint of {view}",
                    f"{words:.2f} s",
                    f"{TRIALS:,} trials; with charts {charts:.2f} s; for the first reader"
                    f" {first[0]:.2f} s and {first[1]:.2f} s",
                )
            (trial,) = study.ask(1)
            tab = browser.new_page()
            tab.goto(f"{base}/study?name=large")
            tab.get_by_text("● live").wait_for()
            sizes: list[int] = []
            tab.on("response", lambda r: sizes.append(len(r.body())) if "/api/" in r.url else None)
            tab.wait_for_timeout(1000)
            begun = time.monotonic()
            study.tell(trial, reward=0.5)
            tab.locator("dl.facts dd", has_text=f"{TRIALS + 1:,} of").wait_for()
            took = time.monotonic() - begun
            tab.wait_for_timeout(500)
            row("one more trial is seen after", f"{took:.2f} s", f"{sum(sizes):,} bytes are read")
        browser.close()


NOTES_PAINT = """
addEventListener("DOMContentLoaded", () => {
  const main = document.querySelector("main");
  new MutationObserver(() => {
    if (window.paintedAt || main.matches(".first") || !main.querySelector("h1")) return;
    requestAnimationFrame(() => setTimeout(() => { window.paintedAt ??= performance.now(); }));
  }).observe(main, { attributes: true, childList: true, subtree: true });
});
"""


def paint(browser: Any, address: str) -> tuple[float, float]:
    """Seconds from the request until the words of a view are painted, and until its charts are."""
    context = browser.new_context()
    tab = context.new_page()
    tab.add_init_script(NOTES_PAINT)
    begun = time.monotonic()
    tab.goto(address, wait_until="commit")
    tab.locator("main:not(.first) h1").wait_for()
    while (words := tab.evaluate("window.paintedAt")) is None:
        tab.wait_for_timeout(5)
    if tab.locator("figure:not([hidden])").count():
        tab.locator(".main-svg").first.wait_for()
    charts = time.monotonic() - begun
    context.close()
    return words / 1000, charts


def row(what: str, measured: str, how: str) -> None:
    """One row of the table in docs/benchmarks.md."""
    print(f"| {what} | {measured} | {how} |", flush=True)


def main() -> None:
    """Both measurements."""
    if sys.argv[1:2] == ["search"]:
        searching(Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["crowd"]:
        os.nice(19)
        print(json.dumps(anyio.run(crowd, *sys.argv[2:])))
        return
    print(
        machine(os.cpu_count() or 1), "\n\n| what | measured | how |\n| --- | --- | --- |", sep=""
    )
    with_many_trials()
    with_readers()


if __name__ == "__main__":
    main()
