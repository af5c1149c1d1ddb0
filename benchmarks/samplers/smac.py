"""SMAC.

Its facade for black boxes of categorical parameters (a random forest, expected improvement with
the log transform), one evaluation per proposal.
"""

# /// script
# dependencies = ["smac==2.4.1"]
# ///

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.samplers.contract import Choices, main


class Smac:
    """SMAC by ask and tell."""

    def __init__(self, choices: Sequence[Choices], seed: int, evaluations: int) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace
        from smac import HyperparameterOptimizationFacade as Facade
        from smac import Scenario

        space = ConfigurationSpace(seed=seed)
        for c in choices:
            space.add(Categorical(c.name, list(range(c.options)), ordered=c.ordered))
        self._folder = TemporaryDirectory()
        scenario = Scenario(
            space,
            deterministic=True,
            n_trials=evaluations,
            seed=seed,
            output_directory=self._folder.name,
        )
        self._smac = Facade(
            scenario,
            lambda config, seed=0: 0.0,
            intensifier=Facade.get_intensifier(scenario, max_config_calls=1),
            overwrite=True,
            logging_level=40,
        )

    def ask(self) -> tuple[Any, dict[str, int]]:
        info = self._smac.ask()
        return info, dict(info.config)

    def tell(self, token: Any, cost: float) -> None:
        from smac.runhistory import TrialValue

        self._smac.tell(token, TrialValue(cost=cost))


if __name__ == "__main__":
    main(Smac)
