"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from reinas.config.settings import Plain

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

MACHINES = "Many machines (Ray) and figure 3"
ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help="processes (default), serial, or ray: a cluster; the options below imply it.",
        rich_help_panel=MACHINES,
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="local: a new one on this machine (default); auto: the one running here; HOST:PORT.",
        metavar="ADDRESS",
        rich_help_panel=MACHINES,
    ),
]
CpusOption = Annotated[
    float | None,
    typer.Option("--cpus", help="CPUs a child asks for. Default: 1.", rich_help_panel=MACHINES),
]
GpusOption = Annotated[
    float | None,
    typer.Option(
        "--gpus",
        help="GPUs a child asks for, for evaluators of your own: the built-in tasks use none.",
        rich_help_panel=MACHINES,
    ),
]
RetriesOption = Annotated[
    int | None,
    typer.Option(
        "--retries",
        help="How often a child is run again whose worker was lost. Default: 3.",
        rich_help_panel=MACHINES,
    ),
]
ReplicasOption = Annotated[
    int | None,
    typer.Option(
        "--replicas",
        help="Controllers that sample and learn at the same time (K).",
        rich_help_panel=MACHINES,
    ),
]
ShardsOption = Annotated[
    int | None,
    typer.Option(
        "--shards",
        help="Parameter servers; they change no result (S).",
        rich_help_panel=MACHINES,
    ),
]
AccumulateOption = Annotated[
    int | None,
    typer.Option(
        "--accumulate",
        help="Gradients that are added up before a step (G).",
        rich_help_panel=MACHINES,
    ),
]
STOPPING = "When to stop"
StopAfterOption = Annotated[
    float | None,
    typer.Option(
        "--stop-after",
        help="Stop after so long; `resume` goes on.",
        metavar="SECONDS",
        rich_help_panel=STOPPING,
    ),
]
TargetRewardOption = Annotated[
    float | None,
    typer.Option(
        "--target-reward",
        help="Stop at a trial as good as this.",
        metavar="REWARD",
        rich_help_panel=STOPPING,
    ),
]
