"""One child after the other."""

from reinas import Serial
from reinas.testing import ExecutorContract


class TestSerial(ExecutorContract):
    """Serial keeps every promise of executors."""

    def make(self):
        return Serial()
