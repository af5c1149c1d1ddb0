"""Several language models as one: mixtures by NumPy, read in windows, saved and loaded."""

import json

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp

from reinas import FoundNetwork, LstmSpace, Text, build, load
from reinas.children.ensemble import LanguageEnsemble, combined
from reinas.export.saved import describe, save
from reinas.fitting.assembly import Member, description_of, joined
from reinas.fitting.selection import select
from reinas.objectives.language import LanguageModelling
from reinas.spaces.lstm import LstmArchitecture
from reinas.types import Outcome, Trial

WEIGHTS = (0.5, 0.3, 0.2)
VOCABULARY = 7
ARCHITECTURES = (
    LstmArchitecture(1, 64, 0.0, tied=True),
    LstmArchitecture(2, 128, 0.1, tied=False),
    LstmArchitecture(3, 64, 0.0, tied=False),
)


class Words:
    """As much of a task as a language model needs."""

    name, inputs, outputs, flags = "words", (), VOCABULARY, ()
    objective = LanguageModelling()


def models():
    """Untrained models of different depths, whose states therefore differ in number."""
    torch.manual_seed(0)
    found = [build(a, Words()).eval() for a in ARCHITECTURES]
    with torch.no_grad():
        for model in found:
            model.bias.normal_()  # otherwise all words are about equally likely
    return found


def text(count=200):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(VOCABULARY, (count + 1,), generator=generator)


def mixture(members, words):
    """The logarithm of the weighted mean of the probabilities, in float64."""
    with torch.no_grad():
        each = np.stack([log_softmax(m(words).double().numpy(), axis=-1) for m in members])
    return logsumexp(each, axis=0, b=np.array(WEIGHTS)[:, None, None, None])


def test_probabilities_are_averaged():
    """Against NumPy; they sum to 1."""
    words = text(30)[:30].view(10, 3)
    members = models()
    found = combined(members, [4 * w for w in WEIGHTS], LanguageModelling())(words).detach()
    np.testing.assert_allclose(found.double().numpy(), mixture(members, words), atol=1e-5)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(10, 3))


@pytest.mark.parametrize("cut", [1, 4, 9])
def test_a_text_may_be_read_in_windows(cut):
    """The states of all members go on."""
    words = text(30)[:30].view(10, 3)
    ensemble = LanguageEnsemble(models(), WEIGHTS, LanguageModelling())
    with torch.no_grad():
        first, state = ensemble.run(words[:cut], ensemble.start(3))
        second, _ = ensemble.run(words[cut:], state)
        torch.testing.assert_close(torch.cat([first, second]), ensemble(words))


def test_what_selection_minimises_is_what_the_ensemble_has():
    """The loss from the members' likelihoods alone, against the loss of the built ensemble."""
    objective, members, x = LanguageModelling(), models(), text()
    evidence = torch.stack([objective.evidence(m, x[:-1], x[1:]) for m in members])
    assert evidence.shape == (3, len(x) - 1)
    ensemble = combined(members, WEIGHTS, objective)
    loss, _ = objective.measure(ensemble, x[:-1], x[1:])
    assert objective.joint_loss(evidence, torch.tensor(WEIGHTS), x[1:]) == pytest.approx(loss)


def test_the_selected_ensemble_is_better_than_each_member():
    """Models that are good at different words: both are taken, and together they win."""
    halves = torch.tensor([0.9, 0.1]).repeat(50)
    evidence = [halves.log(), (1 - halves).log()]
    weights = select(evidence, torch.zeros(100).long(), LanguageModelling(), 2)
    assert weights == {0: 0.5, 1: 0.5}


def test_a_saved_ensemble_is_loaded_again(tmp_path):
    """To the last bit, with its members and weights."""
    folder = tmp_path / "text"
    folder.mkdir()
    for part in ("train", "valid", "test"):
        (folder / f"{part}.txt").write_text("a b c d a c b " * 30)
    task = Text(str(folder))
    space = LstmSpace(widths=(64, 128))
    members = []
    for number, weight in enumerate((0.75, 0.25)):
        torch.manual_seed(number)
        answers = space.sample(1, number)[0]
        child = build(space.decode(answers), task)
        members.append(
            Member(
                Trial(number, 0, answers, Outcome(0.5)), space.decode(answers), weight, child, 1.0
            )
        )
    story = description_of(members, mirror=False)
    description = describe(space, members[0].trial.answers, task, **story)
    scaling = task.scalings(task.parts().train)
    network = FoundNetwork(joined(members, task, mirror=False), *scaling, description).eval()
    save(network, tmp_path / "net")
    found = load(tmp_path / "net")
    words = network.encode("a b c d")
    assert torch.equal(found(words), network(words))
    assert found.predict("a b") == network.predict("a b")
    assert found.description == json.loads(json.dumps(network.description))
