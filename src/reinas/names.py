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
    """Whether another process can find an object by its name.

    What a script defines is not found there, neither are lambdas and what functions define; a
    package's `__main__` runs its program when it is imported.

    >>> is_importable("package.module:Space"), is_importable("__main__:Space")
    (True, False)
    """
    module, _, path = name.partition(":")
    is_script = module.rpartition(".")[2] in ("__main__", "__mp_main__")
    return not is_script and bool(path) and "<" not in path
