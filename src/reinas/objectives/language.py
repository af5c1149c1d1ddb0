"""The next token of a text (Zoph & Le 2016, section 4.2)."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

from numpy.typing import NDArray

from reinas.objectives.base import Objective
from reinas.objectives.shared import check_type, weighted_mean_log

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from reinas.tasks.recipes import Recipe

EVALUATION_STEPS, EVALUATION_STREAMS = 70, 20
"""Length of a window and number of pieces read side by side where no gradient is needed."""
MIN_PIECE = 64
"""Tokens per piece at least; shorter pieces would mostly be read without context."""
MAX_EXPONENT = 700.0
"""e to this, a perplexity, is still a number."""


@final
@dataclass(frozen=True)
class LanguageModelling(Objective):
    """The next token: cross-entropy in nats per token, scored by the tokens' probability.

    Inputs are tokens, int64 [N], and targets the tokens that follow them. The network has
    `start(batch) -> state` and `run(words [T, B], state) -> (logits [T, B, vocabulary], state)`.

    Args:
        level: What a token is; decides between perplexity and bits per character.
    """

    level: Literal["word", "char"] = "word"
    name: ClassVar[str] = "language"
    score_name: ClassVar[str] = "probability"
    tokens: ClassVar[bool] = True

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """The mean cross-entropy of logits [..., vocabulary] and int64 [...], in nats per token."""
        from torch.nn import functional

        return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())

    def score(self, outputs: "Tensor", targets: "Tensor") -> float:
        """The geometric mean of the tokens' probabilities: 1 / perplexity."""
        return math.exp(-float(self.loss(outputs, targets)))

    def check_targets(self, where: str, y: NDArray[Any], outputs: int) -> None:
        """Check that the targets are tokens, int64 [N].

        Raises:
            SettingError: They are not.
        """
        check_type(where, y, "int64", ())

    def training_losses(
        self,
        child: "nn.Module",
        x: "Tensor",
        y: "Tensor",
        recipe: "Recipe",
        generator: "torch.Generator",
        augment: Callable[["Tensor"], "Tensor"],
    ) -> Iterator[tuple["Tensor", int]]:
        """One pass over the text, in its order, with truncated back-propagation through time.

        Args:
            child: The language model, in training mode.
            x: Tokens, int64 [N].
            y: The tokens that follow them, int64 [N].
            recipe: Has the number of sequences side by side and the length of a window.
            generator: Draws where the pass begins, if the recipe shifts it.
            augment: Not used.

        Yields:
            The mean loss of a window, and the number of tokens in it.
        """
        import torch

        model: Any = child
        if recipe.shift:
            first = int(torch.randint(len(x), (), generator=generator))
            x, y = x.roll(-first), y.roll(-first)
        pairs = windows(x, y, recipe.batch_size, recipe.steps)
        state = model.start(pairs[0][0].shape[1])
        for words, following in pairs:
            logits, state = model.run(words, detached(state))
            yield self.loss(logits, following), following.numel()

    def measure(self, child: "nn.Module", x: "Tensor", y: "Tensor") -> tuple[float, float]:
        """Nats per token over the whole text, and the tokens' probability (geometric mean)."""
        value = -float(self.evidence(child, x, y).mean())
        return value, math.exp(-value)

    def combine(self, outputs: "Tensor", weights: "Tensor") -> "Tensor":
        """The logarithm of the weighted mean of the models' probabilities, [..., vocabulary]."""
        return weighted_mean_log(outputs.log_softmax(-1), weights)

    def evidence(self, child: "nn.Module", x: "Tensor", y: "Tensor") -> "Tensor":
        """The log-likelihood of every token, [N]: probabilities of all others are not needed."""
        child.eval()
        return likelihood(child, x, y, steps=EVALUATION_STEPS, batch=EVALUATION_STREAMS)

    def joint_loss(self, evidence: "Tensor", weights: "Tensor", y: "Tensor") -> float:
        """Nats per token of the ensemble; `evidence` is [K, N]."""
        return -float(weighted_mean_log(evidence, weights).mean())

    def metrics(self, loss: float, score: float) -> dict[str, float]:
        """`perplexity` of words, or `bits` per character."""
        if self.level == "char":
            return {"bits": loss / math.log(2)}
        return {"perplexity": math.exp(min(loss, MAX_EXPONENT))}

    def summary(self, metrics: Mapping[str, float]) -> str:
        """Perplexity, or bits per character."""
        if self.level == "char":
            return f"{metrics['bits']:.3f} bits per character"
        return f"perplexity {metrics['perplexity']:.2f}"

    def reward(self, inputs: Sequence[int]) -> str:
        """80 / perplexity squared (section 4.2)."""
        return "perplexity"

    def recipe_axes(self, recipe: "Recipe") -> Mapping[str, tuple[Any, ...]]:
        """Initial range, dropout and decay epoch; weight decay only where the search had one.

        The paper's grid is over learning rate, initial range, dropout and decay epoch (section
        4.2); it does not say which values.
        """
        decay = recipe.weight_decay
        axes: dict[str, tuple[Any, ...]] = {
            "weight_decay": (decay, 5 * decay) if decay else (0.0,),
            "initial": (recipe.initial, 2 * recipe.initial) if recipe.initial else (0.0,),
            "embedding_dropout": tuple(sorted({0.0, recipe.embedding_dropout})),
            "recurrent_dropout": tuple(sorted({0.0, recipe.recurrent_dropout})),
        }
        if recipe.schedule == "exponential":
            axes["decay_after"] = (recipe.decay_after, 2 * recipe.decay_after)
        return axes

    def predictions(self, outputs: "Tensor", classes: Sequence[str]) -> list[Any]:
        """The likeliest token after each token of logits [T, B, vocabulary], flattened."""
        return [classes[n] for n in outputs.argmax(-1).flatten().tolist()]


def streams(sequence: "Tensor", batch: int) -> "Tensor":
    """Cut a sequence into pieces of equal length, side by side.

    Args:
        sequence: [N].
        batch: Number of pieces.

    Returns:
        [N // batch, batch]; the remainder is dropped.
    """
    length = len(sequence) // batch
    return sequence[: length * batch].view(batch, length).t().contiguous()


def detached(state: Any) -> Any:
    """The state without its autograd history: back-propagation is truncated here.

    Args:
        state: h and c of every layer.

    Returns:
        The same values, detached.
    """
    return tuple((h.detach(), c.detach()) for h, c in state)


def likelihood(child: "nn.Module", x: "Tensor", y: "Tensor", *, steps: int, batch: int) -> "Tensor":
    """The log-likelihood of every token of a sequence given the tokens before it.

    The sequence is read in pieces, each from a zero state.

    Args:
        child: The model.
        x: int64 [N], the tokens.
        y: int64 [N], the tokens that follow them.
        steps: Length T of a window.
        batch: Number of pieces at most.

    Returns:
        [N], in nats.
    """
    import torch
    from torch.nn import functional

    model: Any = child
    pieces = max(1, min(batch, len(x) // MIN_PIECE))
    length = -(-len(x) // pieces)
    missing = length * pieces - len(x)
    padded = [functional.pad(s, (0, missing)).view(pieces, length).t() for s in (x, y)]
    state = model.start(pieces)
    found = []
    with torch.no_grad():
        for words, following in zip(*(p.split(steps) for p in padded), strict=True):
            logits, state = model.run(words, state)
            log_p = functional.log_softmax(logits, dim=-1)
            found.append(log_p.gather(-1, following.unsqueeze(-1)).squeeze(-1))
    return torch.cat(found).t().reshape(-1)[: len(x)]


def windows(
    x: "Tensor", y: "Tensor", batch: int, steps: int
) -> Sequence[tuple["Tensor", "Tensor"]]:
    """Cut a text into windows for training.

    Args:
        x: int64 [N], the tokens.
        y: int64 [N], the tokens that follow them.
        batch: Number of sequences at most.
        steps: Length T of a window.

    Returns:
        Tokens and following tokens, [T, batch] each, in order; the last window may be shorter.
    """
    pieces = max(1, min(batch, len(x) // 2))
    return list(zip(streams(x, pieces).split(steps), streams(y, pieces).split(steps), strict=True))
