"""A study's page as one file, which loads nothing: the live page's views over what it holds."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np

from reinas.errors import ReinasError
from reinas.report.cell_drawing import CELL_STYLE
from reinas.report.drawing import STYLE
from reinas.report.page import body
from reinas.report.report import Report
from reinas.store import Store
from reinas.web.assets import STATIC, TEMPLATES, json_text
from reinas.web.documents import Documents

NETWORKS = 60
"""Networks that a file holds at most; the best come first."""
MOMENTS = 40
"""Moments of the policy that a file holds at most, spread evenly over the batches."""
PATIENCE = 20.0
"""Seconds in which the policy is learned again; what is not by then is left out, and said."""

MODULE = re.compile(r'(["`])/(\w+|\$\{[^}]*\})\.js\1')
"""How the views import each other."""


def page(store: Store, report: Report, *, patience: float = PATIENCE) -> str:
    """The page of a study: its views, and the report as text.

    Args:
        store: The store.
        report: The study's report; its best networks are in the file.
        patience: Seconds for the policy.

    Returns:
        The HTML document, with all scripts, styles and data inside. Without Plotly it says where
        charts would be how to get them.
    """
    documents = json_text(_documents(Documents(store), report, patience))
    scripts = [json.dumps({"imports": _modules()}), _plotly(), 'import "reinas/main.js";']
    return TEMPLATES.get_template("single.html").render(
        name=report.name,
        csp=_policy(scripts),
        style="".join([(STATIC / "page.css").read_text(encoding="utf-8"), STYLE, CELL_STYLE]),
        # no end of a script, whatever names and reasons say
        documents=documents.replace("<", "\\u003c"),
        scripts=scripts,
        report=body(report),
    )


def _documents(documents: Documents, report: Report, patience: float) -> dict[str, Any]:
    name = report.name
    study = documents.study(name)
    policy, moments = _policy_views(documents, name, patience)
    final = [] if report.final is None else [report.final.trial]
    asked = [row["trial"] for moment in moments.values() for row in moment["trials"]]
    wanted = [*(b.trial for b in report.best), *report.front, *final, *asked]
    chosen = list(dict.fromkeys(wanted))[:NETWORKS]
    return {
        "name": name,
        "written": time.time(),
        "study": study,
        "curves": documents.curves(name),
        "networks": {trial: documents.network(name, trial) for trial in chosen},
        "policy": policy,
        "moments": moments,
    }


def _policy_views(
    documents: Documents, name: str, patience: float
) -> tuple[dict[str, Any], dict[int, Any]]:
    """The policy, or why it cannot be looked at; and what some batches were to it."""
    until = time.monotonic() + patience
    microscope = documents.microscope
    try:
        policy = microscope.overview(name)
        while not policy["done"] and time.monotonic() < until:
            policy = microscope.overview(name)
        pair = _pair(policy)
        moments: dict[int, Any] = {}
        for batch in _spread(policy["learned"]):
            if moments and time.monotonic() > until:
                break
            moments[batch] = microscope.moment(name, batch, pair)
    except ReinasError as error:
        return {"error": str(error)}, {}
    return policy, moments


def _spread(count: int) -> Iterable[int]:
    """Some of so many batches, the last one first."""
    places = np.linspace(0, max(count - 1, 0), min(count, MOMENTS)).round()
    return sorted({int(place) for place in places}, reverse=True)


def _pair(policy: dict[str, Any]) -> tuple[int, int] | None:
    """The two decisions that matter most to a model."""
    if policy["kind"] != "belief" or len(policy["decisions"]) < 2 or not policy["moments"]:
        return None
    importance = policy["moments"][-1]["importance"]
    one, other = sorted(range(len(importance)), key=lambda t: -importance[t])[:2]
    return one, other


def _modules() -> dict[str, str]:
    """The views as data, by the names under which they import each other here."""
    found = {}
    for file in sorted(STATIC.glob("*.js")):
        text = MODULE.sub(r"\1reinas/\2.js\1", file.read_text(encoding="utf-8"))
        data = base64.b64encode(text.encode()).decode()
        found[f"reinas/{file.name}"] = f"data:text/javascript;base64,{data}"
    return found


def _plotly() -> str:
    if find_spec("plotly") is None:
        return ""
    from plotly.offline import get_plotlyjs

    library: str = get_plotlyjs()
    return library


def _policy(scripts: Iterable[str]) -> str:
    """What the file may do: run these scripts, and load nothing."""
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    ]
    run = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {run} data:; style-src 'unsafe-inline';"
        " img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
