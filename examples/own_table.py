"""Your own table: a CSV file with numbers, categories and missing values."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import reinas

with TemporaryDirectory() as folder:
    path = Path(folder) / "houses.csv"
    rows = ["rooms,town,price"]  # instead of your own
    for _ in range(200):
        rooms, town = random.randint(1, 9), random.choice(["Bonn", "Paris", ""])
        rows.append(f"{rooms},{town},{50 * rooms + 100 * (town == 'Paris') + random.random():.2f}")
    path.write_text("\n".join(rows))
    task = reinas.Table(str(path), target="price", metric="mae")
    space = reinas.TabularSpace(widths=(64,))
    evaluator = reinas.TrainedEvaluator(task)
    budget = reinas.Budget(trials=3)
    study = reinas.search(space, reinas.BayesianSearch(space), evaluator, budget=budget)
    print(f"best: {study.best_architecture}, off by {-study.best_trial.reward:.1f} on average")
