"""`python -m benchmarks.pictures NAME FOLDER`: the README's picture of a search, by Chromium."""

import subprocess
import sys
import tempfile
from pathlib import Path

from reinas.report.figures import rewards
from reinas.store import Store

SIZE = (900, 400)
# no background services: the picture needs no network
FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"


def main(name: str, folder: str) -> None:
    figure = rewards(Store("reinas.db").get(name).finished())
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "figure.html"
        figure.update_layout(width=SIZE[0] - 20, height=SIZE[1] - 20)
        figure.write_html(page, config={"displayModeBar": False})
        subprocess.run(
            [
                "chromium",
                *FLAGS.split(),
                f"--user-data-dir={scratch}/profile",
                f"--window-size={SIZE[0]},{SIZE[1]}",
                "--hide-scrollbars",
                "--virtual-time-budget=4000",
                f"--screenshot={Path(folder).absolute() / 'rewards.png'}",
                page.as_uri(),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
