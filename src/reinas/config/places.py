"""Where data are: in the name of a task, a table or a policy, or as the path alone."""

import os
from pathlib import Path
from typing import Any

from reinas.errors import SettingError
from reinas.registry import PLACES, names

KINDS = {".csv": "table", ".tsv": "table", ".npz": "arrays", ".txt": "text"}
"""The tasks of files whose names end so; a folder is one of images."""


def with_place(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a task, table or policy with the place in their name as a parameter of its own.

    `images:FOLDER` is short for the name images and the path FOLDER.

    Raises:
        SettingError: The place is given twice.
    """
    name, colon, place = str(settings.get("name", "")).partition(":")
    if not colon or name not in PLACES:
        return settings
    key = PLACES[name]
    if key in settings:
        raise SettingError(
            f"{name}: {place} after the colon and {key}={settings[key]} are two places: give one"
        )
    return {**settings, "name": name, key: place}


def with_data(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a task, where the name may be a path alone: photos, houses.csv, data.npz."""
    name = str(settings.get("name", ""))
    if name and ":" not in name and name not in names("task"):
        # unlike Path.is_dir this takes any text
        kind = "images" if os.path.isdir(name) else KINDS.get(Path(name).suffix.lower())
        if kind is not None:
            settings = {**settings, "name": f"{kind}:{name}"}
    return with_place(settings)
