"""The readers of what reinas itself has written: stores, networks, and pages over stores."""

import hashlib
import json
import random
import sqlite3
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import reinas
from benchmarks.fuzz import mutate
from benchmarks.fuzz.readers import AbstractReader
from reinas.report.report import make_report
from reinas.store import checking

PAGES = [
    *("studies", "study?name=s", "study?name=s&since=3&batch=0", "curves?name=s", "policy?name=s"),
    *("network?name=s&trial=1", "moment?name=s&batch=0&one=0&other=1", "comparison?of=x"),
]


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
