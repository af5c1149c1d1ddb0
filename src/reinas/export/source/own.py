"""Code of networks of people's own spaces: the function that builds them, copied."""

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from torch import nn

from reinas.errors import SettingError
from reinas.export.source.code import About, Source

ALLOWED = (
    *("torch", "math", "functools", "itertools", "collections", "dataclasses", "enum", "typing"),
    "types",
)
"""Libraries that copied code may import: PyTorch, and some of Python's own."""


def own_source(
    architecture: Any, about: About, builder: Callable[..., nn.Module], name: str
) -> Source:
    """The code of a network that a function of somebody's own builds.

    Args:
        architecture: A dataclass; becomes a namespace of its fields.
        about: The shapes.
        builder: (architecture, task) -> network.
        name: The task's name.

    Returns:
        The function, with all that it uses of its module, and a network that calls it.

    Raises:
        SettingError: It uses something that cannot be copied, which is named.
    """
    copier = _Copier(builder)
    text = copier.text()
    shapes = f"SimpleNamespace(name={name!r}, inputs={about.inputs!r}, outputs={about.outputs!r}"
    shapes += f", flags={about.flags!r})" if about.flags else ")"
    lines = [
        f"ARCHITECTURE = {_namespace(asdict(architecture))}",
        f"TASK = {shapes}",
        "",
        "",
        text,
    ]
    doc = f"A network of one's own space.\n\n{architecture}"
    called = f"self.network = {builder.__name__}(ARCHITECTURE, TASK)"
    return Source(
        doc,
        (called,),
        ("return self.network(x)",),
        {"": "network."},
        before="\n".join(lines),
        own_names=("ARCHITECTURE", "TASK", *copier.names),
        imports=(*copier.imports(), "from types import SimpleNamespace"),
    )


def _namespace(fields: Any) -> str:
    """Fields as an expression: mappings become namespaces, as attributes are read from them."""
    if isinstance(fields, Mapping):
        inner = ", ".join(f"{key}={_namespace(value)}" for key, value in fields.items())
        return f"SimpleNamespace({inner})"
    if isinstance(fields, tuple | list):
        inner = ", ".join(map(_namespace, fields))
        return f"({inner},)" if len(fields) == 1 else f"({inner})"
    return repr(fields)


class _Copier:
    """Collects a function and what it uses of its module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._module = inspect.getmodule(function)
        self._parts: dict[str, str] = {}
        self._imports: dict[str, str] = {}
        self._where = f"{function.__module__}:{function.__qualname__}"
        self._take(function.__name__, function)

    def text(self) -> str:
        """The definitions, those that others use first."""
        return "\n\n\n".join(reversed(self._parts.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the definitions."""
        return tuple(self._parts)

    def imports(self) -> list[str]:
        """The imports that they need."""
        return sorted(set(self._imports.values()))

    def _take(self, name: str, thing: Any) -> None:
        try:
            source = textwrap.dedent(inspect.getsource(thing))
        except (OSError, TypeError):
            raise SettingError(
                f"the code of {self._where} cannot be exported: the source of {name} is not at hand"
            ) from None
        tree = _Plain().visit(ast.parse(source))
        self._parts.pop(name, None)  # what is used by a later one has to come before it
        self._parts[name] = ast.unparse(ast.fix_missing_locations(tree))
        for used in sorted(_names(tree) - {name}):
            self._resolve(used)

    def _resolve(self, name: str) -> None:
        if hasattr(builtins, name) or not hasattr(self._module, name):
            return  # a local variable
        thing = getattr(self._module, name)
        if inspect.ismodule(thing):
            root = thing.__name__.partition(".")[0]
            self._check(name, root)
            self._imports[name] = _import_of(thing.__name__, name)
        elif getattr(thing, "__module__", None) == getattr(self._module, "__name__", ""):
            self._take(name, thing)
        elif isinstance(thing, int | float | str | bool | tuple | list | dict | type(None)):
            self._parts[name] = f"{name} = {thing!r}"
        else:
            home = getattr(thing, "__module__", "") or ""
            self._check(name, home.partition(".")[0])
            self._imports[name] = f"from {home} import {name}"

    def _check(self, name: str, root: str) -> None:
        if root not in ALLOWED:
            raise SettingError(
                f"the code of {self._where} cannot be exported: it uses {name} of {root}, and the"
                f" exported folder has only {', '.join(ALLOWED)}"
            )


def _import_of(module: str, name: str) -> str:
    parent, _, last = module.rpartition(".")
    if not parent:
        return f"import {module}" + ("" if module == name else f" as {name}")
    return f"from {parent} import {last}" + ("" if last == name else f" as {name}")


class _Plain(ast.NodeTransformer):
    """Takes away decorators and annotations, which may name what is not copied."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [
            d for d in node.decorator_list if isinstance(d, ast.Name) and d.id in vars(builtins)
        ]
        node.returns = None
        for argument in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
            argument.annotation = None
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if not node.decorator_list:  # the annotations of a dataclass are its fields
            self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if node.value is None:
            return None
        return ast.Assign(targets=[node.target], value=node.value)


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
