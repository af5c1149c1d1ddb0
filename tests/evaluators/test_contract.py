"""reinas's own evaluators keep what an evaluator promises."""

from dataclasses import replace

from helpers import SPACE
from reinas import (
    FunctionEvaluator,
    MlpSpace,
    NasBench201Space,
    TabularEvaluator,
    TrainedEvaluator,
    Wine,
)
from reinas.seeds import derive
from reinas.tables.landscape import Landscape
from reinas.testing import EvaluatorContract


def reported(architecture, trial):
    """A function that reports while it trains."""
    for step in (1, 2):
        trial.report(step, step / 10)
    return derive(trial.seed, str(architecture)) / 2**63


class TestTrained(EvaluatorContract):
    """Trained children."""

    def make(self):
        return TrainedEvaluator(Wine(), replace(Wine().recipe, epochs=2))

    def architectures(self):
        space = MlpSpace(depth=1, widths=(4, 8))
        return [space.decode(answers) for answers in space.enumerate()][:3]


class TestTabular(EvaluatorContract):
    """A made table."""

    def make(self):
        return TabularEvaluator(Landscape(decisions=3, options=2), "mean")

    def architectures(self):
        space = self.make().table.space
        return [space.decode(answers) for answers in space.enumerate()]


class TestFunction(EvaluatorContract):
    """A plain function."""

    def make(self):
        return FunctionEvaluator(reported, {"version": 1})

    def architectures(self):
        return [SPACE.decode(answers) for answers in SPACE.sample(4, 0)]


def test_a_function_is_recorded_by_its_name_and_settings():
    """So a search with another function is another search."""
    settings = FunctionEvaluator(reported, {"version": 1}).settings
    assert settings["function"] == f"{__name__}:reported"
    assert settings["version"] == 1
    assert NasBench201Space().name == "nasbench201"
