"""The store as the page reads it: opened when it is there, opened anew when it was replaced."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from reinas.errors import FileError, SettingError, StoreError
from reinas.store import Store
from reinas.store.database import AbstractDatabase
from reinas.web.assets import json_text
from reinas.web.documents import Documents
from reinas.web.shared import Shared

Given = Mapping[str, str]

SHARED = ("studies", "study", "curves", "comparison")
"""What every reader asks for after every change, and is quick."""


class Source:
    """Reads documents by name from whatever store is there.

    Args:
        database: Where the store is.
    """

    def __init__(self, database: AbstractDatabase) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._eye = database.eye()
        self._shared = Shared(database.eye())
        self._opened: tuple[int | None, Store, Documents] | None = None
        self._readers: dict[str, Callable[[Documents, Given], Any]] = {
            "studies": lambda documents, given: documents.studies(),
            "study": lambda documents, given: documents.study(
                _name(given),
                given.get("feed", ""),
                _number(given, "since", 0),
                _number(given, "batch", 0),
            ),
            "curves": lambda documents, given: documents.curves(_name(given)),
            "network": lambda documents, given: documents.network(
                _name(given), _number(given, "trial")
            ),
            "comparison": lambda documents, given: documents.comparisons.one(given.get("of", "")),
            "policy": lambda documents, given: documents.microscope.overview(_name(given)),
            "moment": lambda documents, given: documents.microscope.moment(
                _name(given), _number(given, "batch"), _pair(given)
            ),
        }

    @property
    def names(self) -> list[str]:
        """The documents that there are."""
        return list(self._readers)

    def read(self, name: str, given: Given) -> str:
        """A document.

        Args:
            name: Which one.
            given: The parameters in the address.

        Returns:
            JSON.

        Raises:
            ReinasError: The store or the study cannot be read, or a parameter is wrong.
        """
        documents = self._documents()

        def read() -> str:
            return json_text(self._readers[name](documents, given))

        if name not in SHARED:
            return read()
        return self._shared.get((name, *sorted(given.items())), read)

    def _documents(self) -> Documents:
        where = self._database.location
        with self._lock:
            if not self._database.exists():
                self._forget()
                raise FileError(
                    f"there is no store at {where} yet: it appears when a search begins"
                )
            mark = self._eye.look()
            which = None if mark is None else mark[0]
            if self._opened is None or self._opened[0] != which:
                self._forget()
                store = Store(self._database.address, read_only=True)
                if store.is_empty or not (store.names() or store.runs().since("")):
                    store.close()
                    raise StoreError(
                        f"{where} has no studies yet: they appear when a search begins"
                    )
                self._opened = (which, store, Documents(store))
            return self._opened[2]

    def close(self) -> None:
        """Close all connections."""
        self._eye.close()
        self._shared.close()
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None


def _name(given: Given) -> str:
    if "name" not in given:
        raise SettingError("the address lacks the study's name")
    return given["name"]


def _number(given: Given, key: str, usual: int | None = None) -> int:
    text = given.get(key, "" if usual is None else str(usual))
    if not text.isdecimal() or len(text) > 12:
        raise SettingError(f"'{key}' in the address is a number of at most 12 digits, got '{text}'")
    return int(text)


def _pair(given: Given) -> tuple[int, int] | None:
    if "one" not in given:
        return None
    return _number(given, "one"), _number(given, "other")
