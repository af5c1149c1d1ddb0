"""The schedule of depth (section 4.1): when networks grow, and that a stop changes nothing."""

from typing import ClassVar

import pytest

from helpers import story
from reinas import (
    AbstractEvaluator,
    Budget,
    ConvSpace,
    Growth,
    MlpSpace,
    Outcome,
    RandomSearch,
    Toy,
    ToySpace,
    TrainedEvaluator,
    conv_blocks,
    independent,
    search,
    zoph_le,
)
from reinas.errors import SettingError
from reinas.seeds import derive


class Free(AbstractEvaluator):
    """Costs nothing: a reward drawn from the architecture's text. Keeps every network's depth."""

    settings: ClassVar = {"name": "free"}

    def __init__(self, interrupt=None):
        self.depths = {}
        self.interrupt = interrupt

    def __call__(self, job):
        if self.interrupt is not None and len(self.depths) == self.interrupt:
            raise KeyboardInterrupt
        self.depths[job.trial] = len(job.architecture.layers)
        return Outcome(derive(0, str(job.architecture)) / 2**63)


def test_the_depth_is_the_papers_for_every_sample():
    """6 layers, 2 more every 1,600 samples: 6, 8, ..., 20 over 12,800."""
    growth = Growth()
    assert [growth.depth(k) for k in range(12_800)] == [
        depth for depth in range(6, 21, 2) for _ in range(1600)
    ]


def test_a_search_grows_through_all_eight_depths():
    """Batches of 8 of a space of 20 layers, growing every 16: two batches a depth."""
    evaluator = Free()
    space = ConvSpace(depth=20)
    found = search(
        space,
        RandomSearch(space),
        evaluator,
        budget=Budget(128),
        batch_size=8,
        growth=Growth(every=16),
    )
    expected = [depth for depth in range(6, 21, 2) for _ in range(16)]
    assert [evaluator.depths[k] for k in range(128)] == expected
    begins = {}
    for trial in found.record.finished():
        begins.setdefault(evaluator.depths[trial.number], trial.batch)
        assert len(trial.answers) == space.lengths[evaluator.depths[trial.number] - 1]
    assert begins == {depth: 2 * n for n, depth in enumerate(range(6, 21, 2))}
    assert len(found.best_architecture.layers) == evaluator.depths[found.best_trial.number]


def test_networks_never_grow_deeper_than_the_space():
    """2, 5, then 6 and 6 for ever: the space has six layers."""
    evaluator, space = Free(), ConvSpace(depth=6)
    growth = Growth(start=2, step=3, every=4)
    search(space, RandomSearch(space), evaluator, budget=Budget(24), batch_size=4, growth=growth)
    assert [evaluator.depths[k] for k in range(24)] == [2] * 4 + [5] * 4 + [6] * 16


def test_a_batch_has_one_depth():
    """Batches of three, growing every four: the batch's first sample decides."""
    evaluator, space = Free(), ConvSpace(depth=5)
    growth = Growth(start=1, step=1, every=4)
    search(space, RandomSearch(space), evaluator, budget=Budget(15), batch_size=3, growth=growth)
    depths = [1 + first // 4 for first in (0, 3, 6, 9, 12) for _ in range(3)]
    assert [evaluator.depths[k] for k in range(15)] == depths


SPACES = {
    "conv": ConvSpace(depth=4, heights=(1, 3), widths=(1,), filters=(2, 3)),
    "types": ConvSpace(depth=4, layer_types=True, strides=(1, 2)),
    "rates": ConvSpace(depth=4, learning_rates=(0.1, 0.01)),
    "blocks": conv_blocks(4, pools=(1, 3)),
}
POLICIES = {
    "random": RandomSearch,
    "controller": lambda space: zoph_le(space, learning_rate=0.01, seed=1),
    "independent": lambda space: independent(space, learning_rate=0.1),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_killed_in_the_middle_and_resumed_it_is_as_if_undisturbed(tmp_path, space, policy):
    """Stopped within the second depth and again within the third: the same trials."""
    growth = Growth(start=1, step=1, every=8)

    def run(store, evaluator):
        return search(
            space,
            policy(space),
            evaluator,
            budget=Budget(28),
            batch_size=4,
            seed=2,
            store=store,
            name="s",
            growth=growth,
        )

    whole = run(None, Free())
    store = str(tmp_path / "s.db")
    for interrupt in (10, 9):
        with pytest.raises(KeyboardInterrupt):
            run(store, Free(interrupt))
    assert story(run(store, Free()).record) == story(whole.record)
    assert {len(space.decode(t.answers).layers) for t in whole.record.finished()} == {1, 2, 3, 4}


@pytest.mark.parametrize("other", [None, Growth(start=1, every=8), Growth(start=2, every=4)])
def test_another_growth_on_resume_is_refused(tmp_path, other):
    """Also none at all; the message has the word, and no trial is added."""
    space, store = SPACES["conv"], str(tmp_path / "s.db")

    def run(growth, trials):
        return search(
            space,
            RandomSearch(space),
            Free(),
            budget=Budget(trials),
            store=store,
            name="s",
            growth=growth,
        )

    first = run(Growth(start=2, every=8), 8)
    with pytest.raises(SettingError, match=r"other settings .*growth"):
        run(other, 16)
    assert len(first.record.finished()) == 8


def test_growth_is_refused_where_there_was_none(tmp_path):
    """A search without growth does not begin to grow."""
    space, store = SPACES["conv"], str(tmp_path / "s.db")
    policy = RandomSearch(space)
    search(space, policy, Free(), budget=Budget(8), store=store, name="s")
    with pytest.raises(SettingError, match="growth"):
        search(
            space,
            policy,
            Free(),
            budget=Budget(16),
            store=store,
            name="s",
            growth=Growth(start=1, every=8),
        )


@pytest.mark.parametrize("growth", [Growth(), Growth(start=1)])
@pytest.mark.parametrize("space", [MlpSpace(depth=3), ToySpace()], ids=["mlp", "toy"])
def test_a_space_without_depths_is_refused(space, growth):
    """Names the space, says that another is needed, and does not advise what cannot help."""
    with pytest.raises(SettingError, match=f"growth: .*'{space.name}'") as refused:
        search(space, RandomSearch(space), TrainedEvaluator(Toy()), growth=growth)
    assert "conv" in str(refused.value)
    assert "growth.start=1" not in str(refused.value)


def test_a_start_that_leaves_nothing_to_grow_is_refused():
    """Six layers to begin with in a space of six."""
    with pytest.raises(SettingError, match=r"growth: from 6 layers on.*'conv' has 6"):
        Growth().check(ConvSpace(depth=6))
    Growth().check(ConvSpace(depth=7))
    Growth(start=1).check(ConvSpace(depth=2))


@pytest.mark.parametrize("key", ["start", "step", "every"])
@pytest.mark.parametrize("value", [0, -1])
def test_numbers_that_make_no_growth_are_refused(key, value):
    """The message has the number's name and value."""
    with pytest.raises(SettingError, match=f"growth: {key} must be at least 1, got {value}"):
        Growth(**{key: value})
