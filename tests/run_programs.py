"""Run programs one after the other in the current folder: `run_programs.py REPORT PROGRAM...`.

One process for all of them, since importing torch takes longer than most of them do. REPORT becomes
a JSON object: for each program's name what it printed, and its traceback or null.
"""

import contextlib
import io
import json
import runpy
import sys
import traceback
from pathlib import Path


def run(program: Path) -> tuple[str, str | None]:
    """What the program prints, and its traceback if it fails."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(program), run_name="__main__")
    except Exception:
        return printed.getvalue(), traceback.format_exc()
    return printed.getvalue(), None


if __name__ == "__main__":
    report, *programs = map(Path, sys.argv[1:])
    results = {program.name: run(program) for program in programs}
    report.write_text(json.dumps(results), encoding="utf-8")
