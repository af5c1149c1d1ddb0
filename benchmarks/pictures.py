"""`python -m benchmarks.pictures NAME FOLDER`: the README's picture of a search, by Chromium."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from reinas.report.figures import rewards
from reinas.store import Store

# no background services: the picture needs no network
FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"


def screenshot(figure: Any, file: Path, size: tuple[int, int]) -> None:
    """Save a Plotly figure as PNG of `size` pixels (width, height), by Chromium."""
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "figure.html"
        figure.update_layout(width=size[0] - 20, height=size[1] - 20)
        figure.write_html(page, config={"displayModeBar": False})
        subprocess.run(
            [
                "chromium",
                *FLAGS.split(),
                f"--user-data-dir={scratch}/profile",
                f"--window-size={size[0]},{size[1]}",
                "--hide-scrollbars",
                "--virtual-time-budget=4000",
                f"--screenshot={file.absolute()}",
                page.as_uri(),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )


def main(name: str, folder: str) -> None:
    """The README's picture of a search."""
    figure = rewards(Store("reinas.db").get(name).finished())
    screenshot(figure, Path(folder) / "rewards.png", (900, 400))


if __name__ == "__main__":
    main(*sys.argv[1:])
