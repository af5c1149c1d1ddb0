"""A plain function as an evaluator: your own training."""

from collections.abc import Callable, Mapping
from typing import Any

from reinas.errors import SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.names import object_name
from reinas.types import A, Job, Outcome


class FunctionEvaluator(AbstractEvaluator[A]):
    """Evaluates by `function(architecture, trial)`, which returns the reward.

    The function may call `trial.report(step, score)` while it trains, and takes all randomness
    from `trial.seed`. What it raises makes the trial a failed one. Worker processes import it, so
    there it has to be defined in a module, not within another function.

    Args:
        function: Takes the architecture and the trial (a `Job`); returns the reward, a number
            where higher is better, or a whole `Outcome`.
        settings: What else changes results, as JSON takes it; compared when a search resumes.

    Raises:
        SettingError: The function cannot be called.
    """

    def __init__(
        self,
        function: Callable[[A, Job[A]], float | Outcome],
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if not callable(function):
            raise SettingError(f"an evaluator takes a function, got {type(function).__name__}")
        self._function = function
        self._settings = dict(settings or {})

    @property
    def settings(self) -> Mapping[str, Any]:
        """The function's name, and what was given."""
        return {"name": "function", "function": object_name(self._function), **self._settings}

    def __call__(self, job: Job[A]) -> Outcome:
        """The function's reward as an outcome."""
        result = self._function(job.architecture, job)
        return result if isinstance(result, Outcome) else Outcome(float(result))
