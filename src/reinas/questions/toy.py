"""The review's toy example: its children, its objective, and where descent on it ends.

The review is a statistician's blog post on the paper, https://github.com/miruetoto/miruetoto.github.io,
`_posts/2019-06-22-NAS.md`; docs/review.md discusses the example.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reinas.errors import ReinasError
from reinas.evaluators.trained import TrainedEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.policies.reinforce import Reinforce
from reinas.policies.toy_controller import ReviewController
from reinas.seeds import derive
from reinas.spaces.toy import ToySpace
from reinas.tasks.toy import Toy
from reinas.types import Answers, Job, Outcome, Trial

Theta = tuple[float, float, float, float, float]
"""The controller's parameters (c, w1, b1, w2, b2)."""
Losses = dict[Answers, float]
"""The loss of each of the four children."""

REVIEW_LOSSES: Losses = {(0, 0): 0.0535, (0, 1): 91.1902, (1, 0): 0.3961, (1, 1): 34.4771}
"""The losses that the review prints, of one run each; indices (h, g), 0 linear, 1 sigmoid."""

REVIEW_STARTS: tuple[Theta, ...] = ((-8, 77, 77, 0, -8), (5, 1, 1, 5, 5), (15, 0, 0, 3, -15))
"""The parameters from which the review descends."""

STEPS, RATE = 100_000, 1.0  # of the descent: enough to leave the last plateau


@dataclass(frozen=True)
class DescentPoint:
    """A point of the descent.

    Args:
        step: Number of steps so far.
        theta: The parameters.
        expected: J(theta), the expected loss.
        gradient_norm: Euclidean norm of J's gradient.
        first: P(A1 = 1).
        second: P(A2 = 1 | A1 = 0) and P(A2 = 1 | A1 = 1).
    """

    step: int
    theta: Theta
    expected: float
    gradient_norm: float
    first: float
    second: tuple[float, float]

    @property
    def likeliest(self) -> Answers:
        """The child with the highest probability."""
        options = {
            (a1, a2): (self.first if a1 else 1 - self.first)
            * (self.second[a1] if a2 else 1 - self.second[a1])
            for a1 in (0, 1)
            for a2 in (0, 1)
        }
        return max(options, key=options.__getitem__)


def train_children(
    seeds: int,
    executor: AbstractExecutor,
    *,
    seed: int = 0,
    on_child: Callable[[], None] | None = None,
) -> dict[Answers, list[float]]:
    """Train each of the four children with several seeds.

    Args:
        seeds: Number of training seeds per child.
        executor: Where the children are trained.
        seed: Derives the training seeds.
        on_child: Called when a child is trained.

    Returns:
        The final losses of each child, one per training seed.

    Raises:
        ReinasError: A child could not be trained.
    """
    space = ToySpace()
    answers = list(space.enumerate())
    jobs = [
        Job(number, space.decode(answers[number % 4]), derive(seed, "toy", number // 4))
        for number in range(4 * seeds)
    ]
    losses: dict[int, float] = {}
    for job, outcome in executor.run(TrainedEvaluator(Toy()), jobs):
        if outcome.error:
            raise ReinasError(f"a toy child could not be trained: {outcome.error}")
        losses[job.trial] = outcome.metrics["loss"]
        if on_child is not None:
            on_child()
    return {a: [losses[n] for n in range(k, 4 * seeds, 4)] for k, a in enumerate(answers)}


def sigmoid(z: float) -> float:
    """1 / (1 + exp(-z)), without overflow."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def closed_form(theta: Theta, losses: Losses) -> tuple[DescentPoint, Theta]:
    """J(theta) = sum over a1, a2 of r(a1, a2) P(a2 | a1) P(a1), and its gradient in closed form.

    The controller is the review's: P(A1 = 1) = sigmoid(c), P(A2 = 1 | A1 = a) = sigmoid(w2
    tanh(w1 a + b1) + b2), theta = (c, w1, b1, w2, b2).

    Args:
        theta: The parameters.
        losses: r.

    Returns:
        The point, with step 0, and the gradient.
    """
    c, w1, b1, w2, b2 = theta
    hidden = (math.tanh(b1), math.tanh(w1 + b1))
    first = sigmoid(c)
    second = (sigmoid(w2 * hidden[0] + b2), sigmoid(w2 * hidden[1] + b2))
    given = [losses[a, 0] * (1 - second[a]) + losses[a, 1] * second[a] for a in (0, 1)]
    weight = (1 - first, first)
    # dJ / d(logit of A2 given A1 = a)
    slope = [
        weight[a] * (losses[a, 1] - losses[a, 0]) * second[a] * (1 - second[a]) for a in (0, 1)
    ]
    inner = [slope[a] * w2 * (1 - hidden[a] ** 2) for a in (0, 1)]
    gradient = (
        first * (1 - first) * (given[1] - given[0]),
        inner[1],
        inner[0] + inner[1],
        slope[0] * hidden[0] + slope[1] * hidden[1],
        slope[0] + slope[1],
    )
    expected = weight[0] * given[0] + weight[1] * given[1]
    norm = math.sqrt(sum(g * g for g in gradient))
    return DescentPoint(0, theta, expected, norm, first, second), gradient


def descend(
    start: Theta, losses: Losses, steps: int = STEPS, rate: float = RATE
) -> Iterator[DescentPoint]:
    """Gradient descent on J.

    Args:
        start: The initial parameters.
        losses: The children's losses.
        steps: Number of steps.
        rate: Step size.

    Yields:
        The points at steps 0, 1, 2, 5, 10, 20, 50, ... and the last.
    """
    theta = start
    marks = {int(m * 10**e) for e in range(9) for m in (1, 2, 5)} | {0, steps}
    for step in range(steps + 1):
        point, gradient = closed_form(theta, losses)
        if step in marks:
            yield replace(point, step=step)
        c, w1, b1, w2, b2 = (x - rate * g for x, g in zip(theta, gradient, strict=True))
        theta = (c, w1, b1, w2, b2)


def reinforce(
    losses: Losses, *, seed: int, marks: Sequence[int] = (500, 2000), children: int = 8
) -> Iterator[DescentPoint]:
    """REINFORCE with the review's controller, from a random start near 0 (section 3.2).

    It maximises R = -loss, which minimises E[loss].

    Args:
        losses: The children's losses.
        seed: Draws the start and the children.
        marks: Numbers of batches after which to yield a point.
        children: Number of children per batch.

    Yields:
        The points at `marks`.
    """
    start = np.random.default_rng(derive(seed, "toy", "start")).uniform(-0.08, 0.08, 5)
    network = ReviewController(start.tolist())
    policy = Reinforce(network, {"name": "review"}, learning_rate=0.05, decay=0.95)
    for batch in range(max(marks)):
        drawn = policy.propose(children, length=2, seed=derive(seed, "toy", "propose", batch))
        policy.update([Trial(k, batch, a, Outcome(-losses[a])) for k, a in enumerate(drawn)])
        if batch + 1 in marks:
            c, w1, b1, w2, b2 = network.theta.tolist()
            yield replace(closed_form((c, w1, b1, w2, b2), losses)[0], step=batch + 1)


def stations(points: Sequence[DescentPoint]) -> list[tuple[Answers, int, DescentPoint]]:
    """Group the points of a descent by their likeliest child.

    Args:
        points: In order.

    Returns:
        The child, the first step at which it is the likeliest, and the last such point; one
        entry per change.
    """
    result: list[tuple[Answers, int, DescentPoint]] = []
    for point in points:
        if result and result[-1][0] == point.likeliest:
            result[-1] = (point.likeliest, result[-1][1], point)
        else:
            result.append((point.likeliest, point.step, point))
    return result
