"""A long study costs the database no more per trial than a short one."""

import subprocess
import sys
from itertools import pairwise

import pytest
import sqlalchemy as sa

from helpers import SPACE, Hashed, Watching
from reinas import Budget, RandomSearch, Store, search
from reinas.errors import StoreError
from reinas.store import AbstractRecord
from reinas.store.checking import problems
from reinas.store.rows import NO_REWARD

GRAIN = 1  # virtual-machine instructions between two counts
BATCH = 25


class Counter:
    """Counts instructions of SQLite's virtual machine."""

    def __init__(self):
        self.counted = 0

    def connected(self, connection, _record):
        connection.set_progress_handler(self._more, GRAIN)

    def _more(self):
        self.counted += 1


@pytest.fixture
def counter():
    made = Counter()
    sa.event.listen(sa.Engine, "connect", made.connected)
    yield made
    sa.event.remove(sa.Engine, "connect", made.connected)


@pytest.mark.parametrize("reuse", [True, False])
def test_a_batch_costs_as_much_at_the_end_as_at_the_beginning(tmp_path, counter, reuse):
    """Instructions, not seconds: no query of ask and tell reads a whole study."""
    costs = []

    def note(trial):
        if trial.number % BATCH == 0:
            costs.append(counter.counted)

    search(
        SPACE,
        RandomSearch(SPACE),
        Hashed(),
        budget=Budget(80 * BATCH),
        batch_size=BATCH,
        store=str(tmp_path / "s.db"),
        name="s",
        reuse=reuse,
        observer=Watching(note),
    )
    batches = [after - before for before, after in pairwise(costs)]
    assert len(batches) == 79
    early, late = sum(batches[2:12]), sum(batches[-10:])
    assert 0 < late < 1.3 * early


def test_a_look_at_a_store_does_not_start_torch(tmp_path):
    """`list` and `show` would take twice as long to start."""
    place = str(tmp_path / "s.db")
    search(SPACE, RandomSearch(SPACE), Hashed(), budget=Budget(4), store=place, name="s")
    look = f"""
import sys
from reinas.cli.app import app
for command in (["list"], ["show", "s"], ["store", "check"]):
    app([*command, "--store", {place!r}], standalone_mode=False)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", look], capture_output=True).returncode == 0


def test_counts_and_holders_are_those_of_the_trials(tmp_path):
    """The sums of the database are those over its rows, also where one has lost its reward."""
    store = Store(tmp_path / "s.db")
    study = search(SPACE, RandomSearch(SPACE), Hashed(), budget=Budget(200), store=store, name="s")
    record = study.record
    repeated = {t.number for t in record.finished() if t.repeat_of is not None}
    with store.begin(writing=True) as connection:
        connection.exec_driver_sql(
            "UPDATE trials SET reward = NULL WHERE number IN (SELECT min(number) FROM trials"
            " WHERE reward IS NOT NULL)"
        )
        connection.exec_driver_sql("UPDATE trials SET seconds = number WHERE repeat_of IS NULL")
        connection.exec_driver_sql(
            "UPDATE trials SET finished = NULL, error = NULL, reward = NULL, worker = 'me'"
            " WHERE number > 190"
        )
    assert repeated
    assert record.counts() == AbstractRecord.counts(record)
    assert any(c.error == NO_REWARD for c in record.counts())
    assert sum(c.trials for c in record.counts()) == 191
    assert record.held() == AbstractRecord.held(record)
    assert [t.number for t in record.held()] == [*range(191, 200)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE trials SET error = x'00ff' WHERE number = 3", "a trial's error is b'"),
        ("UPDATE trials SET number = 'x' WHERE number = 3", "a trial's number is 'x'"),
        ("""UPDATE trials SET answers = '["0", 1]' WHERE number = 3""", "its answers are"),
        ("UPDATE trials SET answers = '[0.5, 1]' WHERE number = 3", "its answers are"),
    ],
)
def test_a_damaged_row_is_a_sentence(tmp_path, statement, said):
    """Whatever looks at it first."""
    store = Store(tmp_path / "s.db")
    search(SPACE, RandomSearch(SPACE), Hashed(), budget=Budget(8), store=store, name="s")
    with store.begin(writing=True) as connection:
        connection.exec_driver_sql(statement)
    record = store.get("s")
    with pytest.raises(StoreError, match=f"damaged.*{said}"):
        (record.count(), record.counts(), record.finished())
    assert problems(store)
