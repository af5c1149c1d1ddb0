"""What every sampler script has in common: it answers lines of JSON on standard input.

It needs the standard library alone, for it is imported in every sampler's environment.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Choices:
    """One decision.

    Args:
        name: Different for each decision.
        options: How many options it has; answers are 0 to options - 1.
        ordered: Whether the options are numbers in ascending order.
    """

    name: str
    options: int
    ordered: bool


class Asked(Protocol):
    """An optimiser that minimises."""

    def ask(self) -> tuple[Any, dict[str, int]]:
        """The next proposal: whatever `tell` needs of it, and the answers by decision."""

    def tell(self, token: Any, cost: float) -> None:
        """The cost of a proposal."""


Maker = Callable[[Sequence[Choices], int, int], Asked]
"""Makes an optimiser from the decisions, the seed and the number of evaluations to come."""


def main(make: Maker) -> None:
    """Serve an optimiser: `{"ask": true}` gets answers, `{"tell": reward}` is about the last."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the library prints must not come between the answers
    begun = json.loads(sys.stdin.readline())
    choices = [Choices(**decision) for decision in begun["decisions"]]
    optimiser = make(choices, begun["seed"], begun["evaluations"])
    token: Any = None
    for line in sys.stdin:
        message = json.loads(line)
        if "tell" in message:
            optimiser.tell(token, -message["tell"])
        else:
            token, answers = optimiser.ask()
            out.write(json.dumps([int(answers[c.name]) for c in choices]) + "\n")
            out.flush()
