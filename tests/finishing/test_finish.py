"""After the search: what is trained on, what is measured once, what is saved."""

import json
import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.metrics import log_loss, r2_score

import reinas
from reinas import (
    Budget,
    Diabetes,
    FinishObserver,
    MemoryStore,
    MlpSpace,
    RandomSearch,
    Recipe,
    RecipeGrid,
    Store,
    TrainedEvaluator,
    Wine,
    build,
    finish,
    search,
)
from reinas.errors import FileError, ReinasError, SettingError
from reinas.finishing import final_training as module
from reinas.finishing.final_training import train_final
from reinas.objectives.classification import Classification
from reinas.store.values import Proposal
from reinas.tasks.base import Part, Parts
from reinas.types import Curve, Outcome

SPACE = MlpSpace(depth=1, widths=(4, 8), activations=("tanh",))
RECIPE = Recipe(optimizer="adam", learning_rate=0.02, schedule="cosine", epochs=3, batch_size=32)


@dataclass(frozen=True)
class CountedWine(Wine):
    """Wine that remembers how often its test part was read."""

    read: ClassVar[list[int]] = []

    def test(self):
        self.read.append(1)
        return Wine().test()


@pytest.fixture
def read():
    CountedWine.read.clear()
    return CountedWine.read


def searched(task, recipe=RECIPE, space=SPACE, store=None):
    """A store with a search "s" of four random trials."""
    home = MemoryStore() if store is None else Store(store)
    evaluator = TrainedEvaluator(task, recipe)
    search(
        space, RandomSearch(space), evaluator, budget=Budget(4), batch_size=2, store=home, name="s"
    )
    return home


def finished(home, task, folder, space=SPACE, **more):
    return finish(home, "s", space, task, folder=folder, **more)


# ---- classes -------------------------------------------------------------------------------------


def test_accuracy_is_that_of_the_saved_network_on_the_test_part(tmp_path):
    """Counted from what `reinas.load` gives for raw examples; the loss is scikit-learn's."""
    metrics = finished(searched(Wine()), Wine(), tmp_path).final.metrics
    part = Wine().test()
    with torch.no_grad():
        logits = reinas.load(tmp_path)(torch.from_numpy(part.x)).double()
    right = sum(int(row.argmax()) == y for row, y in zip(logits, part.y.tolist(), strict=True))
    assert metrics["accuracy"] == pytest.approx(right / len(part), abs=1e-12)
    assert metrics["examples"] == len(part) == 36
    assert metrics["loss"] == pytest.approx(log_loss(part.y, logits.softmax(1)), rel=1e-4)


def test_the_interval_is_wilsons(tmp_path):
    """(p + z^2/2n +- z sqrt(p q / n + z^2/4n^2)) / (1 + z^2/n) with z = 1.96."""
    metrics = finished(searched(Wine()), Wine(), tmp_path, epochs=1).final.metrics
    n, p, z = metrics["examples"], metrics["accuracy"], 1.959963984540054
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = ((p + z**2 / (2 * n) + sign * half) / (1 + z**2 / n) for sign in (-1, 1))
    assert metrics["low"] == pytest.approx(low, rel=1e-9)
    assert metrics["high"] == pytest.approx(high, rel=1e-9)
    assert 0 < low < p < high <= 1


def test_the_parameters_are_those_of_the_network(tmp_path):
    """(13 + 1) w + (w + 1) 3 for the width that was found."""
    done = finished(searched(Wine()), Wine(), tmp_path)
    width = done.architecture.layers[0].width
    assert done.final.metrics["parameters"] == 14 * width + (width + 1) * 3


# ---- numbers -------------------------------------------------------------------------------------


def test_rmse_is_in_the_targets_own_unit(tmp_path):
    """The root of the mean squared difference between raw outputs and raw targets; R squared."""
    metrics = finished(searched(Diabetes()), Diabetes(), tmp_path).final.metrics
    part = Diabetes().test()
    with torch.no_grad():
        out = reinas.load(tmp_path)(torch.from_numpy(part.x)).numpy()
    rmse = math.sqrt(np.mean((out.astype(float) - part.y) ** 2))
    assert metrics["rmse"] == pytest.approx(rmse, rel=1e-4)
    assert 20 < rmse < 200  # the targets go from 25 to 346
    assert metrics["r2"] == pytest.approx(r2_score(part.y, out), abs=1e-4)


@dataclass(frozen=True)
class Two(Diabetes):
    """Diabetes with a second target on a very different scale."""

    outputs: ClassVar[int] = 2

    def parts(self):
        parts = Diabetes().parts()
        return Parts(self._two(parts.train), self._two(parts.valid))

    def test(self):
        return self._two(Diabetes().test())

    @staticmethod
    def _two(part):
        second = 5000 * part.x[:, :1] + 3 * np.sin(part.y)
        return Part(part.x, np.concatenate([part.y, second], 1).astype(np.float32))


def test_rmse_of_two_targets_is_over_both_in_their_units(tmp_path):
    """Each target is put back into its own unit before the errors are squared."""
    metrics = finished(searched(Two()), Two(), tmp_path).final.metrics
    part = Two().test()
    with torch.no_grad():
        out = reinas.load(tmp_path)(torch.from_numpy(part.x)).numpy()
    rmse = math.sqrt(np.mean((out.astype(float) - part.y) ** 2))
    assert metrics["rmse"] == pytest.approx(rmse, rel=1e-3)


# ---- training ------------------------------------------------------------------------------------


def spied(monkeypatch):
    """How many examples, validation examples and epochs each final training has."""
    rows = []
    real = module.fit

    def fit(child, train, valid, recipe, objective, **more):
        rows.append((len(train.x), len(valid.x), recipe.epochs))
        return real(child, train, valid, recipe, objective, **more)

    monkeypatch.setattr(module, "fit", fit)
    return rows


class Told(FinishObserver):
    """Keeps all that it is told."""

    def __init__(self):
        self.points, self.epochs, self.grids = [], [], []

    def grid(self, points, done):
        self.grids.append((points, done))

    def point(self, recipe, outcome):
        self.points.append((recipe, outcome))

    def epoch(self, epoch):
        self.epochs.append(epoch.number)


def test_it_trains_on_the_training_part_and_watches_the_validation_part(monkeypatch, tmp_path):
    """The 36 wines of the test part are in neither; three times a child's epochs at most."""
    rows, told = spied(monkeypatch), Told()
    finished(searched(Wine()), Wine(), tmp_path, observer=told)
    assert rows == [(106, 36, 9)]
    assert told.epochs == list(range(1, len(told.epochs) + 1))
    assert len(told.epochs) <= 9


def test_standardisation_is_by_the_training_part(tmp_path):
    """The saved means and deviations are NumPy's over its 106 rows."""
    finished(searched(Wine()), Wine(), tmp_path)
    saved = load_file(tmp_path / "weights.safetensors")
    x = Wine().parts().train.x.astype(float)
    np.testing.assert_allclose(saved["input_mean"], x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(saved["input_std"], x.std(0), rtol=1e-5)


def test_the_best_network_of_the_search_is_the_one_that_is_finished(tmp_path):
    """The highest reward, whatever its place."""
    home = searched(Wine())
    done = finished(home, Wine(), tmp_path)
    trials = home.get("s").finished()
    assert trials[done.final.trial].outcome.reward == max(t.outcome.reward for t in trials)
    assert done.architecture == SPACE.decode(trials[done.final.trial].answers)


# ---- the grid ------------------------------------------------------------------------------------


def test_the_grid_is_every_combination_of_its_values(tmp_path):
    """Each point is trained once, with the search's other settings and one seed."""
    grid, told = RecipeGrid(learning_rates=(0.1, 0.02), weight_decays=(0, 1e-3, 1e-2)), Told()
    home = searched(Wine())
    finished(home, Wine(), tmp_path, grid=grid, observer=told)
    tried = {(r.learning_rate, r.weight_decay) for r, _ in told.points}
    assert tried == {(a, b) for a in (0.1, 0.02) for b in (0, 1e-3, 1e-2)}
    assert len(told.points) == 6
    assert {r.epochs for r, _ in told.points} == {3}
    assert len({r.seed for r, _ in told.points}) == 1


def test_the_best_point_by_validation_trains_the_network(tmp_path):
    """A rate that cannot learn loses to one that can; the test part has no say."""
    grid = RecipeGrid(learning_rates=(1e-7, 0.05), weight_decays=(1e-4,))
    done = finished(searched(Wine()), Wine(), tmp_path, grid=grid)
    assert done.final.recipe["learning_rate"] == 0.05
    rewards = {
        recipe["learning_rate"]: outcome.reward
        for recipe, outcome in searched_points(tmp_path, grid).values()
    }
    assert rewards[0.05] > rewards[1e-7]


def searched_points(folder, grid):
    home = searched(Wine())
    finished(home, Wine(), folder / "again", grid=grid)
    return home.get("s").points()


def test_finished_points_are_not_trained_again(tmp_path):
    """Killed after two of six, the next call trains the other four and ends alike."""
    grid = RecipeGrid(learning_rates=(0.1, 0.02, 0.005), weight_decays=(0, 1e-3))
    whole = finished(searched(Wine()), Wine(), tmp_path / "a", grid=grid)
    home = searched(Wine(), store=tmp_path / "s.db")

    class Killed(Told):
        def point(self, recipe, outcome):
            super().point(recipe, outcome)
            if len(self.points) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finished(home, Wine(), tmp_path / "b", grid=grid, observer=Killed())
    told = Told()
    done = finished(Store(tmp_path / "s.db"), Wine(), tmp_path / "b", grid=grid, observer=told)
    assert told.grids == [(6, 2)]
    assert len(told.points) == 4
    assert done.final.recipe == whole.final.recipe
    assert done.final.metrics == whole.final.metrics


def test_the_usual_grid_has_the_searchs_own_recipe_in_it():
    """So finishing by the best of them is never worse on validation; 24 points for images."""
    base = Recipe()
    recipes = RecipeGrid().recipes(base, Classification(), normalised=True)
    assert base in recipes
    assert len(set(recipes)) == len(recipes) == 3 * 2 * 2 * 2
    assert len(RecipeGrid().recipes(RECIPE, Classification(), normalised=False)) == 3 * 2


def test_decays_are_when_the_rate_is_first_divided():
    """The second time is half-way from there to the end."""
    recipes = RecipeGrid(decays=(0.6,)).recipes(
        Recipe(epochs=10), Classification(), normalised=False
    )
    assert {r.decay_at for r in recipes} == {(0.6, 0.8)}
    assert [recipes[0].rate(e) for e in (5, 6, 7, 8, 9)] == [1, 0.1, 0.1, 0.01, 0.01]


@pytest.mark.parametrize(
    "bad",
    [
        {"learning_rates": (0.0,)},
        {"learning_rates": (0.1, 0.1)},
        {"weight_decays": (-1e-9,)},
        {"norm_epsilons": (0.0,)},
        {"decays": (1.5,)},
        {"decays": (math.nan,)},
    ],
)
def test_values_that_no_recipe_takes_are_refused(bad):
    """By the key, before anything is trained."""
    with pytest.raises(SettingError, match=rf"grid: {next(iter(bad))} must be"):
        RecipeGrid(**bad)


def test_a_grid_that_cannot_train_is_told(tmp_path):
    """Every recipe diverges: the reason, and nothing is tested."""
    home = searched(Diabetes(), Recipe(learning_rate=0.001, epochs=40, schedule="constant"))
    with pytest.raises(ReinasError, match="no recipe of the grid could train the network: div"):
        finished(home, Diabetes(), tmp_path, grid=RecipeGrid(learning_rates=(900.0,)), epochs=3)
    assert home.get("s").final() is None


def test_a_search_that_is_not_over_is_not_tested_by_accident(read, tmp_path):
    """The test part is measured once, so that has to be asked for."""
    home = searched(CountedWine())
    home.get("s").set_budget(9)
    with pytest.raises(SettingError, match=r"has finished 4 of 9 trials.*set anyway"):
        finished(home, CountedWine(), tmp_path / "a")
    assert read == []
    assert not finished(home, CountedWine(), tmp_path / "a", anyway=True).again


# ---- once ----------------------------------------------------------------------------------------


def test_the_search_never_reads_the_test_part(read):
    """Only `finish` does."""
    searched(CountedWine())
    assert read == []


def test_the_test_part_is_read_once(read, tmp_path):
    """A second call gives the same numbers and bit for bit the same network, and does not read."""
    home = searched(CountedWine())
    first = finished(home, CountedWine(), tmp_path / "a")
    second = finished(home, CountedWine(), tmp_path / "b")
    assert read == [1]
    assert (first.again, second.again) == (False, True)
    assert second.final == first.final
    a, b = (load_file(tmp_path / name / "weights.safetensors") for name in "ab")
    assert a.keys() == b.keys()
    assert all(np.array_equal(a[k], b[k]) for k in a)


def test_it_is_read_once_in_another_process_too(read, tmp_path):
    """The result is in the store's file, not in memory."""
    finished(searched(CountedWine(), store=tmp_path / "s.db"), CountedWine(), tmp_path / "a")
    again = finished(Store(tmp_path / "s.db"), CountedWine(), tmp_path / "b")
    assert again.again
    assert read == [1]


def test_other_epochs_are_refused_the_second_time(read, tmp_path):
    """The message says how long the first training was and why there is no second."""
    home = searched(CountedWine())
    finished(home, CountedWine(), tmp_path / "a", epochs=4)
    with pytest.raises(SettingError, match=r"'s' is finished already, with epochs 4.*once"):
        finished(home, CountedWine(), tmp_path / "b", epochs=5)
    assert read == [1]
    assert not (tmp_path / "b").exists()


HOW = {"grid": RecipeGrid(learning_rates=(0.05, 0.02)), "epochs": 4, "patience": 2}


@pytest.mark.parametrize("how", [HOW, {"grid": None}, {"patience": 3}, {"grid": RecipeGrid()}])
def test_the_same_call_again_gives_the_same_network(read, tmp_path, how):
    """Whatever its options are: they are what gave it."""
    home = searched(CountedWine())
    first = finished(home, CountedWine(), tmp_path / "a", **how)
    assert finished(home, CountedWine(), tmp_path / "b", **how).final == first.final
    assert read == [1]
    a, b = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "ab")
    assert a == b


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"patience": 1}, r"patience cannot become 1: search 's' is finished already, with pati"),
        ({"grid": RecipeGrid(learning_rates=(0.3,))}, r"grid.learning_rates has other recipes: .*"),
        ({"grid": RecipeGrid(weight_decays=(0.3,))}, r"with weight_decay .*once; leave it out"),
        ({"grid": None}, r"grid has other recipes: .*with learning_rate"),
    ],
)
def test_what_cannot_have_given_the_network_is_refused_the_second_time(read, tmp_path, other, said):
    """Nothing is trained, and nothing is written."""
    home = searched(CountedWine())
    finished(home, CountedWine(), tmp_path / "a", **HOW)
    with pytest.raises(SettingError, match=said):
        finished(home, CountedWine(), tmp_path / "b", **{**HOW, **other})
    assert read == [1]
    assert not (tmp_path / "b").exists()


def test_killed_between_the_test_and_the_file_the_same_call_gives_the_network(
    read, tmp_path, monkeypatch
):
    """The result is in the store, so the test part is not read again; the network is made anew."""
    home = searched(CountedWine())

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("reinas.finishing.finish.save", killed)
        with pytest.raises(KeyboardInterrupt):
            finished(home, CountedWine(), tmp_path / "a", **HOW)
    assert finished(home, CountedWine(), tmp_path / "a", **HOW).again
    assert read == [1]
    assert reinas.load(tmp_path / "a").description["metrics"] == home.get("s").final().metrics


def test_without_epochs_the_second_time_gives_the_first_network(read, tmp_path):
    """As the refusal promises: leave the epochs away to get that network again."""
    home = searched(CountedWine())
    first = finished(home, CountedWine(), tmp_path / "a", epochs=4)
    second = finished(home, CountedWine(), tmp_path / "b")
    assert second.again
    assert second.final == first.final
    assert read == [1]


def test_zero_epochs_are_refused(tmp_path):
    """0 is not "as usual"."""
    with pytest.raises(SettingError, match="epochs must be at least 1"):
        finished(searched(Wine()), Wine(), tmp_path, epochs=0)


def test_a_search_that_went_on_keeps_its_tested_network(read, tmp_path):
    """A better network found later does not get a second look at the test part."""
    home = searched(CountedWine())
    first = finished(home, CountedWine(), tmp_path)
    log = home.get("s")
    answers = SPACE.sample(1, 0)[0]
    log.propose(2, [Proposal(4, answers, answers, "text", None)])
    log.record(4, Outcome(1.5))
    assert finished(home, CountedWine(), tmp_path).final.trial == first.final.trial
    assert read == [1]


# ---- saved ---------------------------------------------------------------------------------------


def test_the_saved_network_is_the_formula_on_raw_inputs(tmp_path):
    """Standardise, tanh layer, output layer, back into the unit: from the numbers in the file."""
    finished(searched(Diabetes()), Diabetes(), tmp_path)
    saved = {k: v.astype(float) for k, v in load_file(tmp_path / "weights.safetensors").items()}
    w1, w2 = (v for k, v in sorted(saved.items()) if k.startswith("child") and "weight" in k)
    b1, b2 = (v for k, v in sorted(saved.items()) if k.startswith("child") and "bias" in k)
    x = Diabetes().test().x
    standard = (x - saved["input_mean"]) / saved["input_std"]
    wanted = (np.tanh(standard @ w1.T + b1) @ w2.T + b2) * saved["target_std"]
    with torch.no_grad():
        out = reinas.load(tmp_path)(torch.from_numpy(x))
    np.testing.assert_allclose(out, wanted + saved["target_mean"], rtol=1e-4)


def test_the_description_says_where_the_network_comes_from(tmp_path):
    """Search, trial, recipe and test result, besides what is needed to build it."""
    done = finished(searched(Wine()), Wine(), tmp_path)
    said = json.loads((tmp_path / "network.json").read_text())
    assert said["search"] == "s"
    assert said["trial"] == done.final.trial
    assert said["recipe"] == done.final.recipe
    assert said["metrics"] == done.final.metrics
    assert said["architecture"]["layers"][0]["width"] == done.architecture.layers[0].width
    assert sorted(p.name for p in tmp_path.iterdir()) == ["network.json", "weights.safetensors"]


def test_a_folder_that_cannot_be_made_is_told(read, tmp_path):
    """And the result is not lost: the next call, to another folder, does not test again."""
    (tmp_path / "file").write_text("")
    home = searched(CountedWine())
    with pytest.raises(FileError, match="cannot be written"):
        finished(home, CountedWine(), tmp_path / "file" / "network")
    assert finished(home, CountedWine(), tmp_path / "network").folder == tmp_path / "network"
    assert len(read) <= 1


# ---- failures ------------------------------------------------------------------------------------


def local_objective():
    class Local(Classification):
        name = ""

    return Local()


@dataclass(frozen=True)
class Sized:
    """An architecture with a value that JSON does not have."""

    width: complex


@dataclass(frozen=True)
class OddSpace(reinas.AbstractSpace):
    name = "odd"
    architecture: type = Sized

    @property
    def settings(self):
        return {"name": "odd"}

    @property
    def decisions(self):
        return (reinas.Choice("width", "width", (1, 2)),)

    def decode(self, answers):
        return self.architecture(complex(2 + answers[0]))


def perceptron(architecture, task) -> torch.nn.Module:
    return torch.nn.Linear(13, 3)


@pytest.mark.parametrize(
    ("space", "objective", "message"),
    [
        (SPACE, local_objective(), "could not be saved and loaded again: .*within a function"),
        (OddSpace(), None, "could not be saved and loaded again: .*complex is not JSON"),
        (OddSpace(complex), None, "should be a dataclass; got complex"),
    ],
)
def test_what_could_not_be_saved_is_not_trained_and_not_tested(
    space, objective, message, read, tmp_path, monkeypatch
):
    """The test part is measured once: what could not be kept of it is found out before."""
    if objective is not None:
        monkeypatch.setattr(CountedWine, "objective", objective)
    evaluator = TrainedEvaluator(CountedWine(), RECIPE, build=perceptron)
    home = MemoryStore()
    search(space, RandomSearch(space), evaluator, budget=Budget(2), store=home, name="s")
    with pytest.raises(SettingError, match=message):
        finished(home, CountedWine(), tmp_path / "n", space=space)
    assert read == []
    assert home.get("s").points() == {}
    assert home.get("s").final() is None
    assert not (tmp_path / "n").exists()


def test_a_search_with_failures_only_says_so(tmp_path):
    """And how to see the reasons; nothing is written."""
    wild = Recipe(learning_rate=1e9, epochs=50, schedule="constant")
    home = searched(Diabetes(), wild)
    assert [t.state for t in home.get("s").finished()] == ["failed"] * 4
    with pytest.raises(ReinasError, match=r"no network that could be trained.*`reinas show s`"):
        finished(home, Diabetes(), tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_a_final_training_that_diverges_is_told_and_nothing_is_tested(read, tmp_path, monkeypatch):
    """The message names the epoch; the search is not finished by it."""
    home = searched(CountedWine())
    stopped = Curve((), "diverged: the training loss was nan in epoch 2")
    monkeypatch.setattr(module, "fit", lambda *_, **__: stopped)
    with pytest.raises(ReinasError, match=r"final training diverged.*epoch 2"):
        finished(home, CountedWine(), tmp_path / "net")
    assert read == []
    assert home.get("s").final() is None


def test_an_unknown_search_is_named_with_the_nearest(tmp_path):
    """A slip of the pen costs no training."""
    with pytest.raises(ReinasError, match=r"no search 'ss'.*did you mean 's'"):
        finish(searched(Wine()), "ss", SPACE, Wine(), folder=tmp_path)


def test_the_callers_generator_and_threads_are_left_alone(tmp_path):
    """As in the search."""
    home = searched(Wine())
    before = torch.get_rng_state()
    finished(home, Wine(), tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_final_training_has_all_of_torchs_threads():
    """Children of a search have one; this one is alone."""
    seen = []

    def builder(architecture, task):
        seen.append(torch.get_num_threads())
        return build(architecture, task)

    space = MlpSpace(depth=1, widths=(4,))
    architecture = space.decode(space.sample(1, 0)[0])
    recipe = replace(Wine().recipe, epochs=1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train_final(architecture, Wine(), recipe, builder, lambda epoch: None)
        assert seen[-1] == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
