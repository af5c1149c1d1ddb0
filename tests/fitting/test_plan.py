"""What `fit` plans for which data: spaces that build, and starts that lie in them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from reinas import ConvSpace, build
from reinas.children import adjust_recipe
from reinas.errors import SettingError
from reinas.fitting.plan import Plan, plan_for
from reinas.spaces.base import check_decisions
from reinas.spaces.stages import StagesSpace
from reinas.tasks.base import Part, Parts
from reinas.tasks.recipes import Recipe


@dataclass(frozen=True)
class Shaped:
    """A task of which nothing but the shapes is known."""

    inputs: tuple[int, ...]
    outputs: int = 5
    name: str = "shaped"

    def parts(self):
        """Enough examples of a table for a size of batches."""
        part = Part(np.zeros((1000, *self.inputs)), np.zeros(1000))
        return Parts(part, part)


IMAGES = [(channels, side, side) for channels in (1, 3) for side in (8, 16, 28, 32, 64, 96, 224)]
ODD_IMAGES = [(3, 9, 200), (1, 3, 3), (2, 1, 40), (3, 50, 49)]
SERIES = [(1, 5), (2, 50), (12, 128), (1, 1000), (3, 5000)]
TABLES = [(1,), (13,), (500,)]
EVERYTHING = [*IMAGES, *ODD_IMAGES, *SERIES, *TABLES, ()]


def outputs(architecture, task):
    """The shape of what a network gives for two examples; nothing is computed."""
    with torch.device("meta"):
        child = build(architecture, task)
        x = torch.zeros(2, *task.inputs) if task.inputs else torch.zeros(3, 2).long()
        return tuple(child(x).shape)


@pytest.mark.parametrize("inputs", [*IMAGES[::3], *ODD_IMAGES, *SERIES, *TABLES, ()])
def test_whatever_is_in_the_space_builds_and_runs(inputs):
    """Two architectures at random, on shapes alone."""
    task = Shaped(inputs, 50)
    plan = plan_for(task)
    check_decisions(plan.space.decisions)
    for answers in plan.space.sample(2, 0):
        shape = outputs(plan.space.decode(answers), task)
        assert shape == ((2, 50) if inputs else (3, 2, 50))


@pytest.mark.parametrize("inputs", [*IMAGES, *ODD_IMAGES, *SERIES])
def test_starts_are_in_the_space_and_run(inputs):
    """They encode and decode back, differ, and map the task's inputs to its outputs."""
    task = Shaped(inputs)
    plan = plan_for(task)
    answers = [plan.space.encode(start) for start in plan.starts]
    assert [plan.space.decode(each) for each in answers] == list(plan.starts)
    assert len(set(answers)) == len(answers) >= 2
    assert all(outputs(start, task) == (2, 5) for start in plan.starts)


@pytest.mark.parametrize("inputs", [(1, 8, 8), (3, 9, 12), (2, 30)])
def test_starts_take_a_step_of_training(inputs):
    """A finite loss, and finite gradients, on real numbers."""
    task = Shaped(inputs)
    torch.manual_seed(0)
    for start in plan_for(task).starts:
        child = build(start, task)
        loss = torch.nn.functional.cross_entropy(
            child(torch.randn(4, *inputs)), torch.tensor([0, 1, 2, 3])
        )
        loss.backward()
        assert all(bool(p.grad.isfinite().all()) for p in child.parameters())


@pytest.mark.parametrize(
    ("side", "stem", "stages"),
    [(8, 1, 2), (16, 1, 2), (28, 1, 3), (32, 1, 3), (64, 1, 4), (96, 2, 4), (224, 4, 4)],
)
def test_stem_and_stages_keep_four_to_eight_positions_per_side(side, stem, stages):
    """Worked by hand: the last stage sees side / stem / 2^(stages - 1) positions."""
    space = plan_for(Shaped((3, side, side))).space
    assert isinstance(space, StagesSpace)
    assert (space.stems, space.stages) == ((stem, 2 * stem), stages)
    assert 4 <= side / stem / 2 ** (stages - 1) <= 8


def test_starts_double_their_width_from_stage_to_stage():
    """As ResNet does (He et al. 2016); for 32 x 32 pixels, three stages."""
    widths = [[stage.width for stage in s.stages] for s in plan_for(Shaped((3, 32, 32))).starts]
    assert widths == [[w, 2 * w, 4 * w] for w in (16, 24, 32, 48, 64, 96)]


@pytest.mark.parametrize("inputs", EVERYTHING)
def test_recipes_fit_their_data(inputs):
    """Only photos (three channels) are mirrored, only images are shifted, by a share of a side."""
    plan = plan_for(Shaped(inputs))
    is_image, is_photo = len(inputs) == 3, len(inputs) == 3 and inputs[0] == 3
    assert plan.recipe.flip is is_photo
    assert plan.mirror is is_photo
    assert (plan.recipe.pad > 0) is is_image
    assert plan.recipe.patience > 0
    assert Recipe(**plan.recipe.settings) == plan.recipe


@pytest.mark.parametrize("inputs", SERIES)
def test_series_have_networks_of_one_dimension(inputs):
    """Space and starts."""
    plan = plan_for(Shaped(inputs))
    assert plan.space.dimensions == 1
    assert {start.dimensions for start in plan.starts} == {1}


def test_tables_are_trained_whole_and_text_is_not():
    """Perceptrons train in seconds, and many of them make the ensemble."""
    text, table = plan_for(Shaped(())), plan_for(Shaped((4,)))
    assert (text.members, text.by_recipe) == (4, False)
    assert (table.members > 1, table.by_recipe) == (True, True)


@pytest.mark.parametrize("inputs", [(3, 4, 8, 8), (1, 2, 3, 4, 5)])
def test_examples_of_more_axes_are_refused(inputs):
    """The message says what is taken, and what came."""
    with pytest.raises(SettingError) as caught:
        plan_for(Shaped(inputs))
    assert str(caught.value) == (
        "fit takes tables, series (channels, time), images (channels, height, width) and text, but"
        f" task 'shaped' gives examples of shape {inputs}"
    )


def test_a_plan_of_ones_own_needs_a_space_and_a_recipe():
    """Everything else has a value; the recipe is the architecture's to change."""
    space = ConvSpace(depth=2)
    plan = Plan(space, Recipe())
    assert (plan.starts, plan.by_recipe, plan.mirror) == ((), False, False)
    architecture = space.decode(space.sample(1, 0)[0])
    assert adjust_recipe(architecture, plan.recipe) == plan.recipe
