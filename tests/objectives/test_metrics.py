"""Metrics of one's choice, against scikit-learn, and on their way through a search."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.nn import functional

import reinas as package
from reinas import ArrayTask, Classification, MlpSpace, MultiLabel, Regression, TrainedEvaluator
from reinas.errors import InvalidSettingError
from reinas.objectives.metrics import OF_CLASSES, OF_LABELS, OF_NUMBERS
from reinas.objectives.named import objective_from
from sklearn import metrics as sk


def shifted_error(targets, predictions) -> float:
    """A metric of one's own: the share of classes that are off by no more than one."""
    return float((abs(targets - predictions) <= 1).mean())


def unannotated(targets, predictions):
    """A function that does not say what it returns."""
    return 0.0


def classes(count, n=400):
    """Logits and class numbers, of which some classes are rare."""
    rng = np.random.default_rng(count)
    y = rng.choice(count, n, p=np.arange(1, count + 1) / (count * (count + 1) / 2))
    logits = rng.normal(size=(n, count)) + 1.5 * np.eye(count)[y]
    return torch.from_numpy(logits).float(), torch.from_numpy(y)


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("balanced_accuracy", lambda y, p: sk.balanced_accuracy_score(y, p.argmax(1))),
        ("f1_macro", lambda y, p: sk.f1_score(y, p.argmax(1), average="macro")),
        ("f1_weighted", lambda y, p: sk.f1_score(y, p.argmax(1), average="weighted")),
        ("log_loss", lambda y, p: -sk.log_loss(y, p)),
        (
            "roc_auc",
            lambda y, p: (
                sk.roc_auc_score(y, p[:, 1])
                if p.shape[1] == 2
                else sk.roc_auc_score(y, p / p.sum(1, keepdims=True), multi_class="ovr")
            ),
        ),
    ],
)
def test_metrics_of_classes_are_scikit_learns(count, name, theirs):
    """Scores are higher for better, so the log loss has a minus."""
    logits, y = classes(count)
    probabilities = logits.double().softmax(1).numpy()
    score = Classification(metric=name).measure(nn.Identity(), logits, y)[1]
    assert score == pytest.approx(theirs(y.numpy(), probabilities), rel=1e-5)


def test_the_area_under_the_curve_leaves_out_what_cannot_be_told_apart():
    """A class that the part does not have has no area; of one class there is none at all."""
    logits, y = classes(3)
    logits = torch.cat([logits, torch.zeros(len(y), 1)], 1)
    found = Classification(metric="roc_auc").score(logits, y)
    shares = logits.softmax(1).numpy()
    areas = [sk.roc_auc_score(y.numpy() == c, shares[:, c]) for c in range(3)]
    assert found == pytest.approx(np.mean(areas), rel=1e-6)
    assert Classification(metric="roc_auc").score(logits[:3], torch.ones(3, dtype=int)) == 0.5


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("mae", sk.mean_absolute_error),
        ("mape", sk.mean_absolute_percentage_error),
        ("rmse", sk.root_mean_squared_error),
    ],
)
def test_metrics_of_numbers_are_in_the_targets_own_unit(name, theirs):
    """Although networks see standardised targets."""
    rng = np.random.default_rng(3)
    y = (200 + 30 * rng.standard_normal((60, 1))).astype(np.float32)
    out = y + rng.standard_normal((60, 1)).astype(np.float32)
    scaling = Regression().scale_targets(y)
    objective = Regression(metric=name).in_unit(scaling)
    given = [torch.from_numpy(scaling(values)) for values in (out, y)]
    assert objective.measure(nn.Identity(), *given)[1] == pytest.approx(-theirs(y, out), rel=1e-4)
    assert objective.metrics(0.0, -2.5) == {name: 2.5}
    found = objective.test_metrics(nn.Identity(), *given, scaling)
    assert found[name] == pytest.approx(theirs(y, out), rel=1e-4)
    assert {"r2", "rmse", "loss"} <= found.keys()
    assert name in objective.summary(found).lower()


@pytest.mark.parametrize("name", ["f1_micro", "f1_weighted", "roc_auc"])
def test_metrics_of_labels_are_scikit_learns(name):
    """Each label by itself, then averaged."""
    rng = np.random.default_rng(4)
    y = (rng.random((300, 4)) < [0.1, 0.3, 0.5, 0.9]).astype(np.float32)
    logits = torch.from_numpy(rng.normal(size=y.shape) + 2 * y - 1).float()
    theirs = (
        sk.roc_auc_score(y, logits.sigmoid().numpy())
        if name == "roc_auc"
        else sk.f1_score(y, (logits > 0).numpy(), average=name[3:])
    )
    assert MultiLabel(metric=name).score(logits, torch.from_numpy(y)) == pytest.approx(theirs)


def test_every_metric_of_the_tables_is_what_its_name_says():
    """A perfect prediction is as good as it gets, and nothing is called otherwise."""
    y = np.array([0, 1, 2, 1])
    for name, metric in OF_CLASSES.items():
        given = np.eye(3)[y] if metric.takes == "probabilities" else y
        assert metric.measure(y, given) == (0.0 if metric.falls else 1.0), name
    flags = np.eye(3)
    for name, metric in OF_LABELS.items():
        assert metric.measure(flags, flags) == 1.0, name
    for name, metric in OF_NUMBERS.items():
        assert metric.measure(flags + 1, flags + 1) == (0.0 if metric.falls else 1.0), name


def test_class_weights_are_scikit_learns():
    """The balanced ones; and the loss is the weighted mean that torch computes."""
    rng = np.random.default_rng(5)
    names = rng.choice(["no", "rare", "yes"], 200, p=[0.6, 0.1, 0.3])
    task = ArrayTask(rng.normal(size=(200, 3)), names, class_weight="balanced")
    train = task.parts().train
    expected = compute_class_weight("balanced", classes=np.arange(3), y=train.y)
    assert task.objective.weights == pytest.approx(expected)
    logits, y = torch.randn(20, 3), torch.randint(3, (20,))
    loss = functional.cross_entropy(logits, y, weight=torch.tensor(expected).float())
    assert float(task.objective.loss(logits, y)) == pytest.approx(float(loss))


def test_weights_are_given_by_the_classes_names():
    """A class that is not named has weight 1; one that is not there is said."""
    x, y = np.zeros((40, 2)), ["a", "b"] * 20
    assert ArrayTask(x, y, class_weight={"b": 3}).objective.weights == (1.0, 3.0)
    with pytest.raises(InvalidSettingError, match="'c' is no class: there are a, b"):
        ArrayTask(x, y, class_weight={"c": 3})
    with pytest.raises(InvalidSettingError, match="of class 'a' must be above 0"):
        ArrayTask(x, y, class_weight={"a": 0})
    with pytest.raises(InvalidSettingError, match="is for classes, but this task is regression"):
        ArrayTask(x, np.linspace(0, 1, 40), class_weight="balanced")


def test_a_network_that_ignores_a_rare_class_learns_it_by_weights():
    """The same search, with and without: recall of the rare class."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(600, 2)).astype(np.float32)
    y = ((x[:, 0] + 1.5 * rng.normal(size=600)) > 2.5).astype(int)

    def score(weight):
        task = ArrayTask(x, y, metric="balanced_accuracy", class_weight=weight, split=1)
        found = package.search(
            MlpSpace(depth=1, widths=(16,), activations=("relu",)),
            package.RandomSearch(MlpSpace(depth=1, widths=(16,), activations=("relu",))),
            TrainedEvaluator(task, task.recipe),
            budget=package.Budget(1),
        )
        return found.record.best(1)[0].reward

    assert score("balanced") > score(None) + 0.1


def test_a_metric_goes_through_a_search_to_the_saved_network(tmp_path):
    """As the reward, in the curve, in the trial's metrics, in the test, in network.json."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(120, 3)).astype(np.float32)
    task = ArrayTask(x, 100 + 20 * x[:, 0], metric="mae")
    space = MlpSpace(depth=1, widths=(8,), activations=("tanh",))
    store = package.MemoryStore()
    found = package.search(
        space,
        package.RandomSearch(space),
        TrainedEvaluator(task, task.recipe),
        budget=package.Budget(1),
        store=store,
        name="mae",
    )
    outcome = found.record.best(1)[0].outcome
    scores = [epoch.score for epoch in outcome.curve.epochs]
    assert outcome.reward == max(scores[-5:])
    assert -outcome.metrics["mae"] in scores
    done = package.finish(store, "mae", space, task, folder=tmp_path / "net", grid=None, epochs=5)
    assert done.final.summary.startswith("mae ")
    network = package.load(tmp_path / "net")
    assert network.objective == Regression(metric="mae")


def test_own_metrics_are_recorded_by_their_names():
    """A function of a module is called by its name where it says that it returns a number."""
    name = f"{__name__}:shifted_error"
    assert Classification(metric=shifted_error).settings == {
        "name": "classification",
        "metric": name,
    }
    again = objective_from({"name": "classification", "metric": name})
    logits, y = torch.eye(4), torch.tensor([1, 0, 2, 0])
    assert again.score(logits, y) == Classification(metric=shifted_error).score(logits, y) == 0.75
    assert again.score_name == "shifted_error"
    with pytest.raises(InvalidSettingError, match="the annotation '-> float'"):
        Classification(metric=f"{__name__}:unannotated")
    with pytest.raises(InvalidSettingError, match="at the top of a module"):
        Classification(metric=lambda targets, predictions: 1.0)
    with pytest.raises(InvalidSettingError, match="'f1' is not known: there are mae"):
        Regression(metric="f1")


def test_usual_objectives_are_recorded_as_before():
    """So that earlier stores and networks are the same."""
    for objective in (Classification(), Regression(), MultiLabel()):
        assert objective.settings == {"name": objective.name}
    task = package.Table(path="t.csv", target="y")
    assert not {"metric", "class_weight"} & task.settings.keys()
    task = package.Table(path="t.csv", target="y", metric="mae", class_weight={"a": 2})
    assert task.settings["metric"] == "mae"
    assert task.settings["class_weight"] == (("a", 2.0),)


def test_rewards_that_begin_at_zero_refuse_scores_below_it():
    """They would be 0 for every child."""
    x = np.random.default_rng(0).normal(size=(40, 2))
    task = ArrayTask(x, [0, 1] * 20, metric="log_loss", reward="accuracy")
    with pytest.raises(InvalidSettingError, match="takes scores from 0 up, but -log_loss is below"):
        _ = task.reward_function


def test_from_the_command_line(reinas, tmp_path):
    """A metric, balanced classes, and a name that is none."""
    rows = ["a,b,y", *(f"{n % 7},{n % 3},{'yes' if n % 5 == 0 else 'no'}" for n in range(60))]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    given = ("search", "mlp", "--task", "table:t.csv", "--target", "y", "--trials", "1")
    measured = ("--metric", "f1_macro", "--class-weight", "balanced", "--name", "f")
    status, out, _ = reinas(*given, "--epochs", "1", "--workers", "1", *measured)
    assert (status, "f1_macro" in out) == (0, True)
    status, _, err = reinas(*given, "--metric", "f1")
    assert status == 2
    assert "--metric 'f1' is not known: there are accuracy, balanced_accuracy" in err
