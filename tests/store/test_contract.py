"""Both stores keep what a store promises."""

import pytest

from reinas import MemoryStore, Store
from reinas.testing import StoreContract


class TestSqlite(StoreContract):
    """In a file."""

    @pytest.fixture(autouse=True)
    def _path(self, tmp_path):
        self.path = tmp_path / "s.db"

    def make(self):
        return Store(self.path)


class TestMemory(StoreContract):
    """In memory."""

    def make(self):
        return MemoryStore()
