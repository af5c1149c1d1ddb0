"""A store whose process dies at a chosen transaction."""

from contextlib import contextmanager

from reinas import Store
from reinas.study.claims import Holder


class Died(BaseException):
    """What a killed process does to the code that was running: no handler stops it."""


class Mortal(Store):
    """A store whose process dies at the n-th transaction, just before or just after its commit."""

    def __init__(self, path, n, *, before):
        self.left, self.before = n, before
        super().__init__(path)

    @contextmanager
    def begin(self, **how):
        with super().begin(**how) as connection:
            yield connection
            self.left -= 1
            if self.left == 0 and self.before:
                raise Died
        if self.left == 0:
            raise Died

    def bury(self):
        """What the process held is gone with it."""
        self.close()
        Holder._living.clear()
