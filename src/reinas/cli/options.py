"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from reinas.config import Plain

STORE: str = Plain.model_fields["store"].default

StoreOption = Annotated[
    str, typer.Option("--store", help="The SQLite file that holds the searches.", metavar="FILE")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Worker processes; 0 trains in this process. Default: the number of cores.",
        metavar="W",
    ),
]
TimeLimitOption = Annotated[
    float | None,
    typer.Option(
        "--time-limit", help="Seconds a child may take before it is killed.", metavar="SECONDS"
    ),
]
MemoryLimitOption = Annotated[
    float | None,
    typer.Option(
        "--memory-limit",
        help="GiB a child may use. Default: 90 % of the machine's memory, shared by the workers.",
        metavar="GIB",
    ),
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--to", help="Folder for the network. Default: the name.", metavar="FOLDER"),
]
