"""Make the files that the README's programs use: three finished searches and a person's data."""

import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import reinas

torch.set_num_threads(1)


def finished(name: str, space: reinas.AbstractSpace, task: reinas.AbstractTask) -> None:
    """A search of one trial of one epoch, and its network in a folder of that name."""
    evaluator = reinas.TrainedEvaluator(task, reinas.Recipe(epochs=1))
    policy, budget = reinas.RandomSearch(space), reinas.Budget(trials=1)
    store = reinas.MemoryStore()
    reinas.search(space, policy, evaluator, budget=budget, store=store, name=name)
    reinas.finish(store, name, space, task, grid=None, epochs=1)


def photo(path: str, seed: int) -> None:
    """12 x 12 random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def houses(path: str, columns: list[str], rows: int) -> None:
    """A table of random whole numbers."""
    numbers = np.random.default_rng(0).integers(1, 100, (rows, len(columns)))
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *numbers.tolist()])


finished("demo", reinas.MlpSpace(depth=1), reinas.Digits())

for place in ("beach", "cat"):
    for number in range(20):
        photo(f"photos/{place}/{number}.png", number)
photo("beach.jpg", 0)
photo("cat.png", 1)
finished("photos-network", reinas.MlpSpace(depth=1), reinas.Images("photos", size=8))

houses("houses.csv", ["rooms", "area", "price"], 60)
houses("new.csv", ["rooms", "area"], 3)
finished("houses-network", reinas.MlpSpace(depth=1), reinas.Table("houses.csv", target="price"))
