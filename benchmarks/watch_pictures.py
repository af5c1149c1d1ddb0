"""`python -m benchmarks.watch_pictures FOLDER`: pictures of the live page, light and dark.

Runs small searches on the digits of scikit-learn, serves them, and takes the views by Chromium.
Needs the extras `web` and `dev`, and Chromium. Takes about four minutes on two cores.
"""

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

import reinas
from benchmarks.live_page import page
from reinas.compare.comparison import run_all
from reinas.compare.runs import RunSpec
from reinas.tasks.recipes import Recipe

WIDTH, COLOURS = 1100, 160  # pixels; colours of a picture, which keeps files small
CONV = reinas.ConvSpace(depth=4, filters=(8, 16, 24))
MLP = reinas.MlpSpace(depth=3)
VIEWS = {
    "studies": "/?tick=evolution-0&tick=evolution-1",
    "study": "/study?name=conv",
    "front": "/study?name=front",
    "network": "/network?name=conv&trial={best}",
    "two": "/network?name=conv&trial={best}&with={second}",
    "controller": "/policy?name=conv&batch=6",
    "bayes": "/policy?name=bayes&decision=layer1.width",
    "family": "/policy?name=evolution-0&batch=55",
    "compare": "/compare?name=evolution-0&name=evolution-1&name=bayes",
    "comparison": "/comparison?of={comparison}",
    "toy": "/toy?start=5%2C1%2C1%2C5%2C5",
}


def recorded(path: Path) -> None:
    """The studies that are shown."""
    store = reinas.Store(path)

    def search(name: str, space: Any, policy: Any, trials: int, epochs: int, **more: Any) -> None:
        evaluator = reinas.TrainedEvaluator(reinas.Digits(), Recipe(epochs=epochs))
        reinas.search(
            space,
            policy,
            evaluator,
            budget=reinas.Budget(trials),
            store=store,
            name=name,
            executor=reinas.Processes(2),
            **more,
        )

    for seed in (0, 1):
        evolution = reinas.Evolution(MLP, population=12, sample=4)
        search(f"evolution-{seed}", MLP, evolution, 60, 4, seed=seed)
    search("bayes", MLP, reinas.BayesianSearch(MLP, start=8), 40, 4)
    front = reinas.Pareto(MLP, objectives=("reward", "parameters"), start=8)
    search("front", MLP, front, 40, 4)
    halving = reinas.Asha()
    search("halving", MLP, reinas.BayesianSearch(MLP, start=8), 40, 9, stopping=halving)
    search("conv", CONV, reinas.zoph_le(CONV, learning_rate=0.02), 96, 2)
    table = {"name": "landscape", "decisions": 8, "options": 4, "interactions": 2}
    policies = ("random", "local", "evolution", "bayes")
    specs = [
        RunSpec(table, None, "mean", {"name": name}, None, 150, True, seed)
        for seed in range(8)
        for name in policies
    ]
    run_all(specs, store, 2)


def pictures(path: Path, folder: Path) -> None:
    """Every view, light and dark."""
    from playwright.sync_api import sync_playwright

    best, second = (t.number for t in reinas.Store(path).get("conv").best(2))
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright, page(path) as base:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for theme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": WIDTH, "height": 800}, color_scheme=theme
            )
            tab = context.new_page()
            (comparison,) = context.request.get(f"{base}/api/studies").json()["comparisons"]
            known = {"best": best, "second": second, "comparison": comparison["id"]}
            for name, address in VIEWS.items():
                tab.goto(base + address.format(**known))
                tab.locator("main:not(.first) h1").wait_for()
                if name == "toy":
                    tab.get_by_role("button", name="Run").click()
                    tab.wait_for_timeout(6000)
                    tab.get_by_role("button", name="Stop").click()
                if name == "network":
                    tab.locator("svg g.box").nth(2).hover()
                tab.wait_for_timeout(2500)
                save(tab.screenshot(full_page=True), folder / f"watch-{name}-{theme}.png")
            context.close()
        browser.close()


def save(data: bytes, file: Path) -> None:
    """The picture in few colours."""
    Image.open(BytesIO(data)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        file, optimize=True
    )


def main() -> None:
    """All pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "watch.db"
        recorded(path)
        pictures(path, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
