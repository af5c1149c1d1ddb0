"""The readers, each with good files and a way to change them."""

import hashlib
import json
import random
import shutil
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

import reinas
from benchmarks.fuzz import mutate
from reinas.config.objects import configure
from reinas.config.settings import parse_set, read_toml
from reinas.report.report import make_report
from reinas.store import checking
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
PAGES = [
    *("studies", "study?name=s", "study?name=s&since=3&batch=0", "curves?name=s", "policy?name=s"),
    *("network?name=s&trial=1", "moment?name=s&batch=0&one=0&other=1", "comparison?of=x"),
]


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


def searched(path: Path) -> Any:
    """A store with a small search."""
    from benchmarks.campaign.searches import Plan, run

    store = reinas.Store(path)
    run(Plan("", trials=16, pause=0.0), store)
    return store


class StoreFile(AbstractReader):
    """A store, its bytes and what is in its rows."""

    def make(self) -> None:
        """A small search."""
        searched(self.folder / "s.db").close()

    def change(self, rng: random.Random, place: Path) -> Path:
        """Other bytes, or other values in one row."""
        file = place / "s.db"
        data = (self.folder / "s.db").read_bytes()
        if rng.random() < 0.4:
            file.write_bytes(mutate.of_bytes(rng, data))
            return place
        file.write_bytes(data)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            tables = ("searches", "trials", "batches", "snapshots", "attempts", "reinas_version")
            table = rng.choice(tables)
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            column = rng.choice(columns)
            row = connection.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()
            new = self._other(rng, None if row is None else row[0])
            with suppress(sqlite3.IntegrityError, OverflowError):
                connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (new,))
        return place

    def _other(self, rng: random.Random, old: Any) -> Any:
        if isinstance(old, str) and old[:1] in "[{" and rng.random() < 0.8:
            return json.dumps(mutate.of_json(rng, json.loads(old)))
        if isinstance(old, bytes):
            return mutate.of_bytes(rng, old)
        if isinstance(old, str):
            return mutate.of_bytes(rng, old.encode()).decode(errors="replace")
        return rng.choice((None, -1, 0, 10**12, 0.5, "x", b"\xff", ""))

    def read(self, given: Path) -> None:
        """What `list`, `show`, `store check` and `resume` read."""
        store = reinas.Store(given / "s.db", read_only=True)
        try:
            store.summaries()
            checking.problems(store)
            for name in store.names():
                record = store.get(name)
                make_report(record).json()
                record.snapshot()
                record.open_batches()
        finally:
            store.close()


class NetworkFolder(AbstractReader):
    """A network that was found."""

    def make(self) -> None:
        """A small one, for rows."""
        space = reinas.MlpSpace(depth=1, widths=(2, 4))
        store = reinas.Store(self.folder.parent / "n.db")
        evaluator = reinas.TrainedEvaluator(reinas.Wine(), reinas.Recipe(epochs=1))
        budget = reinas.Budget(2)
        policy = reinas.RandomSearch(space)
        reinas.search(space, policy, evaluator, budget=budget, store=store, name="s")
        reinas.finish(store, "s", space, reinas.Wine(), folder=self.folder, grid=None, epochs=1)

    @cached_property
    def _about(self) -> dict[str, Any]:
        about: dict[str, Any] = json.loads((self.folder / "network.json").read_text())
        return about

    def change(self, rng: random.Random, place: Path) -> Path:
        """Another description, or other weights with a sum that is right."""
        self.good(place)
        about = self._about
        if rng.random() < 0.3:
            weights = mutate.of_bytes(rng, (place / "weights.safetensors").read_bytes())
            (place / "weights.safetensors").write_bytes(weights)
            about = about | {"sha256": hashlib.sha256(weights).hexdigest()}
        else:
            about = mutate.of_json(rng, about)
        text = json.dumps(about).encode()
        if rng.random() < 0.2:
            text = mutate.of_bytes(rng, text)
        (place / "network.json").write_bytes(text)
        return place

    def read(self, given: Path) -> None:
        """Load it, and predict something."""
        import torch

        network = reinas.load(given)
        network.predict(torch.zeros(3, *network.description["task"]["inputs"]))


class PageParameters(AbstractReader):
    """What is asked of the live page."""

    def make(self) -> None:
        """A server of a small search, without a network."""
        from starlette.testclient import TestClient

        from reinas.web.app import make_app

        searched(self.folder / "s.db").close()
        self._client = TestClient(make_app(self.folder / "s.db"), base_url="http://127.0.0.1:8765")

    def good(self, place: Path) -> str:
        """One of the addresses."""
        return PAGES[1]

    def change(self, rng: random.Random, place: Path) -> str:
        """An address with other bytes after the question mark."""
        path, _, query = rng.choice(PAGES).partition("?")
        text = mutate.of_bytes(rng, query.encode())
        return f"{path}?{quote(text, safe='=&%+')}"

    def read(self, given: str) -> None:
        """Any answer but a fault of the server."""
        answer = self._client.get(f"/api/{given}")
        if answer.status_code >= 500:
            raise AssertionError(f"status {answer.status_code}")
        answer.json()


READERS: dict[str, type[AbstractReader]] = {
    "table": TableFile,
    "rewards": GridFile,
    "text": TextFile,
    "toml": TomlFile,
    "set": SetTexts,
    "arrays": ArrayFile,
    "images": ImageFolder,
    "store": StoreFile,
    "network": NetworkFolder,
    "page": PageParameters,
}
