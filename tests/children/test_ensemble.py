"""Several networks as one, against NumPy; saved and loaded."""

import json

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from torch import nn

from reinas import ArrayTask, FoundNetwork, MlpSpace, StagesSpace, build, load
from reinas.children.ensemble import Ensemble
from reinas.errors import FileError
from reinas.export.saved import describe, save
from reinas.fitting.assembly import Member, description_of, joined
from reinas.objectives.classification import Classification
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression
from reinas.types import Outcome, Trial

WEIGHTS = (0.5, 0.3, 0.2)


def linear(count=3, inputs=5, outputs=4):
    torch.manual_seed(0)
    return [nn.Linear(inputs, outputs) for _ in range(count)]


def by_numpy(members, x):
    """The outputs of each, [K, B, outputs], in float64."""
    return np.stack(
        [
            x @ m.weight.detach().double().numpy().T + m.bias.detach().double().numpy()
            for m in members
        ]
    )


EXAMPLES = np.random.default_rng(0).standard_normal((9, 5))


@pytest.mark.parametrize("scale", [1.0, 7.0])
@pytest.mark.parametrize(
    ("objective", "meaning"),
    [
        (Classification(), lambda outputs: softmax(outputs, axis=-1)),
        (MultiLabel(), expit),
        (Regression(), lambda outputs: outputs),
    ],
)
def test_what_the_outputs_mean_is_the_weighted_mean(objective, meaning, scale):
    """Probabilities of classes, of labels, and numbers; weights count by their share."""
    members = linear()
    x = torch.from_numpy(EXAMPLES).float()
    found = Ensemble(members, [scale * w for w in WEIGHTS], objective)(x).detach().double().numpy()
    wanted = np.average(meaning(by_numpy(members, EXAMPLES)), axis=0, weights=WEIGHTS)
    np.testing.assert_allclose(meaning(found), wanted, rtol=1e-4, atol=1e-6)


def test_one_network_is_itself():
    """Its probabilities."""
    (member,) = linear(1)
    x = torch.from_numpy(EXAMPLES).float()
    found = Ensemble([member], [3.0], Classification())(x)
    torch.testing.assert_close(found.softmax(1), member(x).softmax(1))


class Image(nn.Module):
    """Sees left and right differently."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.inner = nn.Linear(12, 3)

    def forward(self, x):
        return self.inner(x.flatten(1))


@pytest.mark.parametrize("weights", [(1.0,), (0.75, 0.25)])
def test_with_mirror_every_network_sees_both_sides(weights):
    """The mean over each image and its columns reversed, by NumPy."""
    members = [Image(seed) for seed in range(len(weights))]
    x = torch.randn(6, 1, 3, 4, generator=torch.Generator().manual_seed(2))
    both = [
        w / 2 * softmax(m(view).detach().double().numpy(), axis=1)
        for m, w in zip(members, weights, strict=True)
        for view in (x, x[..., [3, 2, 1, 0]])
    ]
    ensemble = Ensemble(members, weights, Classification(), mirror=True)
    found = softmax(ensemble(x).detach().double().numpy(), axis=1)
    np.testing.assert_allclose(found, sum(both), rtol=1e-4, atol=1e-6)
    mirrored = softmax(ensemble(x.flip(-1)).detach().double().numpy(), axis=1)
    np.testing.assert_allclose(mirrored, found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mirror", [False, True])
def test_combined_logits_are_logarithms_of_probabilities(mirror):
    """They sum to 1, with mirror images as without."""
    ensemble = Ensemble([Image(0), Image(1)], (0.75, 0.25), Classification(), mirror=mirror)
    sums = ensemble(torch.randn(6, 1, 3, 4)).exp().sum(1)
    torch.testing.assert_close(sums, torch.ones(6))


def test_weights_belong_to_the_state_and_are_not_trained():
    """They sum to 1."""
    ensemble = Ensemble(linear(), (2.0, 1.0, 1.0), Classification())
    assert ensemble.state_dict()["weights"].tolist() == [0.5, 0.25, 0.25]
    assert "weights" not in dict(ensemble.named_parameters())


TABLE = MlpSpace(depth=2, widths=(4, 8))
PHOTOS = StagesSpace(stages=2, widths=(8,), depths=(1, 2))


def task_of(shape):
    """Classes at random, for inputs of a shape."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, *shape)).astype(np.float32)
    return ArrayTask(x, np.arange(40) % 3, objective=Classification())


def saved(space, task, folder, weights, mirror):
    """An ensemble of untrained networks with drawn statistics, saved as `fit` saves it."""
    members = []
    for number, weight in enumerate(weights):
        torch.manual_seed(number)
        answers = space.sample(1, number)[0]
        child = build(space.decode(answers), task)
        for key, value in child.state_dict().items():
            if "running" in key:
                value.copy_(torch.rand(value.shape) + 0.5)
        trial = Trial(number, 0, answers, Outcome(0.5))
        members.append(Member(trial, space.decode(answers), weight, child, passes=1.0))
    story = description_of(members, mirror=mirror)
    description = describe(space, members[0].trial.answers, task, **story)
    scaling = task.scalings(task.parts().train)
    network = FoundNetwork(joined(members, task, mirror=mirror), *scaling, description).eval()
    save(network, folder)
    return network


@pytest.mark.parametrize(
    ("space", "shape", "weights", "mirror"),
    [
        (TABLE, (6,), (0.5, 0.35, 0.15), False),
        (PHOTOS, (3, 8, 8), (0.6, 0.4), True),
        (PHOTOS, (3, 28, 28), (0.6, 0.4), True),
        (PHOTOS, (3, 8, 8), (1.0,), True),
        (PHOTOS, (3, 28, 28), (1.0,), False),
    ],
)
def test_a_loaded_ensemble_is_the_saved_one(space, shape, weights, mirror, tmp_path):
    """To the last bit the same outputs on raw examples, and the same description."""
    task = task_of(shape)
    network = saved(space, task, tmp_path, weights, mirror)
    found = load(tmp_path)
    x = torch.from_numpy(task.test().x)
    assert torch.equal(found(x), network(x))
    assert found.description == json.loads(json.dumps(network.description))
    assert not any(module.training for module in found.modules())


def test_the_description_names_every_member(tmp_path):
    """Its trial, its answers and its weight; the mean of its networks is what it computes."""
    task = task_of((6,))
    network = saved(TABLE, task, tmp_path, (0.75, 0.25), mirror=False)
    members = network.description["members"]
    assert [(m["trial"], m["weight"]) for m in members] == [(0, 0.75), (1, 0.25)]
    x = torch.from_numpy(task.test().x)
    inner = (x - network.input_mean) / network.input_std
    both = [child(inner).softmax(1) for child in network.child.members]
    torch.testing.assert_close(network(x).softmax(1), 0.75 * both[0] + 0.25 * both[1])


@pytest.mark.parametrize("damage", ["weight", "answers", "missing", "more"])
def test_a_description_that_does_not_fit_the_weights_is_refused(damage, tmp_path):
    """Another number of members, other architectures, or an entry that is not there."""
    saved(TABLE, task_of((6,)), tmp_path, (0.75, 0.25), mirror=False)
    path = tmp_path / "network.json"
    description = json.loads(path.read_text())
    members = description["members"]
    match damage:
        case "weight":
            del members[0]["weight"]
        case "answers":
            members[0]["answers"] = [0] * len(members[0]["answers"])
            members[0]["answers"][1] = 1
        case "missing":
            members.pop()
        case "more":
            members.append(members[0])
    path.write_text(json.dumps(description))
    with pytest.raises(FileError, match="is not a whole network of reinas"):
        load(tmp_path)
