"""The contract of a store: studies by name."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import Any

from reinas.errors import BusyError, SettingError, UnknownSearchError, is_text, nearest
from reinas.recorded import differences, listed
from reinas.store.record import AbstractRecord


class AbstractStore(ABC):
    """Holds studies by name. `reinas.testing.StoreContract` tests an implementation."""

    @property
    @abstractmethod
    def location(self) -> str:
        """Where it is, for people."""

    @abstractmethod
    def names(self) -> list[str]:
        """The names of all studies, oldest first."""

    @abstractmethod
    def create(self, name: str, settings: dict[str, Any], trials: int) -> None:
        """Begin a study; nothing happens where there is one of that name."""

    @abstractmethod
    def find(self, name: str) -> AbstractRecord | None:
        """The study of that name; None where there is none."""

    @abstractmethod
    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold a study alone within the block; freed at once when the process dies.

        Raises:
            BusyError: Another process holds it.
        """

    def checkpoints(self, name: str) -> Path | None:
        """The folder for checkpoints of a study's children; it need not be there yet.

        Args:
            name: The study's name.

        Returns:
            A folder that lasts as long as the store. None, the default: there is none, so they
            do not outlive the process.
        """
        return None

    def get(self, name: str) -> AbstractRecord:
        """The study of that name.

        Raises:
            UnknownSearchError: There is none.
        """
        record = self.find(name)
        if record is None:
            names = self.names()
            hint = nearest(name, names) if names else "it holds none yet"
            raise UnknownSearchError(f"no search '{name}' in {self.location}: {hint}")
        return record

    def put(self, name: str, settings: dict[str, Any], trials: int) -> AbstractRecord:
        """A new study, or the one of that name where its settings are the same.

        Args:
            name: The study's name; at least one character.
            settings: Everything that changes its results, as JSON has it.
            trials: Its budget; more trials than before raise it.

        Returns:
            The study's record.

        Raises:
            SettingError: There is a study of that name with other settings, which are named.
        """
        if not name or not is_text(name):
            raise SettingError(f"a search's name is text of at least one character, got {name!r}")
        self.create(name, settings, trials)
        record = self.get(name)
        differing = differences(record.settings, settings)
        if differing and all(text.startswith("evaluator.data ") for text in differing):
            raise SettingError(
                f"the data of search '{name}' in {self.location} have changed since it began: put"
                " them back, or search anew under another name"
            )
        if differing:
            raise SettingError(
                f"search '{name}' in {self.location} exists with other settings ("
                + listed(differing)
                + "): choose another name, or resume it with the settings that it has"
            )
        if trials > record.trials:
            record.set_budget(trials)
        return record

    def called(self, name: str | None, stem: str) -> AbstractContextManager[str]:
        """The name, or a free one where there is none, within the block nobody else's."""
        return self.free_name(stem) if name is None else nullcontext(name)

    @contextmanager
    def free_name(self, stem: str) -> Iterator[str]:
        """The first of stem, stem-2, stem-3, ... that no study has, within the block nobody else's.

        Args:
            stem: How the name begins.
        """
        for number in count(1):
            name = stem if number == 1 else f"{stem}-{number}"
            with ExitStack() as held:
                try:
                    held.enter_context(self.lock(f"{name} is chosen"))
                except BusyError:
                    continue
                if name not in self.names():
                    yield name
                    return
