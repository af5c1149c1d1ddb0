"""The readers, each with good files and a way to change them."""

import random
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

import reinas
from benchmarks.fuzz import mutate
from reinas.config.objects import configure
from reinas.config.settings import parse_set, read_toml
from reinas.tables.csv_table import csv_table

TABLE = "a,b,c,y\n" + "".join(
    f"{n},{n * 0.5 - 3},{'red' if n % 3 else 'blue'},{'yes' if n % 2 else 'no'}\n"
    for n in range(60)
)
GRID = "a,b,reward,cost\n" + "".join(f"{n // 5},{n % 5},{n * 0.1},{n}\n" for n in range(25))
TOML = """\
trials = 4
name = "x"
task = "wine"
[space]
name = "mlp"
depth = 2
widths = [4, 8]
[recipe]
epochs = 1
learning_rate = 0.1
[policy]
name = "random"
"""
SETS = ["space.depth=2", "space.widths=[4,8]", "recipe.epochs=3", "trials=5"]


class AbstractReader(ABC):
    """One kind of file and what reads it.

    Args:
        folder: Where good files are made, once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.make()

    @abstractmethod
    def make(self) -> None:
        """Make the good files."""

    @abstractmethod
    def change(self, rng: random.Random, place: Path) -> Any:
        """Make odd files in an empty folder; gives what `read` takes."""

    @abstractmethod
    def read(self, given: Any) -> None:
        """Read them, as the program does."""

    def good(self, place: Path) -> Any:
        """The good files, as `read` takes them."""
        shutil.copytree(self.folder, place, dirs_exist_ok=True)
        return place


class OneFile(AbstractReader):
    """A single file, changed byte by byte."""

    name = ""
    text: str = ""

    def make(self) -> None:
        """Write the text."""
        (self.folder / self.name).write_text(self.text)

    def good(self, place: Path) -> Path:
        """The file."""
        return self.folder / self.name

    def change(self, rng: random.Random, place: Path) -> Path:
        """The file with other bytes."""
        file = place / self.name
        file.write_bytes(mutate.of_bytes(rng, (self.folder / self.name).read_bytes()))
        return file


class TableFile(OneFile):
    """CSV to learn from."""

    name, text = "t.csv", TABLE

    def read(self, given: Path) -> None:
        """All three parts."""
        reinas.Table(str(given), "y").load()


class GridFile(OneFile):
    """CSV of rewards."""

    name, text = "g.csv", GRID

    def read(self, given: Path) -> None:
        """The table of a comparison."""
        csv_table(str(given), ("a", "b"), ("reward",), cost="cost")


class TextFile(OneFile):
    """Text to model."""

    name, text = "t.txt", "the cat sat on the mat , and the dog barked .\n" * 60

    def read(self, given: Path) -> None:
        """All three parts."""
        reinas.Text(str(given)).load()


class TomlFile(OneFile):
    """Settings of a search."""

    name, text = "s.toml", TOML

    def read(self, given: Path) -> None:
        """The objects of the search."""
        configure(read_toml(given))


class SetTexts(AbstractReader):
    """The texts of --set."""

    def make(self) -> None:
        """There are no files."""

    def good(self, place: Path) -> list[str]:
        """All of them."""
        return SETS

    def change(self, rng: random.Random, place: Path) -> list[str]:
        """One of them with other bytes, as a terminal gives them."""
        text = mutate.of_bytes(rng, rng.choice(SETS).encode())
        return [text.decode("utf-8", "surrogateescape")]

    def read(self, given: list[str]) -> None:
        """The objects of the search."""
        configure(parse_set(["space=mlp", "task=wine", "policy=random", *given], "--set"))


class ArrayFile(AbstractReader):
    """NumPy's archives."""

    def make(self) -> None:
        """Images, series and rows, with and without a test part."""
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(40, 8, 8)).astype(np.float32), np.arange(40) % 2
        np.savez(self.folder / "images.npz", x=x, y=y)
        parts = {"x_train": x[:, 0], "y_train": y, "x_test": x[:20, 0], "y_test": y[:20]}
        np.savez_compressed(self.folder / "rows.npz", **parts)

    def good(self, place: Path) -> Path:
        """The images."""
        return self.folder / "images.npz"

    def change(self, rng: random.Random, place: Path) -> Path:
        """One of the archives with other members or bytes."""
        source = rng.choice(sorted(self.folder.iterdir()))
        mutate.of_zip(rng, source, place / source.name)
        return place / source.name

    def read(self, given: Path) -> None:
        """All three parts."""
        task = reinas.Arrays(str(given))
        task.load()
        task.test()


class ImageFolder(AbstractReader):
    """A folder per class."""

    def make(self) -> None:
        """Pictures of several formats."""
        from PIL import Image

        rng = np.random.default_rng(0)
        for number in range(24):
            place = self.folder / f"class{number % 2}"
            place.mkdir(exist_ok=True)
            picture = Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8))
            kind = ("png", "jpg", "bmp", "gif", "webp", "tiff")[number % 6]
            picture.save(place / f"{number}.{kind}")

    def change(self, rng: random.Random, place: Path) -> Path:
        """One picture with other bytes."""
        self.good(place)
        file = rng.choice(sorted(place.rglob("*.*")))
        file.write_bytes(mutate.of_bytes(rng, file.read_bytes()))
        return place

    def read(self, given: Path) -> None:
        """All three parts."""
        task = reinas.Images(str(given))
        task.load()
        task.test()
