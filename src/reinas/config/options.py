"""The settings without a section, and their options: every option is listed here once."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from reinas.config.option import Option

DEFAULT_STORE = "reinas.db"
LARGEST_COUNT = 10**9  # more trials than any store could hold
STOPPING = "When to stop"
DEVICES = "Where children train"
MACHINES = "Many machines (Ray) and figure 3"


class Options(pydantic.BaseModel):
    """The base of all models of options. None: not given."""

    def given(self, *keys: str) -> dict[str, Any]:
        """Those of the settings that were given."""
        return {key: value for key in keys if (value := getattr(self, key)) is not None}


class StoreOptions(Options):
    """Where searches are kept."""

    store: Annotated[
        str,
        Option(
            "Where the searches are kept: an SQLite file, or a database for a team,"
            " postgresql+psycopg://USER@HOST/DATABASE.",
            metavar="FILE|ADDRESS",
        ),
    ] = DEFAULT_STORE


class SeedOptions(Options):
    """Where all randomness comes from."""

    seed: Annotated[int, Option("The seed of all randomness.")] = 0


class WorkerOptions(Options):
    """How many processes work at the same time."""

    workers: Annotated[
        int | None,
        Field(ge=0),
        Option(
            "Worker processes; 0 works in this process. Default: the number of cores.", metavar="W"
        ),
    ] = None


class ExecutorOptions(WorkerOptions):
    """Where children are evaluated, and what each of them may use."""

    time_limit: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        Option("Seconds a child may take before it is killed.", metavar="SECONDS"),
    ] = None
    memory_limit: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        Option(
            "GiB a child may use. Default: 90 % of the machine's memory, shared by the workers.",
            metavar="GIB",
        ),
    ] = None
    executor: Annotated[
        str | None,
        Option(
            "processes (default), serial, ray (a cluster; the options below imply it), or your own"
            " module:Name.",
            panel=MACHINES,
        ),
    ] = None
    address: Annotated[
        str | None,
        Option(
            "local: a new cluster on this machine (default); auto: the one running here;"
            " HOST:PORT.",
            metavar="ADDRESS",
            panel=MACHINES,
        ),
    ] = None
    cpus: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        Option("CPUs per child. Default: 1.", panel=MACHINES),
    ] = None
    gpus: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Option(
            "GPUs per child. Default: 1 where children train on an accelerator, else none.",
            panel=MACHINES,
        ),
    ] = None
    retries: Annotated[
        int | None,
        Field(ge=0),
        Option(
            "How often a child whose worker was lost is evaluated again. Default: 3.",
            panel=MACHINES,
        ),
    ] = None


class PlacementOptions(Options):
    """Which device children train on, and with which numbers (docs/devices.md)."""

    device: Annotated[
        str | None,
        Option(
            "cpu, cuda, cuda:N, mps, or auto: an accelerator where there is one. Default: cpu.",
            metavar="DEVICE",
            panel=DEVICES,
        ),
    ] = None
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"] | None,
        Option(
            "What products compute with; weights are float32. auto: bfloat16 where the device is"
            " faster with it. Default: float32.",
            panel=DEVICES,
        ),
    ] = None
    compile: Annotated[
        bool,
        Option(
            "Compile every network (torch.compile), which takes a minute each; not language"
            " models.",
            panel=DEVICES,
        ),
    ] = False


class SharingOptions(Options):
    """How many children share an accelerator."""

    children_per_device: Annotated[
        int | None,
        Field(ge=1),
        Option(
            "Worker processes that share an accelerator, for small children. Default: 1, so that"
            " there are as many workers as accelerators.",
            metavar="N",
            panel=DEVICES,
        ),
    ] = None


class RuleOptions(Options):
    """Which children are given up early."""

    stopping: Annotated[
        str | None,
        Option(
            "Which children are given up early: asha, hyperband, median or none (default);"
            " stopping.* changes their numbers.",
            metavar="RULE",
            key="stopping.name",
        ),
    ] = None


class DiskOptions(Options):
    """What paused children may take."""

    disk_limit: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        Option("GiB on disk for children that pause under a rule of stopping.", metavar="GIB"),
    ] = 10.0


class ScheduleOptions(Options):
    """The controllers and parameter servers of the paper's figure 3."""

    replicas: Annotated[
        int | None,
        Field(ge=1),
        Option("Controllers that sample and learn at the same time (K).", panel=MACHINES),
    ] = None
    shards: Annotated[
        int | None,
        Field(ge=1),
        Option("Parameter servers (S); they do not affect results.", panel=MACHINES),
    ] = None
    accumulate: Annotated[
        int | None,
        Field(ge=1),
        Option("Gradients that are summed per update (G).", panel=MACHINES),
    ] = None


class BudgetOptions(Options):
    """When a search ends."""

    trials: Annotated[
        int,
        Field(ge=1, le=LARGEST_COUNT),
        Option("Trials in total; more of them extend a search."),
    ] = 64
    seconds: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        Option(
            "Stop after this many seconds; `reinas resume` continues.",
            metavar="SECONDS",
            panel=STOPPING,
        ),
    ] = None
    target_reward: Annotated[
        float | None,
        Field(allow_inf_nan=False),
        Option("Stop at a trial with this reward or more.", metavar="REWARD", panel=STOPPING),
    ] = None


class LimitOptions(Options):
    """What a network may cost."""

    max_parameters: Annotated[
        int | None,
        Field(ge=1),
        Option("Children with more parameters are not trained.", metavar="N"),
    ] = None
    max_flops: Annotated[
        int | None,
        Field(ge=1),
        Option("Children with more multiply-adds per example are not trained.", metavar="N"),
    ] = None
    max_latency: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        Option(
            "Children that take longer for one example are not trained; timed on this machine"
            " before the training (median of 15 passes).",
            metavar="MS",
        ),
    ] = None


class ProposalOptions(LimitOptions):
    """How architectures are proposed, and which of them are evaluated."""

    batch_size: Annotated[
        int | None,
        Field(ge=1, le=LARGEST_COUNT),
        Option("Children per batch, with one update each. Default: the policy's own."),
    ] = None
    reuse: Annotated[
        bool,
        Option(
            "Evaluate an architecture again when it is proposed again; by default its outcome is"
            " reused.",
            flag="--no-reuse",
        ),
    ] = True
    grow: Annotated[
        bool,
        Option("Begin with 6 layers, 2 more every 1,600 trials (growth.* changes the numbers)."),
    ] = False


class NameOptions(Options):
    """What a search is called."""

    name: Annotated[
        str | None,
        Option("The search's name. Default: made from space and task.", metavar="NAME"),
    ] = None


class SearchOptions(
    ScheduleOptions,
    PlacementOptions,
    SharingOptions,
    ExecutorOptions,
    DiskOptions,
    ProposalOptions,
    SeedOptions,
    BudgetOptions,
    NameOptions,
    StoreOptions,
):
    """All settings of a search that have no section."""


class TargetOptions(Options):
    """What is predicted, and what it is measured by."""

    target: Annotated[
        str | None,
        Option("The column of a table to predict.", metavar="COLUMN", key="task.target"),
    ] = None
    metric: Annotated[
        str | None,
        Option(
            "What predictions are scored by: accuracy, balanced_accuracy, f1_macro, f1_weighted,"
            " roc_auc, log_loss; r2, mae, mape, rmse; or module:name of a function of your own."
            " Default: accuracy, or R².",
            metavar="NAME",
            key="task.metric",
        ),
    ] = None
    class_weight: Annotated[
        str | None,
        Option(
            "`balanced`: rare classes count as much as frequent ones in training.",
            metavar="balanced",
            key="task.class_weight",
        ),
    ] = None


class PartOptions(TargetOptions):
    """Short options for settings that belong to a section."""

    space: Annotated[
        str | None,
        Option(
            "What may be built: a name (see `reinas spaces`), or module:Name of your own. Default:"
            " one that fits the task.",
            metavar="NAME",
            key="space.name",
        ),
    ] = None
    task: Annotated[
        str | None,
        Option(
            "What the network is for: a name (see `reinas tasks`), a folder of images, FILE.csv,"
            " FILE.npz or FILE.txt; files of other names as table:FILE, arrays:FILE or text:FILE."
            " Default: one that fits the space.",
            metavar="NAME",
            key="task.name",
        ),
    ] = None
    objectives: Annotated[
        str | None,
        Option(
            "Several objectives, between commas: accuracy (or reward), and parameters, flops,"
            " latency. For the policies bayes and evolution; `reinas show` has the Pareto front.",
            metavar="NAMES",
            key="policy.objectives",
        ),
    ] = None
    policy: Annotated[
        str | None,
        Option(
            "What proposes architectures; see `reinas policies`. Default: bayes.",
            metavar="NAME",
            key="policy.name",
        ),
    ] = None
    epochs: Annotated[
        int | None,
        Option("Epochs per child. Default: the task's recipe.", key="recipe.epochs"),
    ] = None
