"""Trials as a CSV or Parquet file, written anew as a whole."""

import csv
import importlib.util
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reinas.errors import FileError, SettingError
from reinas.export.trackers.base import StudyOf, TrackedTrial, Tracker


class TableTracker(Tracker):
    """One row per trial, one column per metric and decision.

    Args:
        study: Whose trials.
        path: The file.
    """

    def __init__(self, study: StudyOf, path: str) -> None:
        super().__init__(study)
        self._path = Path(path)
        self._rows: list[dict[str, Any]] = []

    def known(self) -> set[int]:
        """Those that were written by this process: the file of an earlier one is replaced."""
        return {row["number"] for row in self._rows}

    def add(self, trials: Sequence[TrackedTrial]) -> None:
        """Replace the file by one that has these trials, too."""
        self._rows += [{"study": self.study.name, **trial.row} for trial in trials]
        self._rows.sort(key=lambda row: row["number"])
        columns = list(dict.fromkeys(key for row in self._rows for key in row))
        draft = self._path.with_name(self._path.name + ".part")
        try:
            draft.write_bytes(self.content(columns, self._rows))
            os.replace(draft, self._path)
        except OSError as error:
            raise FileError(f"{self._path} cannot be written: {error.strerror}") from None

    def content(self, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> bytes:
        """The file: CSV in UTF-8; missing values are empty."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()


class ParquetTracker(TableTracker):
    """The same as a Parquet file; needs pyarrow."""

    def __init__(self, study: StudyOf, path: str) -> None:
        if importlib.util.find_spec("pyarrow") is None:
            raise SettingError("Parquet needs pyarrow: install it with `pip install pyarrow`")
        super().__init__(study, path)

    def content(self, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> bytes:
        """The file. A column of decisions of several types is one of text."""
        import pyarrow
        from pyarrow import parquet

        arrays = {}
        for name in columns:
            values = [row.get(name) for row in rows]
            if len({type(value) for value in values if value is not None} - {int, float}) > 1:
                values = [None if value is None else str(value) for value in values]
            arrays[name] = pyarrow.array([_plain(value) for value in values])
        buffer = io.BytesIO()
        parquet.write_table(pyarrow.table(arrays), buffer)
        return buffer.getvalue()


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | type(None)) else str(value)
