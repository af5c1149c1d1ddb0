"""Stores of earlier versions are brought to this one, with all that they hold."""

import gzip
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from reinas import Budget, Digits, Store, TrainedEvaluator, search
from reinas.config.objects import make_policy, restored
from reinas.errors import SettingError
from reinas.registry import make
from reinas.store import schema
from reinas.store.rows import recipe_key
from reinas.tasks.recipes import Recipe

FOLDER = Path(__file__).parent
VERSIONS = {
    "version2": "conv",
    "version3": "nasbench201",
    "version4": "nasbench201",
    "version5-first": "nasbench201",  # without the column `summary`, in other words
    "version5-second": "nasbench201",  # with fewer fields in its recipe
    "version5": "nasbench201",
}
"""Stores that were made by reinas at these versions, and the space of the search `cells`.

Each has the searches `cells` (three trials, two points of the grid, a tested network) and `conv`.
"""


@pytest.fixture(params=VERSIONS)
def path(request, tmp_path):
    path = tmp_path / f"{request.param}.db"
    path.write_bytes(gzip.decompress((FOLDER / f"{request.param}.db.gz").read_bytes()))
    return path


def rows(path, query):
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchall()


def test_everything_is_still_there(path):
    """Rewards to the last bit, curves, the grid, the test result; texts are the answers."""
    before = rows(path, "SELECT reward FROM trials ORDER BY search, number")
    store = Store(path)
    assert sorted(store.names()) == ["cells", "conv"]
    assert rows(path, "SELECT version FROM reinas_version") == [(schema.VERSION,)]
    assert rows(path, "SELECT reward FROM trials ORDER BY search, number") == before
    record = store.get("cells")
    assert record.count() == (3, 3)
    assert len(record.points()) == 2
    final = record.final()
    assert final.recipe["batch_size"] == 64
    accuracy = final.metrics["accuracy"]
    assert final.summary.startswith(f"accuracy {accuracy:.4f} (95 % interval 0.")
    assert record.texts([0])[0]
    assert all(trial.outcome.curve.epochs for trial in record.finished())
    assert [trial.state for trial in record.all_trials()] == ["complete"] * 3


def test_settings_are_in_the_words_of_today(path):
    """Names that changed are translated."""
    settings = Store(path).get("cells").settings
    assert settings["space"]["name"] == VERSIONS[path.stem]
    assert settings["policy"]["name"] == ("zoph-le" if path.stem == "version2" else "bayes")
    assert (settings["batch_size"], settings["reuse"]) == (2, True)
    assert settings["evaluator"]["recipe"]["batch_size"] == 64
    assert not {"children", "repeats"} & settings.keys()


@pytest.mark.parametrize("name", ["cells", "conv"])
def test_a_search_goes_on_from_there(path, name, tmp_path):
    """To the trials that a search of today has from the start."""
    store = Store(path)
    record = store.get(name)
    config = restored(record.settings, {})
    evaluator = TrainedEvaluator(config.task, config.recipe)

    def run(store, trials=6):
        return search(
            config.space,
            make_policy(config),
            evaluator,
            budget=Budget(trials),
            batch_size=record.settings["batch_size"],
            seed=record.settings["seed"],
            store=store,
            name=name,
            reuse=record.settings["reuse"],
        )

    new = Store(tmp_path / "new.db")
    run(new, trials=record.trials)  # its last batch may be a small one
    continued, anew = run(store), run(new)
    assert [t.answers for t in continued.trials] == [t.answers for t in anew.trials]
    rewards = [[t.reward for t in study.trials] for study in (continued, anew)]
    assert rewards[0] == pytest.approx(rewards[1], abs=0.02)


def test_other_settings_are_still_refused(path):
    """The translated settings are compared like any others."""
    record = Store(path).get("conv")
    space = make("space", {"name": "conv", "depth": 2, "filters": (2, 4)})
    policy = make("policy", {"name": "evolution", "population": 3, "sample": 2}, space=space)
    recipe = replace(Digits().recipe, epochs=2)
    with pytest.raises(SettingError, match=r"evaluator.recipe.epochs is 1, not 2"):
        search(
            space,
            policy,
            TrainedEvaluator(Digits(), recipe),
            budget=Budget(4),
            batch_size=2,
            seed=4,
            store=Store(path),
            name="conv",
            reuse=record.settings["reuse"],
        )


def test_a_point_that_was_trained_under_both_words_is_kept_once(tmp_path):
    """An early version 5 had fewer fields; a later one took its points for others."""
    path = tmp_path / "s.db"
    path.write_bytes(gzip.decompress((FOLDER / "version5-second.db.gz").read_bytes()))
    with sqlite3.connect(path) as connection:
        recipe, *rest = connection.execute(
            "SELECT recipe, search, finished, reward, seconds FROM points LIMIT 1"
        ).fetchone()
        whole = {**Recipe().settings, **json.loads(recipe)}
        connection.execute(
            "INSERT INTO points (recipe, key, search, finished, reward, seconds)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [json.dumps(whole), recipe_key(whole), *rest],
        )
        assert connection.execute("SELECT count(*) FROM points").fetchone() == (3,)
    points = Store(path).get("cells").points()
    assert len(points) == 2
    assert recipe_key(whole) in points


def test_what_a_user_calls_a_recipe_is_theirs(tmp_path):
    """And metrics that are no numbers keep nothing from opening."""
    store = Store(tmp_path / "s.db")
    settings = {"space": {"name": "mlp"}, "evaluator": {"name": "mine", "recipe": {"lr": 0.1}}}
    store.put("s", settings, 8)
    with store.begin(writing=True) as connection:
        connection.exec_driver_sql("UPDATE reinas_version SET version = 5")
        connection.exec_driver_sql(
            "INSERT INTO finals (search, trial, recipe, metrics, finished) VALUES"
            """ (1, 0, '{}', '{"r2": null, "rmse": 0.5}', 'then')"""
        )
    store.close()
    record = Store(tmp_path / "s.db").get("s")
    assert record.settings == settings
    assert record.final().summary == "rmse 0.5"
