"""`reinas predict`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from reinas.cli.output import print_line, print_written, write
from reinas.errors import SettingError


def predict(
    network: Annotated[Path, typer.Argument(help="The folder of the network.", metavar="NETWORK")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Images or folders of images, CSV files with the columns of training, .npy files,"
            " or .npz files with x.",
            metavar="FILE...",
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write a CSV file instead of printing.", metavar="FILE")
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="A column per class follows.")
    ] = False,
    text: Annotated[
        str | None, typer.Option(help="For language models: a text to continue.", metavar="TEXT")
    ] = None,
    count: Annotated[
        int, typer.Option(help="With --text: tokens to add.", metavar="N", min=1)
    ] = 20,
) -> None:
    """Use a network that was found: one line of CSV per example.

    Examples:
    - `reinas predict photos-network new/ --probabilities --to answers.csv`
    - `reinas predict houses-network new.csv`
    - `reinas predict book-network --text "It was a"`
    """
    from reinas.export.examples import continued, examples_from, predictions_csv
    from reinas.export.saved import load

    if bool(files) == (text is not None):
        raise SettingError("say what to predict: one or more files, or --text TEXT")
    found = load(network)
    if text is not None:
        between = "" if found.description["task"].get("level") == "char" else " "
        print_line(between.join(continued(found, text, count)))
        return
    examples = examples_from(found, files or [])
    lines = predictions_csv(found, examples, probabilities=probabilities)
    if to is None:
        sys.stdout.write(lines)
    else:
        write(lines, to)
        print_written(to)
