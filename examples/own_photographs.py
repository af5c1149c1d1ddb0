"""Your own photographs: a folder with one sub-folder per class."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

import reinas

with TemporaryDirectory() as folder:
    rng = np.random.default_rng(0)
    for name, colour in (("night", 60), ("day", 180)):  # instead of your own
        (Path(folder) / name).mkdir()
        for n in range(30):
            pixels = rng.normal(colour, 40, (20, 24, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(Path(folder) / name / f"{n}.png")
    task = reinas.Images(folder, size=12)
    plan = reinas.plan_for(task)  # what `reinas.fit` would search, and how it would train
    policy = reinas.BayesianSearch(plan.space)
    evaluator, budget = reinas.TrainedEvaluator(task, plan.recipe), reinas.Budget(trials=1)
    study = reinas.search(plan.space, policy, evaluator, budget=budget)
    print(f"best: {study.best_architecture}, reward {study.best_trial.reward:.3f}")
