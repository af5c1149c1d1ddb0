"""A study's page as one file: it holds the views, loads nothing, and works from the disk."""

import json
import re
import sys

import pytest

from reinas.report.report import make_report
from reinas.web import single
from reinas.web.documents import Documents
from web.conftest import ODD


def written(store, name):
    return single.page(store, make_report(store.get(name)))


def held(html):
    """What the file holds."""
    return json.loads(re.search(r'id="documents">(.*?)</script>', html)[1])


def test_the_file_holds_what_the_live_page_shows(store):
    """The study, its curves, its best networks, the policy and what batches were to it."""
    found, documents = held(written(store, "trained")), Documents(store)
    rows = documents.study("trained")["rows"]
    assert found["study"]["rows"] == json.loads(rows)
    assert found["curves"]["curves"] == json.loads(
        json.dumps(documents.curves("trained")["curves"])
    )
    best = [t.number for t in store.get("trained").best()]
    assert set(map(str, best)) <= set(found["networks"])
    network = documents.network("trained", best[0])
    assert found["networks"][str(best[0])]["code"] == network["code"] != ""
    assert "nor parents to look at" in found["policy"]["error"]  # of random search


@pytest.mark.parametrize("name", ["controller", "bayes", "evolution-0"])
def test_policies_are_in_it(store, name):
    """With moments that are spread over the study, the last among them."""
    found = held(written(store, name))
    last = len(store.get(name).diagnostics()) - 1
    assert {"0", str(last)} <= set(found["moments"])
    assert found["policy"]["learned"] == last + 1
    microscope = Documents(store).microscope
    pair = found["moments"]["0"].get("slice") and tuple(found["moments"]["0"]["slice"]["pair"])
    told = json.loads(json.dumps(microscope.moment(name, 0, pair)))
    assert found["moments"]["0"] == told


def test_nothing_ends_a_script_or_begins_one(store):
    """Names, reasons and settings are text, in the data and in the report."""
    html = written(store, ODD)
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert html.count("<script") == html.count("</script>")
    assert held(html)["name"] == ODD


def test_nothing_is_loaded_and_the_policy_of_the_file_says_so(store):
    """Hashes of its own scripts, no network."""
    html = written(store, "random")
    csp = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1].replace("&#39;", "'")
    assert csp.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in csp.partition("script-src")[2].partition(";")[0]
    head = re.sub(r"<script[^>]*>.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["'](?!#)""", head)
    assert "@import" not in head
    assert "url(" not in head.replace("url(#tip)", "")


def test_a_policy_that_is_not_learned_again_in_time_is_left_at_that(store, monkeypatch):
    """The file says how far it got."""
    monkeypatch.setattr("reinas.web.microscope.PATIENCE", 0.0)
    html = single.page(store, make_report(store.get("controller")), patience=0.0)
    assert held(html)["policy"]["done"] is False


def test_without_plotly_the_rest_is_there(store, monkeypatch):
    """And says where charts would be how to get them."""
    monkeypatch.setattr(single, "find_spec", lambda name: None)
    html = written(store, "random")
    assert len(html) < 1_000_000
    assert held(html)["study"]["rows"]


def test_an_odd_study_has_a_page(tmp_path):
    """A space and a policy that only their program knows."""
    import reinas

    store = reinas.Store(tmp_path / "s.db")
    settings = {"space": {"name": "nobody:Space"}, "policy": {"name": "nobody:Policy"}}
    store.create("odd", settings, 3)
    found = held(written(store, "odd"))
    assert found["study"]["rows"] == []
    assert "known only to the program" in found["policy"]["error"]


def test_show_writes_it(store, tmp_path, monkeypatch, capsys):
    """The very file."""
    from reinas.cli import main

    file = tmp_path / "page.html"
    arguments = ["reinas", "show", "random", "--store", str(store.path), "--html", str(file)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert held(file.read_text(encoding="utf-8"))["name"] == "random"
