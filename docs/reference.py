"""Writes docs/_build/api.md: every public name, in groups, for Sphinx's autodoc."""

import inspect
from pathlib import Path

import reinas
from reinas import _HOMES

GROUPS = {
    "Find, search, finish": ("reinas.fitting", "reinas.study", "reinas.finishing"),
    "Take away, look at": ("reinas.export", "reinas.report", "reinas.web"),
    "Spaces and networks": ("reinas.spaces", "reinas.children", "reinas.types", "reinas.zoo"),
    "Tasks, objectives, recipes": ("reinas.tasks", "reinas.objectives"),
    "Policies": ("reinas.policies",),
    "Evaluators, executors, devices": ("reinas.evaluators", "reinas.executors", "reinas.devices"),
    "Stores and benchmark tables": ("reinas.store", "reinas.tables", "reinas.errors"),
}
"""Which modules each group is of."""
OTHERS = {
    "Estimators for scikit-learn": ("reinas.sklearn", ("NASClassifier", "NASRegressor")),
    "Samplers for Optuna": ("reinas.optuna", ("BayesSampler", "ControllerSampler")),
}
"""Names that are imported from a module of their own."""
SCIKIT_LEARN = ("set_fit_request", "set_score_request", "set_predict_request")
"""Methods that scikit-learn adds and explains."""


def place(name: str) -> tuple[bool, bool, str]:
    """Functions first, then classes, contracts last."""
    is_class = inspect.isclass(getattr(reinas, name))
    return is_class, name.startswith("Abstract"), name.lower()


def directive(kind: str, name: str, *options: str) -> list[str]:
    lines = [f"```{{eval-rst}}\n.. {kind}:: {name}"]
    return ["\n".join([*lines, *(f"   :{option}" for option in options)]), "```", ""]


def documented(path: str, thing: object) -> list[str]:
    if inspect.isclass(thing):
        return directive("autoclass", path, "members:")
    return directive("autofunction" if callable(thing) else "autodata", path)


def main() -> None:
    """Write the file."""
    lines: list[str] = []
    left = {name: home for home, names in _HOMES.items() for name in names}
    for title, homes in GROUPS.items():
        names = sorted((n for n, home in left.items() if home.startswith(homes)), key=place)
        lines += [f"## {title}", ""]
        for name in names:
            del left[name]
            lines += documented(f"reinas.{name}", getattr(reinas, name))
    if left:
        raise SystemExit(f"docs/reference.py: no group for {', '.join(sorted(left))}")
    lines += ["## Rewards", "", *directive("automodule", "reinas.rewards", "members:")]
    for title, (module, names) in OTHERS.items():
        lines += [f"## {title}", ""]
        for name in names:
            own = f"exclude-members: {', '.join(SCIKIT_LEARN)}"
            lines += directive("autoclass", f"{module}.{name}", "members:", own)
    target = Path(__file__).parent / "_build" / "api.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
