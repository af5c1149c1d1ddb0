"""A store on a PostgreSQL server keeps what the file keeps, for several machines at once."""

import json
import subprocess
import sys
import textwrap
import time

import pytest
import sqlalchemy as sa

from helpers import small_search
from reinas import Outcome, Store
from reinas.errors import BusyError, OutdatedStoreError, SettingError, StoreError
from reinas.store import schema
from reinas.store.postgresql import shown
from reinas.store.values import Proposal
from reinas.testing import StoreContract

pytestmark = pytest.mark.xdist_group("postgresql")
SETTINGS = {"space": {"name": "mlp", "depth": 2}, "seed": 0}


class TestPostgresql(StoreContract):
    """What every store promises."""

    @pytest.fixture(autouse=True)
    def _address(self, address):
        self.address = address

    def make(self):
        return Store(self.address)


def rows(store, name):
    """All that a study came to, but for times."""
    trials = store.get(name).all_trials()
    return [(t.number, t.answers, t.outcome.reward, t.outcome.error) for t in trials]


def test_looking_makes_nothing(address):
    """No schema before the first write; a reader never writes."""
    for read_only in (False, True):
        store = Store(address, read_only=read_only)
        assert (store.names(), store.summaries(), store.find("s")) == ([], [], None)
    with store.begin() as connection:
        assert address.rpartition("=")[2] not in sa.inspect(connection).get_schema_names()
    with pytest.raises(StoreError, match="is read-only"):
        store.put("s", SETTINGS, 8)
    assert Store(address).names() == []


def test_schemas_of_one_database_are_stores_of_their_own(postgresql):
    """Several teams, or other programs, share a database."""
    one, two = (Store(postgresql.address(name)) for name in ("team_one", "team_two"))
    one.put("s", SETTINGS, 8)
    assert (one.names(), two.names()) == (["s"], [])


def test_a_search_has_the_trials_that_it_has_in_a_file(address, tmp_path):
    """The store is no part of the search."""
    for place in (address, tmp_path / "s.db"):
        small_search(place, trials=24)
    assert rows(Store(address), "s") == rows(Store(tmp_path / "s.db"), "s")


def test_numbers_that_json_does_not_have_and_odd_text_are_kept(address):
    """NaN in curves and metrics; NUL, which PostgreSQL does not know, becomes U+FFFD."""
    record = Store(address).put("s\0", SETTINGS, 8)
    record.propose(0, [Proposal(0, (0,), (0,), "a\0b", None), Proposal(1, (1,), (1,), "b", None)])
    record.record(0, Outcome(0.5, metrics={"loss": float("inf")}))
    record.record(1, Outcome(None, error="no \0 and \x1b and ü"))
    again = Store(address).get("s\0")
    assert again.trial(0).outcome.metrics == {"loss": float("inf")}
    assert again.trial(1).outcome.error == "no \ufffd and \x1b and ü"
    assert again.texts([0]) == {0: "a\ufffdb"}
    record.propose(1, [Proposal(2, (0,), (0,), "a", None)])
    record.record(2, Outcome(float("nan")))
    assert [t.number for t in again.best(9)] == [0]


def test_a_study_is_locked_for_other_machines(address):
    """Until its process ends, however it does."""
    program = textwrap.dedent(f"""
        import time, reinas
        store = reinas.Store({address!r})
        with store.lock("s"):
            print("locked", flush=True)
            time.sleep(60)
    """)
    store = Store(address)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"locked\n"
        with (
            pytest.raises(BusyError, match="another process is working on search 's'"),
            store.lock("s"),
        ):
            pass
        assert store.working("s")
        assert not store.working("t")
        other.kill()
        other.wait()
    deadline = time.monotonic() + 10
    while store.working("s"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with store.lock("s"):
        pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("host=", "host=/nowhere"), "cannot be reached: see whether the server runs"),
        (("/postgres?", "/nothing?"), "does not have that database or user"),
        (("schema=", "schema=A-"), "a schema's name begins with a letter from a to z"),
        (("schema=", "schema=" + "a" * 64), "has at most 63 of these"),
    ],
)
def test_a_server_that_cannot_be_used_is_said_in_one_sentence(reinas, address, change, said):
    """Without a traceback; nothing is waited for."""
    status, out, err = reinas("list", "--store", address.replace(*change))
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_password_is_shown_nowhere(reinas):
    """Not in messages, nor in what is said to be typed next."""
    address = "postgresql+psycopg://me:secret@127.0.0.1:1/db"
    assert "secret" not in shown(address)
    for command in (["list"], ["search", "toy", "--trials", "2"], ["show", "x"]):
        status, out, err = reinas(*command, "--store", address)
        assert status == 2
        assert "secret" not in out + err
        assert "me:***@127.0.0.1" in err


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://me:secret@h/db", "postgresql://me:***@h/db"),
        ("postgresql://me:sec@ret@h/db?a=1", "postgresql://me:***@h/db?a=1"),
        ("postgresql://h/db?password=secret&a=1", "postgresql://h/db?password=***&a=1"),
        ("postgresql://me@/db?a=1&sslpassword=secret", "postgresql://me@/db?a=1&sslpassword=***"),
        ("postgresql+psycopg://h", "postgresql+psycopg://h"),
    ],
)
def test_addresses_are_shown_as_given_but_for_passwords(address, said):
    """Wherever they are in it."""
    assert shown(address) == said


@pytest.mark.parametrize(
    "address", ["me:secret@host/db", "postgresql:/me:secret@h/x", "postgresql+psycopg:/secret@h/x"]
)
def test_a_mistyped_address_is_not_repeated(address):
    """It may have a password, too."""
    with pytest.raises(SettingError, match="looks like an address") as told:
        Store(address)
    assert "secret" not in str(told.value)


def test_a_schema_that_may_not_be_read_is_said(address, postgresql):
    """Not taken for an empty one."""
    store = Store(address)
    store.put("s", SETTINGS, 8)
    schema_name = address.rpartition("=")[2]
    with store.begin(writing=True) as connection:
        connection.exec_driver_sql("CREATE ROLE bob LOGIN")
    with pytest.raises(StoreError, match=f"ask its owner for GRANT USAGE ON SCHEMA {schema_name}"):
        Store(address.replace("postgres@", "bob@"))


def test_only_the_owner_compacts(address, postgresql):
    """The server would skip the tables of others and not say so."""
    store = Store(address)
    store.put("s", SETTINGS, 8)
    name = address.rpartition("=")[2]
    with store.begin(writing=True) as connection:
        for statement in (
            f"CREATE ROLE guest_{name} LOGIN",
            f"GRANT ALL ON SCHEMA {name} TO guest_{name}",
            f"GRANT ALL ON ALL TABLES IN SCHEMA {name} TO guest_{name}",
        ):
            connection.exec_driver_sql(statement)
    guest = Store(address.replace("postgres@", f"guest_{name}@"))
    assert guest.names() == ["s"]
    with pytest.raises(StoreError, match=r"was not made smaller \(.*owner can.*ask"):
        guest.compact()
    store.compact()


def test_other_addresses_are_refused_without_their_passwords():
    """The kinds that there are are named."""
    with pytest.raises(
        SettingError, match=r"expected a file, sqlite:///FILE or postgresql"
    ) as told:
        Store("mysql://me:secret@host/db")
    assert "secret" not in str(told.value)


def test_a_search_whose_server_dies_goes_on_to_the_same_end(address, postgresql, tmp_path):
    """It ends with one sentence; what was committed is there when the server is back."""
    small_search(tmp_path / "s.db", trials=24)

    def kill(trial):
        if trial.number == 9:
            postgresql.kill()

    with pytest.raises(StoreError, match="cannot be reached"):
        small_search(address, trials=24, on_trial=kill)
    postgresql.start()
    done = Store(address).get("s").count()[1]
    assert 9 <= done <= 10
    small_search(address, trials=24)
    assert rows(Store(address), "s") == rows(Store(tmp_path / "s.db"), "s")


def test_readers_see_one_moment(address):
    """What others write in between is seen by the next transaction."""
    store, other = Store(address), Store(address)
    store.put("s", SETTINGS, 8)
    query = sa.select(schema.searches.c.trials)
    with store.begin() as connection:
        assert connection.scalar(query) == 8
        other.get("s").set_budget(9)
        assert connection.scalar(query) == 8
    with store.begin() as connection:
        assert connection.scalar(query) == 9


def test_the_page_is_told_of_changes(address):
    """By the server, so that nobody asks it again and again."""
    store = Store(address)
    store.put("s", SETTINGS, 8)
    eye = store.database.eye()
    first = eye.look()
    assert eye.look() == first
    store.get("s").set_budget(9)
    deadline = time.monotonic() + 5
    while eye.look() == first:
        assert time.monotonic() < deadline
    store.names()
    second = eye.look()
    assert eye.look() == second
    eye.close()


def test_an_earlier_version_is_brought_up_to_date_but_not_by_a_reader(address):
    """As a file is."""
    store = Store(address)
    store.put("s", SETTINGS, 8)
    with store.begin(writing=True) as connection:
        connection.execute(schema.versions.update().values(version=4))
        connection.exec_driver_sql("ALTER TABLE trials DROP COLUMN architecture")
    with pytest.raises(OutdatedStoreError, match="is of an earlier version"):
        Store(address, read_only=True)
    assert Store(address).get("s").count() == (0, 0)
    assert Store(address, read_only=True).names() == ["s"]


def test_commands_and_the_page_read_it(reinas, address):
    """`search`, `resume`, `list`, `show` and the live page's documents."""
    from starlette.testclient import TestClient

    from reinas.web.app import make_app

    where = ["--store", address]
    status, _, err = reinas("search", "toy", "--trials", 8, "--name", "s", *where)
    assert (status, err.count("Traceback")) == (0, 0)
    assert reinas("resume", "s", "--trials", 12, *where)[0] == 0
    listed = json.loads(reinas("list", "--json", *where)[1])
    assert [(row["name"], row["finished"]) for row in listed] == [("s", 12)]
    assert json.loads(reinas("show", "s", "--json", *where)[1])["name"] == "s"
    with TestClient(make_app(address), base_url="http://127.0.0.1:8765") as client:
        document = client.get("/api/studies").json()
    assert [study["name"] for study in document["studies"]] == ["s"]


def test_the_page_says_that_the_server_is_gone(address):
    """In the sentence that the commands have."""
    from starlette.testclient import TestClient

    from reinas.web.app import make_app

    gone = address.replace("host=", "host=/nowhere")
    with TestClient(make_app(gone), base_url="http://127.0.0.1:8765") as client:
        answer = client.get("/api/studies")
    assert "cannot be reached" in answer.json()["error"]


WRITER = """
import sys, reinas
from reinas import Outcome, Store
from reinas.store.values import Proposal

record = Store({address!r}).put(sys.argv[1], {settings!r}, 10**6)
first = int(sys.argv[2])
for number in range(first, first + {count}):
    record.propose(number, [Proposal(number, (number,), (number,), "net", None)])
    record.record(number, Outcome(number / 7))
    record.learned(number, {{"x": 1.0}}, {{}})
"""


def test_many_machines_write_at_once(address):
    """Eight processes, four in a study of their own and four in one: none lost, none twice."""
    count, store = 25, Store(address)
    text = WRITER.format(address=address, settings=SETTINGS, count=count)
    given = [(f"own{n}", 0) for n in range(4)] + [("shared", 1000 * n) for n in range(4)]
    running = [
        subprocess.Popen([sys.executable, "-c", text, name, str(first)]) for name, first in given
    ]
    assert [process.wait(120) for process in running] == [0] * 8
    for name, first in given:
        finished = {t.number: t.reward for t in store.get(name).finished()}
        for number in range(first, first + count):
            assert finished[number] == number / 7
    assert len(store.get("shared").finished()) == 4 * count
