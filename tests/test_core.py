"""The core on any system: what the matrix of systems, Pythons and packages runs."""

import csv
import random

import numpy as np
import pytest
import torch

import reinas

SPACE = reinas.MlpSpace(depth=2, widths=(8, 16))


def task():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    return reinas.ArrayTask(x, (x[:, 0] > x[:, 1]).astype(int))


def test_a_search_is_kept_finished_and_loaded(tmp_path):
    """Stopped half-way and continued, it is the same search."""
    given = task()

    def search(trials, name):
        return reinas.search(
            SPACE,
            reinas.BayesianSearch(SPACE, start=2),
            reinas.TrainedEvaluator(given),
            budget=reinas.Budget(trials),
            store=str(tmp_path / "s.db"),
            name=name,
            batch_size=2,
        )

    whole = [trial.reward for trial in search(6, "whole").trials]
    search(2, "parts")
    assert [trial.reward for trial in search(6, "parts").trials] == whole
    folder = tmp_path / "net"
    done = reinas.finish(str(tmp_path / "s.db"), "parts", SPACE, given, folder=folder, grid=None)
    assert done.final.metrics["accuracy"] > 0.8
    network = reinas.load(folder)
    x = torch.from_numpy(given.test().x)
    assert (network(x).argmax(1).numpy() == given.test().y).mean() == done.final.metrics["accuracy"]


def test_a_fit_on_a_file(tmp_path):
    """A table with categories and gaps, within ten seconds."""
    random.seed(0)
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "kind", "y"])
        for n in range(150):
            a, kind = random.gauss(0, 1), random.choice("uv")
            writer.writerow(["" if n % 9 == 0 else f"{a:.3f}", kind, round(3 * a + ord(kind), 2)])
    table = reinas.Table(path=str(path), target="y")
    fitted = reinas.fit(
        table, minutes=0.2, folder=tmp_path / "net", executor=reinas.Serial(), store=None
    )
    answers = reinas.load(tmp_path / "net").predict(
        [{"a": 0.5, "kind": "u"}, {"kind": "v", "a": ""}]
    )
    assert len(answers) == 2
    assert fitted.metrics["r2"] > 0.3


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_children_are_trained_where_asked(executor):
    """In this process and in others, to the same rewards."""
    made = reinas.Serial() if executor == "serial" else reinas.Processes(2)
    study = reinas.search(
        SPACE,
        reinas.RandomSearch(SPACE),
        reinas.TrainedEvaluator(reinas.Wine()),
        budget=reinas.Budget(3),
        executor=made,
    )
    assert all(trial.state == "complete" for trial in study.trials)
