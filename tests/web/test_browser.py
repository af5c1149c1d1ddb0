"""The page in Chromium: what people see, while a search runs, and that nothing odd happens."""

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
from urllib.parse import quote

import numpy as np
import pytest

import reinas
from reinas.questions.toy import REVIEW_LOSSES, REVIEW_STARTS, closed_form
from reinas.report.report import make_report
from reinas.web.single import page as page_of
from web.conftest import LINKED, ODD, filled

pytest.importorskip("playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
VIEWS = {
    "studies": "/",
    "study": f"/study?name={quote(ODD)}",
    "cost": "/study?name=controller&x=cost",
    "front": "/study?name=front",
    "network": "/network?name=trained&trial=3",
    "two": "/network?name=trained&trial=3&with=5",
    "no drawing": "/network?name=linked&trial=3",
    "controller": "/policy?name=linked&batch=1",
    "bayes": "/policy?name=bayes",
    "family": "/policy?name=evolution-0&batch=15",
    "compare": "/compare?name=evolution-0&name=evolution-1&name=controller",
    "toy": "/toy?start=5,1,1,5,5",
    "korean": "/toy?lang=ko",
}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A store that changes, and the address of its page."""
    store = filled(tmp_path_factory.mktemp("live") / "s.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "reinas.cli", "watch", "--store", str(store.path), "--port", str(port)]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as page:
        said = page.stdout.readline()
        assert f"http://127.0.0.1:{port}/" in said
        yield store, f"http://127.0.0.1:{port}"
        page.kill()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Watched:
    """A tab, and what went wrong in it."""

    def __init__(self, browser, base, **options):
        self.base, self.trouble = base, []
        self.context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
        self.page = self.context.new_page()
        self.page.on("console", lambda m: self.trouble.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.trouble.append(str(e)))
        self.page.on("dialog", lambda d: (self.trouble.append("a dialog"), d.dismiss()))
        self.page.on("request", self._request)

    def _request(self, request):
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.trouble.append(f"a request to {request.url}")

    def open(self, path):
        self.page.goto(self.base + path)
        # drawn: the first update is over
        self.page.locator("main:not(.first) h1").first.wait_for()
        self.page.wait_for_timeout(300)
        return self.page


@pytest.fixture
def tab(browser, live):
    """A fresh tab; whatever the browser complains of fails the test."""
    found = Watched(browser, live[1])
    yield found
    found.context.close()
    assert found.trouble == []


# ---- every view ----------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible_and_quiet(browser, live, view, theme):
    """No violation that axe finds, nothing on the console, nothing fetched from elsewhere."""
    from axe_playwright_python.sync_playwright import Axe

    tab = Watched(browser, live[1], color_scheme=theme)
    page = tab.open(VIEWS[view])
    page.wait_for_timeout(700)  # the charts are drawn
    found = Axe().run(page)
    tab.context.close()
    assert found.violations_count == 0, found.generate_report()
    assert tab.trouble == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_needs_no_sideways_scrolling(browser, live, view):
    """360 pixels wide; tables scroll by themselves."""
    tab = Watched(browser, live[1])
    tab.page.set_viewport_size({"width": 360, "height": 740})
    page = tab.open(VIEWS[view])
    width = page.evaluate("document.documentElement.scrollWidth")
    tab.context.close()
    assert width <= 361


def test_names_that_are_scripts_stay_text(tab):
    """In the list, as a heading, and in errors, also within charts."""
    page = tab.open("/")
    assert page.get_by_role("link", name=ODD).count() == 1
    page.get_by_role("link", name=ODD).click()
    page.locator("main:not(.first) h1").wait_for()
    assert page.locator("h1").inner_text() == ODD
    assert page.locator("main script, main img").count() == 0


# ---- what people do ------------------------------------------------------------------------------


def test_the_list_is_filtered_sorted_and_ticked_and_the_address_says_so(tab, live):
    """Opened again, it is the same."""
    store, _ = live
    page = tab.open("/")
    rows = page.get_by_role("region", name="studies").locator("tbody tr")
    assert rows.count() == len(store.names())
    page.get_by_label("Filter").fill("evolution")
    assert rows.count() == 2
    page.get_by_role("button", name="name").click()
    for name in ("evolution-0", "evolution-1"):
        page.get_by_label(f"compare {name}").check()
    page.reload()
    rows.first.wait_for()
    assert rows.count() == 2
    assert rows.first.inner_text().split()[0] == "evolution-0"
    assert page.get_by_label("compare evolution-1").is_checked()
    page.get_by_role("link", name="Compare 2 studies").click()
    page.locator(".legendtext", has_text="evolution, 2 seeds").wait_for()


def test_the_keyboard_reaches_everything(tab):
    """From the skip link on; a study is opened without a mouse."""
    page = tab.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        active = "document.activeElement"
        reached.add(page.evaluate(f"{active}.textContent || {active}.id"))
        if page.evaluate(f"{active}.textContent") == "bayes":
            break
    assert "filter" in reached
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="bayes").wait_for()


def test_two_networks_have_their_differences_marked(tab, live):
    """As many as decisions that differ."""
    store, _ = live
    one, other = (store.get("trained").trial(n).answers for n in (3, 5))
    page = tab.open(VIEWS["two"])
    differing = sum(a != b for a, b in zip(one, other, strict=True))
    assert page.locator("mark").count() == 2 * differing
    assert page.locator(".drawing svg.reinas").count() == 2


def test_pointing_at_a_layer_tells_its_numbers_and_marks_its_connections(tab, live):
    """By the pointer and by the keyboard; leaving it takes both away."""
    store, _ = live
    page = tab.open(VIEWS["network"])
    layer = page.locator("svg g.box").nth(2)
    told = page.locator(".told")
    links = LINKED.decode(store.get("trained").trial(3).answers).layers
    joined = sum(2 in la.inputs or n == 2 for n, la in enumerate(links, 1) for _ in la.inputs)
    assert "Point at a layer" in told.inner_text()
    for enter, leave in (
        (layer.hover, lambda: page.mouse.move(0, 0)),
        (layer.focus, layer.blur),
    ):
        enter()
        assert re.search(r"layer 2: .* parameters, .* multiply-adds", told.inner_text())
        assert page.locator("svg .link.followed").count() >= joined
        leave()
        assert "Point at a layer" in told.inner_text()


def test_the_code_is_shown_and_saved(tab, tmp_path):
    """It is Python that defines the network."""
    page = tab.open(VIEWS["network"])
    page.get_by_text("trial 3 as plain PyTorch").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save trial-3.py").click()
    download.value.save_as(tmp_path / "found.py")
    names = {}
    exec((tmp_path / "found.py").read_text(), names)
    assert names["Network"]().__class__.__name__ == "Network"


def test_a_point_of_the_family_tree_leads_to_its_line(tab):
    """The slider and the address follow."""
    page = tab.open(VIEWS["family"])
    page.get_by_role("heading", name="The line of trial 15").wait_for()
    page.locator("table").get_by_text("a founder: drawn at random").wait_for()
    page.get_by_label("Before it learned from batch").fill("12")
    page.get_by_role("heading", name="The line of trial 12").wait_for()
    assert "batch=12" in page.url


def test_the_slider_goes_back_through_time(tab, live):
    """The batch is in the address, and its trials are shown."""
    store, _ = live
    page = tab.open("/policy?name=controller")
    page.get_by_label("Before it learned from batch").fill("1")
    page.get_by_role("heading", name="Batch 1").wait_for()
    assert "batch=1" in page.url
    numbers = [t.number for t in store.get("controller").batch(1)]
    shown = page.locator("section table").first.locator("tbody tr td:first-child")
    assert [int(text) for text in shown.all_inner_texts()] == numbers
    page.locator("button[data-trial]").nth(2).click()
    page.get_by_role("heading", name=f"Decisions of trial {numbers[2]}").wait_for()
    focused = page.evaluate("document.activeElement.dataset.trial")
    assert focused == str(numbers[2])  # and those who use the keyboard stay where they are
    assert f"trial={numbers[2]}" in page.url


def test_charts_are_saved_as_svg_and_csv(tab, live, tmp_path):
    """The CSV has the rewards of the study."""
    store, _ = live
    page = tab.open("/study?name=controller")
    page.locator(".main-svg").first.wait_for()
    for kind in ("SVG", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind, exact=True).first.click()
        download.value.save_as(tmp_path / f"rewards.{kind}")
    assert (tmp_path / "rewards.SVG").read_text().startswith("<svg")
    lines = (tmp_path / "rewards.CSV").read_text().splitlines()
    assert lines[0] == '"series","trial","reward"'
    complete = [t for t in store.get("controller").finished() if t.state == "complete"]
    own = [t for t in complete if t.repeat_of is None]
    assert sum(line.startswith('"complete') for line in lines) == len(own)


def test_the_theme_is_switched_and_kept(tab):
    """In this browser."""
    page = tab.open("/")
    before = page.evaluate("document.documentElement.dataset.theme")
    page.get_by_role("button", name="Switch between dark and light").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") != before


def test_a_comparison_is_found_and_shown(tab):
    """A line per policy, with its seeds."""
    page = tab.open("/")
    page.get_by_role("region", name="comparisons").get_by_role("link").click()
    page.locator(".legendtext", has_text="local, 2 seeds").wait_for()
    assert page.get_by_role("region", name="the policies").locator("tbody tr").count() == 2


# ---- live ----------------------------------------------------------------------------------------


def test_a_change_is_seen_at_once(tab, live):
    """A trial that reports moves its curve, and an outcome the count, without a reload."""
    store, _ = live
    space = reinas.MlpSpace()
    study = reinas.Study(space, reinas.RandomSearch(space), store=store, name="now")
    one, two = study.ask(2)
    page = tab.open("/study?name=now")
    page.get_by_text("● live").wait_for()
    count = page.locator("dl.facts dd").nth(1)
    assert "0 of" in count.inner_text()
    begun = time.monotonic()
    study.tell(one, reward=0.5)
    page.locator("dl.facts dd", has_text="1 of").wait_for()
    assert time.monotonic() - begun < 10  # a second where nothing else computes: see the benchmark
    study.report(two, 1, 0.25)
    study.report(two, 2, 0.75)
    page.locator(".legendtext", has_text="running").wait_for()
    study.tell(two, error="it <b>broke</b>")
    page.get_by_text("it <b>broke</b>").wait_for()


def test_a_store_that_vanishes_is_said(browser, tmp_path):
    """And when it is back the page goes on."""
    store = filled(tmp_path / "s.db")
    command = ["-m", "reinas.cli", "watch", "--store", str(store.path), "--port", "0"]
    with (
        subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as page,
        contextlib.ExitStack() as stack,
    ):
        base = page.stdout.readline().split()[2].rstrip("/")
        tab = Watched(browser, base)
        stack.callback(page.kill)  # also where something is not seen
        shown = tab.open("/")
        shown.get_by_text("● live").wait_for()
        store.close()
        for file in tmp_path.glob("s.db*"):
            if file.is_file():
                file.rename(tmp_path / f"away-{file.name}")
        shown.get_by_role("alert").get_by_text("there is no store at").wait_for()
        for file in tmp_path.glob("away-*"):
            file.rename(tmp_path / file.name.removeprefix("away-"))
        shown.get_by_role("alert").wait_for(state="detached")
        tab.context.close()
        page.terminate()


# ---- the same in a file --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trained", "controller", "bayes", "evolution-0", ODD])
def test_a_file_has_the_same_views(browser, live, tmp_path, name):
    """From the disk, without a server: no request, no complaint, no violation."""
    from axe_playwright_python.sync_playwright import Axe

    store, _ = live
    file = tmp_path / "page.html"
    file.write_text(page_of(store, make_report(store.get(name))), encoding="utf-8")
    tab = Watched(browser, file.as_uri())
    page = tab.open("")
    page.locator(".main-svg").first.wait_for()
    assert page.locator("h1").inner_text() == name
    for view in ("Policy", "Report", "The toy", "Study"):
        page.get_by_role("navigation").get_by_role("link", name=view, exact=True).click()
        page.locator("main:not(.first) :is(h1, .trouble)").first.wait_for()
        page.wait_for_timeout(500)
        if name != "trained" or view != "Policy":  # random search has nothing to look at
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
    page.get_by_role("region", name="the best networks").get_by_role("link").first.click()
    page.get_by_role("heading", name="Measured").wait_for()
    page.go_back()
    page.get_by_role("heading", name=name).wait_for()
    tab.context.close()
    assert tab.trouble == []


def test_the_link_to_the_content_works_in_a_file(browser, live, tmp_path):
    """It is no view."""
    store, _ = live
    file = tmp_path / "page.html"
    file.write_text(page_of(store, make_report(store.get("random"))), encoding="utf-8")
    tab = Watched(browser, file.as_uri())
    page = tab.open("")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("#view$"))
    for _ in range(2):
        page.get_by_text("Rewards over").wait_for()
        assert page.locator("h1").inner_text() == "random"
        page.reload()
    page.goto(f"{file.as_uri()}#/nothing")
    page.get_by_text("There is no view /nothing.").wait_for()
    tab.context.close()
    assert tab.trouble == []


def test_an_address_without_a_trial_is_said(tab):
    """In a sentence."""
    page = tab.page
    page.goto(f"{tab.base}/network?name=bayes")
    page.get_by_role("alert").get_by_text("The address names no trial").wait_for()


def test_a_file_says_which_networks_it_lacks(browser, live, tmp_path):
    """The others are on the live page."""
    store, _ = live
    file = tmp_path / "page.html"
    file.write_text(page_of(store, make_report(store.get("random"), 2)), encoding="utf-8")
    tab = Watched(browser, file.as_uri())
    page = tab.page
    best = {t.number for t in store.get("random").best(2)}
    lacking = next(n for n in range(8) if n not in best)
    page.goto(f"{file.as_uri()}#/network?trial={lacking}")
    page.get_by_role("alert").get_by_text(f"trial {lacking} is not in this file").wait_for()
    tab.context.close()


def test_a_file_without_plotly_says_where_charts_come_from(browser, live, tmp_path, monkeypatch):
    """And shows the rest."""
    store, _ = live
    monkeypatch.setattr("reinas.web.single.find_spec", lambda name: None)
    file = tmp_path / "page.html"
    file.write_text(page_of(store, make_report(store.get("controller"))), encoding="utf-8")
    tab = Watched(browser, file.as_uri())
    page = tab.open("")
    page.get_by_text("Not drawn: charts need Plotly").first.wait_for()
    assert page.get_by_role("region", name="the best networks").count() == 1
    tab.context.close()
    assert tab.trouble == []


# ---- the toy -------------------------------------------------------------------------------------


def test_the_toy_s_gradient_is_the_closed_form(tab):
    """At many parameters; sampled gradients are right on average."""
    page = tab.open("/toy")
    rng = np.random.default_rng(0)
    thetas = [*map(list, REVIEW_STARTS), *rng.normal(scale=3, size=(20, 5)).tolist()]
    found = page.evaluate(
        """async (thetas) => {
            const toy = await import("/toy.js");
            return thetas.map((theta) => [toy.expected(theta), toy.exactGradient(theta)]);
        }""",
        thetas,
    )
    for theta, (value, gradient) in zip(thetas, found, strict=True):
        point, exact = closed_form(tuple(theta), REVIEW_LOSSES)
        assert value == pytest.approx(point.expected, rel=1e-9)
        assert gradient == pytest.approx(list(exact), rel=1e-6, abs=1e-12)
    theta = [0.5, -0.3, 0.2, 0.7, -0.4]
    mean = page.evaluate(
        """async (theta) => {
            const toy = await import("/toy.js");
            return toy.sampledGradient(theta, 200000, 30, Math.random)[0];
        }""",
        theta,
    )
    _, exact = closed_form(tuple(theta), REVIEW_LOSSES)
    assert mean == pytest.approx(list(exact), abs=0.25)


def test_the_toy_is_played(tab):
    """A step moves both; running draws the way."""
    page = tab.open("/toy?start=0,0,0,0,0")
    page.get_by_role("button", name="One step").click()
    page.get_by_text("steps: 1,").first.wait_for()
    page.get_by_role("button", name="Run").click()
    page.wait_for_timeout(600)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="(15, 0, 0, 3, -15)").click()
    page.get_by_text("J = 0.3961").first.wait_for()
    assert "start=15%2C0%2C0%2C3%2C-15" in page.url
