"""What the microscope shows, against the policies themselves."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import reinas
from reinas.errors import SettingError
from reinas.policies.policy_gradient import network_of
from reinas.types import Outcome, Trial
from reinas.web import belief_view, gradient_view
from reinas.web.microscope import VIEWS, Microscope
from reinas.web.replay import Replay
from web.conftest import LINKED, ODD, SPACE, searched

SPACES = {"plain": SPACE, "linked": LINKED, "conditions": reinas.MlpSpace()}


@pytest.mark.parametrize("network", ["lstm", "independent"])
@pytest.mark.parametrize("space", SPACES)
def test_the_probabilities_of_all_options_are_those_of_the_scores(space, network):
    """Each option's log-probability is what `scores` says of the answers that have it."""
    decisions = SPACES[space].decisions
    found = network_of(SPACES[space], network, 3)
    with torch.no_grad():
        for parameter in found.parameters():  # away from uniform
            parameter.add_(torch.randn(parameter.shape, generator=torch.manual_seed(0)))
    answers = found.sample(5, len(decisions), torch.manual_seed(1))
    scores = found.scores(answers)[0]
    options = found.options(answers)
    assert [o.shape for o in options] == [(5, d.num_options) for d in decisions]
    for t, log_probs in enumerate(options):
        torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(5))
        picked = log_probs.gather(1, answers[:, t : t + 1])[:, 0]
        live = scores[:, t] != 0
        torch.testing.assert_close(picked[live], scores[:, t][live])
        changed = answers.clone()
        changed[:, t] = 0  # an option that was not drawn, after the same earlier answers
        other = found.scores(changed[:, : t + 1])[0][:, t]
        torch.testing.assert_close(log_probs[live, 0], other[live])


@pytest.mark.parametrize("name", ["controller", ODD, "linked"])
def test_the_policy_is_learned_again_as_it_was(store, name):
    """What it reports of each batch, and its last state, are the study's."""
    record = store.get(name)
    replay = Replay(record, lambda replay, policy: policy.state())
    assert replay.advance(60)
    assert replay.is_exact
    assert replay.learned == len(record.diagnostics())
    _, state = record.snapshot()
    last = replay.before(replay.learned - 1)
    last.update(record.batch(replay.learned - 1))
    for key, value in last.state().items():
        np.testing.assert_allclose(value, state[key], rtol=1e-6, atol=1e-9)


def test_a_moment_is_what_the_update_does(store):
    """Log-probabilities before and after, by hand; advantages add up around the baseline."""
    record = store.get("controller")
    found = Microscope(store).moment("controller", 2, None)
    replay = Replay(record, lambda replay, policy: None)
    replay.advance(60)
    policy, trials = replay.before(2), record.batch(2)
    answers = torch.tensor([t.answers for t in trials])
    before = policy.network.log_prob(answers).detach()
    baseline = policy.baseline.advantages(trials).baseline
    policy.update(trials)
    after = policy.network.log_prob(answers).detach()
    assert found["baseline"] == baseline
    for k, row in enumerate(found["trials"]):
        assert row["trial"] == trials[k].number
        assert row["advantage"] == pytest.approx(row["reward"] - baseline)
        for key, wanted in (("before", before), ("after", after)):
            shown = [0.0 if value is None else value for value in row[key]]
            np.testing.assert_allclose(shown, wanted[k].numpy(), rtol=1e-5, atol=1e-6)


def test_the_norms_are_those_of_autograd():
    """At independent softmaxes the inputs are the parameters, and the loss's gradient is known."""
    policy = reinas.independent(SPACE)
    drawn = policy.propose(6, length=len(SPACE.decisions), seed=1)
    trials = [Trial(n, 0, a, Outcome(0.1 * n)) for n, a in enumerate(drawn)]
    policy.update(trials)
    drawn = policy.propose(6, length=len(SPACE.decisions), seed=2)
    trials = [Trial(n, 1, a, Outcome(0.3 + 0.1 * n)) for n, a in enumerate(drawn)]
    gradient, _ = policy.gradient(trials, policy.baseline)
    (logits,) = gradient
    answers = torch.tensor(drawn)
    active = policy.network._conditions.all_active(answers)
    norms = gradient_view._softmax_gradients(
        policy.network.options(answers), answers, active, policy.baseline.advantages(trials)
    )
    np.testing.assert_allclose(norms, logits.norm(dim=1).numpy(), rtol=1e-5)


def test_probabilities_over_time_begin_uniform_and_agree_with_the_parameters(store):
    """Of independent softmaxes, whose probabilities need no samples."""
    found = Microscope(store).overview(ODD)
    assert found["done"]
    assert found["exact"]
    replay = Replay(store.get(ODD), lambda replay, policy: None)
    replay.advance(60)
    assert found["moments"][0]["batch"] == 0
    last = replay.before(replay.learned - 1)
    last.update(store.get(ODD).batch(replay.learned - 1))
    assert found["moments"][-1]["batch"] == replay.learned  # after the last batch
    for moment, policy in (
        (found["moments"][0], replay.before(0)),
        (found["moments"][-2], replay.before(found["moments"][-2]["batch"])),
        (found["moments"][-1], last),
    ):
        network = policy.network
        for t, decision in enumerate(SPACE.decisions):
            shown = moment["probabilities"][t]
            if shown is None:  # no sample had this decision
                continue
            logits = network.logits[t, : decision.num_options]
            np.testing.assert_allclose(shown, logits.softmax(0).detach().numpy(), atol=2e-4)


def test_links_are_named_by_their_layers(store):
    """So that they can be drawn as a matrix."""
    found = Microscope(store).overview("linked")
    links = [d["link"] for d in found["decisions"] if "link" in d]
    assert links == [[d.source, d.target] for d in LINKED.decisions if hasattr(d, "source")]
    assert links


def test_a_long_replay_comes_in_pieces(store):
    """Without patience nothing is learned, and the next call goes on."""
    replay = Replay(store.get("controller"), lambda replay, policy: None)
    assert not replay.advance(0.0)
    began = replay.learned
    assert replay.advance(60)
    assert replay.learned > began
    with pytest.raises(SettingError, match="batch 5 has not been learned from yet"):
        replay.before(5)


def test_what_bayes_believed_is_its_model(store):
    """Predictions of the proposed trials, the chance to improve, and the slice."""
    found = Microscope(store).moment("bayes", 2, (0, 1))
    replay = Replay(store.get("bayes"), lambda replay, policy: None)
    replay.advance(60)
    policy = replay.before(2)
    model = policy.belief()
    trials = store.get("bayes").batch(2)
    predicted = model.predict(policy._encode([t.answers for t in trials]))
    for k, row in enumerate(found["trials"]):
        assert row["mean"] == pytest.approx(float(predicted.mean[k]), abs=1e-5)
        assert row["deviation"] == pytest.approx(float(predicted.variance[k]) ** 0.5, abs=1e-4)
        assert 0 <= row["chance"] <= 1
    best = policy.best_answers()
    at = found["slice"]["mean"][best[0]][best[1]]
    own = model.predict(policy._encode([best])).mean[0]
    assert at == pytest.approx(float(own), abs=1e-5)


def test_importance_finds_the_decision_that_matters(tmp_path):
    """Where one decision alone makes the reward."""
    space = reinas.ProductSpace({"matters": [0, 1, 2], "idle": [0, 1, 2], "also_idle": [0, 1]})
    store = reinas.Store(tmp_path / "s.db")
    from reinas.evaluators.function import FunctionEvaluator

    reinas.search(
        space,
        reinas.BayesianSearch(space, start=8),
        FunctionEvaluator(lambda a, job: float(dict(a.values)["matters"])),
        budget=reinas.Budget(14),
        store=store,
        name="one",
        batch_size=2,
    )
    moment = Microscope(store).overview("one")["moments"][-1]
    assert moment["importance"][0] > 0.8
    assert max(moment["importance"][1:]) < 0.2
    assert np.argmax(moment["effects"][0]) == 2


def test_what_cannot_be_replayed_is_said(tmp_path, store):
    """A space that only a program knows; a policy without anything to look at."""
    mine = reinas.Store(tmp_path / "s.db")
    settings = {"space": {"name": "nobody:Space"}, "policy": {"name": "independent"}}
    mine.create("unknown", settings, 3)
    with pytest.raises(SettingError, match="known only to the program"):
        Microscope(mine).overview("unknown")
    with pytest.raises(SettingError, match="nor parents to look at"):
        Microscope(store).overview("random")


def test_all_views_know_their_policies():
    """And not each other's."""
    gradient, belief = reinas.zoph_le(SPACE), reinas.BayesianSearch(SPACE)
    assert gradient_view.is_shown(gradient)
    assert not gradient_view.is_shown(belief)
    assert belief_view.is_shown(belief)
    assert not belief_view.is_shown(gradient)
    evolution = reinas.Evolution(SPACE)
    assert [view.is_shown(evolution) for view in VIEWS] == [False, False, True]


def test_a_study_that_goes_on_is_followed_from_where_the_replay_is(tmp_path):
    """The next look learns only the new batches."""
    store = reinas.Store(tmp_path / "s.db")
    policy = reinas.independent(SPACE)
    searched(store, SPACE, policy, "grows", trials=16)
    microscope = Microscope(store)
    assert microscope.overview("grows")["learned"] == 2
    searched(store, SPACE, reinas.independent(SPACE), "grows", trials=32)
    found = microscope.overview("grows")
    assert found["learned"] == 4
    assert found["exact"]


# ---- families ------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_family_is_the_one_that_evolution_took(tmp_path, batch_size, monkeypatch):
    """Parents as the search itself took them, by their answers."""
    store = reinas.Store(tmp_path / "s.db")
    policy = reinas.Evolution(LINKED, population=6, sample=3)
    taken, original = [], reinas.Evolution.descent

    def remembering(self, count, *, length, seed):
        found = original(self, count, length=length, seed=seed)
        dead = self._count - len(self._answers)
        if self is policy:
            taken.append(
                [None if place is None else self._answers[place - dead] for _, place in found]
            )
        return found

    monkeypatch.setattr(reinas.Evolution, "descent", remembering)
    searched(store, LINKED, policy, "family", trials=30, batch_size=batch_size)
    record = store.get("family")
    found = Microscope(store).overview("family")
    assert found["done"]
    answers = {t.number: t.answers for t in record.finished()}
    shown = [None if parent is None else answers[parent] for _, parent, *_ in found["nodes"]]
    assert shown == [parent for batch in taken for parent in batch]
    assert [number for number, *_ in found["nodes"]] == sorted(answers)
    assert sum(parent is None for parent in shown) == 6
    rewards = {t.number: t.outcome.value for t in record.finished()}
    assert all(reward == rewards[number] for number, _, reward, _ in found["nodes"])


def test_a_line_goes_from_a_founder_to_the_trial_and_says_what_changed(store):
    """Each step changes its parent's answers into its own."""
    microscope = Microscope(store)
    parents = {number: parent for number, parent, *_ in microscope.overview("evolution-0")["nodes"]}
    (found,) = microscope.moment("evolution-0", 19, None)["trials"]
    line = found["line"]
    assert line[-1]["trial"] == 19
    assert parents[line[0]["trial"]] is None
    assert len(line) > 1
    names = [d.name for d in SPACE.decisions]
    for before, after in pairwise(line):
        assert parents[after["trial"]] == before["trial"]
        one, other = (store.get("evolution-0").trial(x["trial"]).answers for x in (before, after))
        changed = [n for n, a, b in zip(names, one, other, strict=True) if a != b]
        assert [name for name, _, _ in after["changes"]] == changed


def test_local_search_has_its_centre_as_parent(tmp_path):
    """Neighbours differ in one answer."""
    store = reinas.Store(tmp_path / "s.db")
    searched(store, SPACE, reinas.LocalSearch(SPACE, starts=3), "local", trials=12)
    nodes = Microscope(store).overview("local")["nodes"]
    assert [parent for _, parent, *_ in nodes[:3]] == [None, None, None]
    assert nodes[3][1] == max(nodes[:3], key=lambda row: row[2])[0]
