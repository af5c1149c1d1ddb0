"""Pictures of Plotly figures, by Chromium."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

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
