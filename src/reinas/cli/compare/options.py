"""The options of `reinas compare`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from reinas.config.option import Option
from reinas.config.options import (
    LARGEST_COUNT,
    NameOptions,
    Options,
    StoreOptions,
    WorkerOptions,
)

OWN_TABLE = "A table of your own"


class WhatOptions(Options):
    """What policies are compared on, besides a task."""

    table: Annotated[
        str | None,
        Option(
            "Where rewards are looked up: nasbench201:cifar10 (see `reinas tables`), or FILE.csv.",
            metavar="TABLE",
        ),
    ] = None
    question: Annotated[
        str | None,
        Option(
            "A question of the review: rnn, rl or estimator; it brings its own settings.",
            metavar="NAME",
        ),
    ] = None


class TableOptions(Options):
    """Short options for parameters of a CSV table."""

    decisions: Annotated[
        str | None,
        Option(
            "The columns that name an architecture.",
            metavar="A,B",
            panel=OWN_TABLE,
            key="table.decisions",
        ),
    ] = None
    reward: Annotated[
        str | None,
        Option(
            "The column to search by; several are training seeds.",
            metavar="COLUMN",
            panel=OWN_TABLE,
            key="table.reward",
        ),
    ] = None
    report: Annotated[
        str | None,
        Option(
            "A column that the search does not see, such as the test accuracy.",
            metavar="COLUMN",
            panel=OWN_TABLE,
            key="table.report",
        ),
    ] = None
    cost: Annotated[
        str | None,
        Option("The column with the seconds.", metavar="COLUMN", panel=OWN_TABLE, key="table.cost"),
    ] = None
    fidelities: Annotated[
        str | None,
        Option(
            "Columns with the reward earlier in the training, such as loss_1,loss_3; the reward's"
            " name ends in a number, too.",
            metavar="A,B",
            panel=OWN_TABLE,
            key="table.fidelities",
        ),
    ] = None
    invalid: Annotated[
        str | None,
        Option(
            "What the reward's cells have where the architecture failed, such as nan.",
            metavar="A,B",
            panel=OWN_TABLE,
            key="table.invalid",
        ),
    ] = None
    pool: Annotated[
        bool | None,
        Option(
            "Whether the rows are all that there is: what is proposed is snapped to the nearest.",
            panel=OWN_TABLE,
            key="table.pool",
        ),
    ] = None
    maximise: Annotated[
        bool | None,
        Option(
            "Whether a higher reward is better. Default: maximise.",
            panel=OWN_TABLE,
            flag="--maximise/--minimise",
            key="table.maximise",
        ),
    ] = None


class CompareOptions(WorkerOptions, StoreOptions, NameOptions):
    """How policies are compared, and where the results go."""

    noise: Annotated[
        Literal["mean", "seeds"] | None,
        Option(
            "Rewards of a table: mean, of its training seeds (default); seeds, one drawn of them."
        ),
    ] = None
    policies: Annotated[
        str,
        Option(
            "Policies, each with its parameters after colons (see the examples).",
            metavar="A,B,...",
        ),
    ] = "random,evolution,local,bayes"
    seeds: Annotated[
        int | None,
        Field(ge=1, le=LARGEST_COUNT),
        Option("Runs per policy. Default: 100, or 5 with trained children."),
    ] = None
    first_seed: Annotated[int, Field(ge=0), Option("The first seed; the others follow.")] = 0
    evaluations: Annotated[
        int | None,
        Field(ge=1, le=LARGEST_COUNT),
        Option("Children per run. Default: 200, or 32 with trained children."),
    ] = None
    stopping: Annotated[
        str | None,
        Option(
            "Run each policy a second time with this rule: asha, hyperband or median; stopping.*"
            " changes its numbers.",
            metavar="RULE",
        ),
    ] = None
    at: Annotated[
        str | None,
        Option(
            "Checkpoints. Default: an eighth, a quarter, half and all of the evaluations.",
            metavar="25,50,...",
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        Field(ge=1),
        Option("Children per batch. Default: each policy's own."),
    ] = None
    reuse: Annotated[
        bool | None,
        Option(
            "Whether an architecture that is proposed again takes over its outcome. Default: yes,"
            " unless rewards are drawn.",
            flag="--reuse/--no-reuse",
        ),
    ] = None
    json_file: Annotated[
        Path | None,
        Option("Write all numbers; - is standard output.", metavar="FILE", flag="--json"),
    ] = None
    html_file: Annotated[
        Path | None,
        Option("Write a page with figures.", metavar="FILE", flag="--html"),
    ] = None
