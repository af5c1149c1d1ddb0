"""The routes of the page: the documents, who may read them, and how errors are told."""

import json
import math
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import pytest
import torch
from starlette.testclient import TestClient

import reinas
from reinas.errors import SettingError
from reinas.fronts import front
from reinas.store.schema import VERSION
from reinas.types import Outcome
from reinas.web.app import VIEWS, make_app
from web.conftest import LINKED, OBJECTIVES, ODD, SPACE, filled, searched

HERE = "http://127.0.0.1:8765"


@pytest.fixture
def client(store):
    with TestClient(make_app(store.path), base_url=HERE) as client:
        yield client


def read(client, document, **given):
    answer = client.get(f"/api/{document}", params=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


# ---- documents -----------------------------------------------------------------------------------


def test_the_list_has_every_study_and_how_far_it_is(client, store):
    """As the store's own summaries have it."""
    found = {row["name"]: row for row in read(client, "studies")["studies"]}
    for summary in store.summaries():
        row = found[summary.name]
        assert (row["finished"], row["trials"]) == (summary.finished, summary.trials)
        assert row["best"] == summary.best
        assert row["running"] == 0
        assert row["seen"] is not None
    assert ODD in found


def test_a_study_s_rows_are_its_trials(client, store):
    """State, value and reason of each, also of failed ones and repeats."""
    found = read(client, "study", name="controller")
    trials = {t.number: t for t in store.get("controller").all_trials()}
    assert len(found["rows"]) == len(trials) == 40
    for number, batch, state, value, _, _, _, error in found["rows"]:
        trial = trials[number]
        assert batch == trial.batch
        assert error == trial.outcome.error
        assert value == trial.outcome.reward
        assert state == ("repeat" if trial.repeat_of is not None else trial.outcome.state)
    assert any(row[2] == "failed" for row in found["rows"])
    batches = [row["batch"] for row in found["diagnostics"]]
    assert batches == [number for number, _ in store.get("controller").diagnostics()]


def test_only_what_is_new_is_sent(client):
    """To a reader who has the rows of the same feed."""
    first = read(client, "study", name="bayes")
    some = {"feed": first["feed"], "since": 15, "batch": 1}
    later = read(client, "study", name="bayes", **some)
    assert later["rows"] == first["rows"][15:]
    assert [row["batch"] for row in later["diagnostics"]] == [
        row["batch"] for row in first["diagnostics"] if row["batch"] > 1
    ]
    strange = read(client, "study", name="bayes", feed="another", since=15)
    assert (strange["since"], len(strange["rows"])) == (0, 20)


def test_a_search_that_goes_on_is_followed(tmp_path):
    """Trials that run and report, then their outcomes, each once."""
    store = reinas.Store(tmp_path / "s.db")
    space = reinas.MlpSpace()
    study = reinas.Study(space, reinas.RandomSearch(space), store=store, name="ask")
    with TestClient(make_app(store.path), base_url=HERE) as client:
        one, two = study.ask(2)
        study.report(one, 1, 0.25)
        study.report(one, 2, 0.5)
        found = read(client, "study", name="ask")
        assert found["rows"] == []
        by_trial = {row["trial"]: row for row in found["running"]}
        assert by_trial[one.number]["points"] == [[1, 0.25], [2, 0.5]]
        assert read(client, "studies")["studies"][0]["running"] == 2
        study.tell(two, reward=0.75)
        found = read(client, "study", name="ask", feed=found["feed"], since=0)
        assert [row[0] for row in found["rows"]] == [two.number]
        study.tell(one, outcome=Outcome(None, error="broke"))
        found = read(client, "study", name="ask", feed=found["feed"], since=1)
        assert [(row[0], row[2], row[7]) for row in found["rows"]] == [
            (one.number, "failed", "broke")
        ]
        assert read(client, "studies")["studies"][0]["running"] == 0


def test_the_network_of_a_trial(client, store):
    """Its decisions by name, a drawing without styles of its own."""
    trial = store.get("trained").best()[0]
    found = read(client, "network", name="trained", trial=trial.number)
    space = LINKED
    assert [name for name, _ in found["decisions"]] == [d.name for d in space.decisions]
    assert found["reward"] == trial.reward
    assert found["architecture"] == str(space.decode(trial.answers))
    assert "<svg" in found["svg"]
    assert "style" not in found["svg"]
    assert [step for step, _ in found["points"]] == [1, 2]


def test_the_code_of_a_network_is_that_network(client, store):
    """It runs by itself, and its parameters and outputs are those of the child."""
    trial = store.get("trained").best()[0]
    code = read(client, "network", name="trained", trial=trial.number)["code"]
    names = {}
    exec(code, names)
    network = names["Network"]().eval()
    child = reinas.build(LINKED.decode(trial.answers), reinas.Digits()).eval()
    assert sum(p.numel() for p in network.parameters()) == sum(
        p.numel() for p in child.parameters()
    )
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_a_network_without_a_task_has_neither_drawing_nor_code(client):
    """Sizes depend on data, which a function of somebody's own does not tell."""
    found = read(client, "network", name="linked", trial=3)
    assert (found["svg"], found["code"]) == ("", "")
    assert found["decisions"]


def test_the_front_is_that_of_the_study(client, store):
    """With what was measured, and which objectives are better lower."""
    found = read(client, "study", name="front")
    trials = store.get("front").finished()
    assert found["front"] == [t.number for t in front(trials, OBJECTIVES)]
    assert (found["objectives"], found["lower"]) == (["reward", "parameters"], ["parameters"])
    by_number = {t.number: t.outcome for t in trials}
    for row in found["rows"]:
        outcome = by_number[row[0]]
        assert row[8] == [outcome.reward, outcome.metrics.get("parameters")]


def test_what_json_does_not_have_is_nothing(tmp_path):
    """Diagnostics that are infinite do not break the page."""
    store = reinas.Store(tmp_path / "s.db")

    class Odd(reinas.RandomSearch):
        def update(self, trials):
            return {"reward": math.inf, "other": math.nan, "fine": 1.0}

    searched(store, SPACE, Odd(SPACE), "odd", trials=4)
    with TestClient(make_app(store.path), base_url=HERE) as client:
        text = client.get("/api/study", params={"name": "odd"}).text
    (row, *_) = json.loads(text)["diagnostics"]
    assert row == {"batch": 0, "reward": None, "other": None, "fine": 1.0}


def test_every_view_is_a_page_and_all_that_it_is_made_of_is_here(client):
    """Scripts and styles are found; nothing comes from elsewhere."""
    for view in VIEWS:
        page = client.get(f"/{view}")
        assert page.headers["content-type"].startswith("text/html")
        assert "https://" not in page.text.replace("http://www.w3.org", "")
    for file in ("main.js", "dom.js", "charts.js", "plotly.js", "page.css", "drawing.css"):
        assert client.get(f"/{file}").status_code == 200
    for view in ("studies", "study", "network", "policy", "compare", "toy"):
        assert client.get(f"/{view}.js").status_code == 200


# ---- who may read --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api/studies", "/page.css", "/nowhere", "/api/study"])
def test_every_answer_has_the_headers(client, path):
    """Also errors."""
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client, method):
    """The page only reads."""
    assert client.request(method, "/api/studies").status_code == 405


def test_head_is_answered(client):
    """With the headers alone."""
    answer = client.head("/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.", "", "[::2]"]
)
def test_another_host_s_name_is_refused(client, host):
    """A page elsewhere whose name points here (DNS rebinding) reads nothing."""
    assert client.get("/api/studies", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "[::1]:8765", "[::1]"])
def test_this_machine_s_names_are_served(client, host):
    """With any port."""
    assert client.get("/api/studies", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_origin_is_refused(client, origin):
    """Its own is served."""
    assert client.get("/api/studies", headers={"origin": origin}).status_code == 403
    assert client.get("/api/studies", headers={"origin": HERE}).status_code == 200


def test_with_a_token_nobody_reads_without_it(store):
    """From anywhere; it moves from the address into a cookie."""
    base = "http://example.org:80"
    with TestClient(make_app(store.path, "secret"), base_url=base) as client:
        for given in ("", "?token=", "?token=other", "?token=secre"):
            assert client.get(f"/api/studies{given}").status_code == 403
        assert client.get("/", headers={"cookie": "reinas-token=other"}).status_code == 403
        moved = client.get("/study?name=a%26b&token=secret", follow_redirects=False)
        assert moved.status_code == 303
        assert moved.headers["location"] == "/study?name=a%26b"
        cookie = moved.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert client.get("/api/studies").status_code == 200  # the client keeps the cookie


def test_a_redirect_stays_here(store):
    """Whatever the path looks like."""
    with TestClient(make_app(store.path, "secret"), base_url="http://a.example") as client:
        moved = client.get("//evil.example/?token=secret", follow_redirects=False)
        location = moved.headers.get("location", "/")
        assert not location.startswith("//")


# ---- what cannot be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("study", {"name": "nobody"}, "there is no study 'nobody'"),
        ("study", {}, "the address lacks the study's name"),
        (
            "study",
            {"name": "bayes", "since": "-1"},
            "'since' in the address is a number of at most 12 digits, got '-1'",
        ),
        ("network", {"name": "bayes", "trial": "x"}, "'trial' in the address is a number"),
        ("network", {"name": "bayes", "trial": "999"}, "'bayes' has no trial 999"),
        ("policy", {"name": "random"}, "nor parents to look at"),
        ("moment", {"name": "bayes", "batch": "900"}, "batch 900 has not been learned from yet"),
        ("moment", {"name": "bayes", "batch": "1", "one": "0", "other": "0"}, "two different"),
    ],
)
def test_a_wrong_address_is_said_in_a_sentence(client, name, given, words):
    """Status 404, and no traceback."""
    answer = client.get(f"/api/{name}", params=given)
    assert answer.status_code == 404
    assert words in answer.json()["error"]


def test_a_store_that_comes_goes_and_is_replaced(tmp_path):
    """Each time the page says what is so, and goes on."""
    path = tmp_path / "s.db"
    with TestClient(make_app(path), base_url=HERE) as client:
        missing = client.get("/api/studies")
        assert missing.status_code == 404
        assert "there is no store at" in missing.json()["error"]
        filled(path).close()
        first = read(client, "study", name="bayes")
        for file in tmp_path.glob("s.db*"):
            if file.is_file():
                file.unlink()
        assert client.get("/api/studies").status_code == 404
        store = reinas.Store(path)
        searched(store, SPACE, reinas.RandomSearch(SPACE), "bayes", trials=3)
        again = read(client, "study", name="bayes", feed=first["feed"], since=20)
        assert len(again["rows"]) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no database at all" * 100, "is not a database"), (b"", "has no studies yet")],
)
def test_a_file_that_is_no_store_is_said(tmp_path, content, words):
    """In the same sentence as everywhere."""
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with TestClient(make_app(path), base_url=HERE) as client:
        assert words in client.get("/api/studies").json()["error"]


def test_an_older_store_is_left_as_it_is(store, tmp_path):
    """It is only read, so nothing brings it up to date."""
    path = tmp_path / "old.db"
    with sqlite3.connect(store.path) as source, sqlite3.connect(path) as copy:
        source.backup(copy)
        copy.execute("UPDATE reinas_version SET version = ?", (VERSION - 1,))
    with TestClient(make_app(path), base_url=HERE) as client:
        assert "is of an earlier version" in client.get("/api/studies").json()["error"]
    with sqlite3.connect(path) as copy:
        assert copy.execute("SELECT version FROM reinas_version").fetchone() == (VERSION - 1,)


def test_nothing_is_written(tmp_path):
    """Not to the store, and no file beside it but SQLite's own."""
    path = tmp_path / "s.db"
    store = reinas.Store(path)
    searched(store, SPACE, reinas.independent(SPACE), "one", trials=8)
    store.close()
    before = path.read_bytes()
    with TestClient(make_app(path), base_url=HERE) as client:
        for name, given in [
            ("studies", {}),
            ("study", {"name": "one"}),
            ("curves", {"name": "one"}),
            ("network", {"name": "one", "trial": 0}),
            ("policy", {"name": "one"}),
            ("moment", {"name": "one", "batch": 0}),
        ]:
            read(client, name, **given)
    assert path.read_bytes() == before
    assert {p.name.removeprefix("s.db") for p in tmp_path.iterdir()} <= {"", "-wal", "-shm"}


def test_the_wheel_has_the_files():
    """Scripts and templates are data of the package."""
    from importlib.resources import files

    assert (files("reinas.web") / "static" / "main.js").is_file()
    assert (files("reinas.web") / "templates" / "page.html").is_file()


def test_evaluators_may_be_slow(store):
    """Reading does not wait for a search that holds the store's lock."""
    with store.lock("controller"), TestClient(make_app(store.path), base_url=HERE) as client:
        assert len(read(client, "study", name="controller")["rows"]) == 40


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/%5Cevil.example/", "/%5Cevil.example/"),
        ("//evil.example/x", "/evil.example/x"),
        ("/%0d%0aX-Bad:1", "/%0D%0AX-Bad%3A1"),
        ("/%ED%95%9C", "/%ED%95%9C"),
    ],
)
def test_the_token_s_redirect_stays_here(store, path, there):
    """Whatever the path: no other host, no other header."""
    base = "http://example.org:80"
    with TestClient(make_app(store.path, "secret"), base_url=base) as client:
        answer = client.get(f"{base}{path}?token=secret", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == there
    assert "x-bad" not in answer.headers


# ---- serving it ----------------------------------------------------------------------------------


class NoServer:
    """Does not serve; the sockets that it was given."""

    def __init__(self):
        self.sockets = []

    def run(self, sockets):
        self.sockets += sockets


@pytest.mark.parametrize("kind", ["store", "text", "path"])
def test_watch_takes_a_store_or_its_file(store, monkeypatch, kind):
    """And says the address that it listens on; on this machine without a token."""
    server, said, watched = NoServer(), [], []
    monkeypatch.setattr("reinas.web.app.make_server", lambda app: server)
    monkeypatch.setattr("reinas.web.app.Source", lambda place: watched.append(place.path) or Named)
    given = {"store": store, "text": str(store.path), "path": store.path}[kind]
    reinas.watch(given, port=0, said=said.append)
    (listening,) = server.sockets
    assert said == [f"http://127.0.0.1:{listening.getsockname()[1]}/"]
    assert watched == [store.path]
    listening.close()


class Named:
    names = ()


def test_elsewhere_the_address_has_a_token(store, monkeypatch):
    """Another one each time."""
    said = []
    for _ in range(2):
        server = NoServer()
        monkeypatch.setattr("reinas.web.app.make_server", lambda app, server=server: server)
        reinas.watch(store, host="0.0.0.0", port=0, said=said.append)
        server.sockets[0].close()
    tokens = [address.partition("?token=")[2] for address in said]
    assert len(set(tokens)) == 2
    assert all(len(token) > 40 for token in tokens)


def test_a_port_that_is_taken_is_said(store):
    """In a sentence."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"port {port} of 127.0.0.1 cannot be had"):
            reinas.watch(store, port=port)
    with pytest.raises(SettingError, match="must be from 0 to 65535, got 70000"):
        reinas.watch(store, port=70000)


def test_what_is_not_installed_is_said(store, monkeypatch):
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "reinas.web.app", None)
    with pytest.raises(SettingError, match=r"pip install 'reinas\[web\]'"):
        reinas.watch(store)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to all processes of a console")
def test_ctrl_c_is_the_usual_end(store):
    """Nothing is said, and the status is that of success."""
    command = [sys.executable, "-m", "reinas.cli", "watch", "--store", str(store.path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--port", "0"], **pipes) as server:
        try:
            assert server.stdout.readline().startswith("watching ")
            time.sleep(1.0)  # it serves by now
            server.send_signal(signal.SIGINT)
            _, said = server.communicate(timeout=60)
        finally:
            server.kill()
    assert (server.returncode, said) == (0, "")
