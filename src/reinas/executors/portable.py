"""What people define in a notebook or at the prompt, on its way to worker processes.

A worker cannot import the module `__main__` of a notebook. So what belongs to it is sent by value
(cloudpickle), and so is what it has registered with `@reinas.build.register` and its like.
"""

import pickle
import sys
from collections.abc import Sequence
from types import FunctionType
from typing import Any

import cloudpickle

from reinas.children.build import adjust_recipe, build, configure

MAIN = "__main__"
REGISTRIES: tuple[Any, ...] = (build, adjust_recipe, configure)


def is_interactive() -> bool:
    """Whether `__main__` is a notebook or a prompt, which no other process can run again."""
    return not hasattr(sys.modules[MAIN], "__file__")


class _Finder(pickle.Pickler):
    """Finds out whether pickles name something of `__main__`."""

    found = False

    def reducer_override(self, thing: Any) -> Any:
        """Look at every class and function that is named."""
        if isinstance(thing, type | FunctionType) and thing.__module__ == MAIN:
            self.found = True
        return NotImplemented


class _Nowhere:
    """A file that keeps nothing: an evaluator may have gigabytes of data."""

    def write(self, data: bytes) -> int:
        return len(data)


def check_picklable(thing: Any) -> bool:
    """Whether pickles of it name something of `__main__`.

    Args:
        thing: What is to be sent to a worker.

    Raises:
        Exception: It cannot be pickled; whatever `__reduce__` and `__getstate__` raise.
    """
    finder = _Finder(_Nowhere())
    finder.dump(thing)
    return finder.found


class ByValue:
    """Something that is pickled with the code that it needs; where it is loaded it is itself.

    Args:
        thing: What is sent.
    """

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        """By cloudpickle, with what `__main__` has registered."""
        return _loaded, (cloudpickle.dumps((self._thing, _registrations())),)

    def __call__(self, *given: Any, **more: Any) -> Any:
        """Call it."""
        return self._thing(*given, **more)


def portable(things: Sequence[Any]) -> list[Any]:
    """What can be sent to workers that know nothing of this notebook.

    Args:
        things: Picklable things.

    Returns:
        The things themselves where their modules can be imported.
    """
    if not is_interactive():
        return list(things)
    registered = bool(_registrations())
    return [ByValue(thing) if registered or check_picklable(thing) else thing for thing in things]


def _registrations() -> list[tuple[int, type, Any]]:
    """What `__main__` has registered: the registry's number, the class, the function."""
    return [
        (number, kind, function)
        for number, registry in enumerate(REGISTRIES)
        for kind, function in registry.registry.items()
        if MAIN in (kind.__module__, function.__module__)
    ]


def _loaded(data: bytes) -> Any:
    thing, registrations = pickle.loads(data)
    for number, kind, function in registrations:
        REGISTRIES[number].register(kind, function)
    return thing
