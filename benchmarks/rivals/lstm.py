"""An LSTM.

torch's LSTM as a language model, tuned with Optuna for 45 % of the time: width 64 to 512, 1 or 2
layers, dropout, Adam's rate, windows of 35 or 70 tokens, batches of 20 or 40, the embedding tied
to the output; multivariate TPE and Hyperband's pruner, each trial 6 % of the time with a one-cycle
schedule. The best is then trained on the training part for all of the time that is left, and its
best state by the validation part is tested with the state carried through the text.
"""

# /// script
# dependencies = ["torch==2.13.0", "numpy==2.4.6", "optuna==5.0.0"]
#
# [tool.versus]
# kinds = ["text"]
# ///

import copy
import math
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.rivals.contract import Answer, Work, main

if TYPE_CHECKING:
    from torch import Tensor, nn

SEARCH, TRIAL, REPORTS = 0.45, 0.06, 9
CLIP, EVALUATION_ROWS, EVALUATION_STEPS = 1.0, 10, 100
Setting = dict[str, Any]


def network_of(tokens: int, setting: Setting) -> "nn.Module":
    """Embedding, LSTM, output tied to the embedding."""
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            width, layers, drop = setting["width"], setting["layers"], setting["dropout"]
            self.embedding = nn.Embedding(tokens, width)
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
            self.lstm = nn.LSTM(width, width, layers, dropout=drop if layers > 1 else 0.0)
            self.dropout = nn.Dropout(drop)
            self.bias = nn.Parameter(torch.zeros(tokens))

        def forward(self, x: "Tensor", state: Any) -> tuple["Tensor", Any]:
            """Tokens [steps, rows] to logits [steps * rows, tokens]."""
            hidden, state = self.lstm(self.dropout(self.embedding(x)), state)
            hidden = self.dropout(hidden).flatten(0, 1)
            return hidden @ self.embedding.weight.T + self.bias, state

    return Model()


def rows_of(x: "Tensor", rows: int) -> "Tensor":
    """[N] to [N / rows, rows], each column a stretch of the text."""
    return x[: len(x) // rows * rows].view(rows, -1).T.contiguous()


def perplexity(
    network: "nn.Module", pair: tuple["Tensor", "Tensor"], limit: int | None = None
) -> float:
    """Over all tokens, or the first `limit`."""
    import torch
    from torch.nn import functional

    rows = EVALUATION_ROWS if limit else 1  # all tokens count at the test
    x, y = (rows_of(part[:limit], rows) for part in pair)
    network.eval()
    total, state = 0.0, None
    with torch.no_grad():
        for first in range(0, len(x), EVALUATION_STEPS):
            logits, state = network(x[first : first + EVALUATION_STEPS], state)
            target = y[first : first + EVALUATION_STEPS].flatten()
            total += functional.cross_entropy(logits, target, reduction="sum").item()
    network.train()
    return math.exp(min(50.0, total / y.numel()))


def train(
    network: "nn.Module",
    pair: tuple["Tensor", "Tensor"],
    setting: Setting,
    end: float,
    reports: int,
    report: Callable[[int], None],
) -> None:
    """One cycle by the clock; `report` is called that many times, the last time at the end."""
    import torch
    from torch.nn import functional

    from benchmarks.rivals.torch_training import one_cycle, until

    x, y = (rows_of(part, setting["batch"]) for part in pair)
    optimizer = torch.optim.Adam(network.parameters(), setting["rate"], fused=True)
    progress, reported, state, place = until(end), 0, None, 0
    while reported < reports:
        done = progress(0, 1)
        if done >= (reported + 1) / reports:
            reported += 1
            report(reported)
            continue
        if place + 2 > len(x):
            place, state = 0, None
        window = slice(place, place + setting["steps"])
        for group in optimizer.param_groups:
            group["lr"] = setting["rate"] * one_cycle(done, 0.1)
        logits, state = network(x[window], state)
        state = tuple(part.detach() for part in state)
        loss = functional.cross_entropy(logits, y[window].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        place += setting["steps"]


def rival(work: Work) -> Answer:
    """Search, then train the best."""
    import torch

    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of multivariate TPE
    torch.set_num_threads(work.threads)
    torch.manual_seed(work.seed)
    parts = {
        part: tuple(torch.from_numpy(work.data[f"{a}_{part}"]).long() for a in ("x", "y"))
        for part in ("train", "valid", "test")
    }
    tokens = max(work.classes, 1 + int(work.data["x_train"].max()))

    def objective(trial: Any) -> float:
        setting = {
            "width": trial.suggest_int("width", 64, 512, log=True),
            "layers": trial.suggest_int("layers", 1, 2),
            "dropout": trial.suggest_float("dropout", 0.0, 0.5),
            "rate": trial.suggest_float("rate", 5e-4, 2e-2, log=True),
            "steps": trial.suggest_categorical("steps", [35, 70]),
            "batch": trial.suggest_categorical("batch", [20, 40]),
        }
        network, last = network_of(tokens, setting), math.inf

        def report(number: int) -> None:
            nonlocal last
            last = perplexity(network, parts["valid"], 10_000)
            trial.report(math.log(last), number)
            if trial.should_prune():
                raise optuna.TrialPruned

        seconds = min(TRIAL * 60 * work.minutes, max(1.0, work.left(SEARCH)))
        train(network, parts["train"], setting, time.monotonic() + seconds, REPORTS, report)
        return math.log(last)

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(multivariate=True, seed=work.seed),
        pruner=optuna.pruners.HyperbandPruner(1, REPORTS, 3),
    )
    study.optimize(objective, timeout=max(1.0, work.left(SEARCH)))
    setting = study.best_trial.params
    network = network_of(tokens, setting)
    begun = time.monotonic()
    perplexity(network, parts["test"], 2_000)
    testing = 2 + 1.5 * (time.monotonic() - begun) * len(parts["test"][0]) / 2_000
    best: tuple[float, Any] = (math.inf, None)

    def keep(number: int) -> None:
        nonlocal best
        valid = perplexity(network, parts["valid"], 20_000)
        if valid < best[0]:
            best = (valid, copy.deepcopy(network.state_dict()))

    end = time.monotonic() + max(2.0, work.left() - testing)
    train(network, parts["train"], setting, end, 10, keep)
    if best[1] is not None:
        network.load_state_dict(best[1])
    what = ", ".join(f"{name} {value:.3g}" for name, value in setting.items())
    return Answer(perplexity(network, parts["test"]), f"{len(study.trials)} trials; {what}")


if __name__ == "__main__":
    main(rival)
