"""Names of objects in modules: `module:Name`, as settings keep them."""

from types import FunctionType
from typing import Any


def object_name(thing: Any) -> str:
    """The name by which a class or function of a module can be found again.

    >>> object_name(object_name)
    'reinas.names:object_name'
    """
    named = thing if isinstance(thing, type | FunctionType) else type(thing)
    return f"{named.__module__}:{named.__qualname__}"


def is_importable(name: str) -> bool:
    """Whether another process can find the object: it is in a module, not in a script or function.

    >>> is_importable("package.module:Space"), is_importable("__main__:Space")
    (True, False)
    """
    module, _, path = name.partition(":")
    return module != "__main__" and bool(path) and "<" not in path
