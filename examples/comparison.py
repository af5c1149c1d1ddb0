"""Policies compared at equal cost, on a benchmark table that has every result already."""

from collections.abc import Callable
from statistics import mean

import reinas
from reinas.tables.packages import nasbench201

table = nasbench201("cifar10")
policies: dict[str, Callable[[int], reinas.AbstractPolicy]] = {
    "random": lambda seed: reinas.RandomSearch(table.space),
    "evolution": lambda seed: reinas.Evolution(table.space, population=10, sample=5),
    "bayes": lambda seed: reinas.BayesianSearch(table.space, seed=seed),
}
for name, make in policies.items():
    found = []
    for seed in range(5):
        budget, evaluator = reinas.Budget(trials=50), reinas.TabularEvaluator(table)
        study = reinas.search(table.space, make(seed), evaluator, budget=budget, seed=seed)
        found.append(study.best_trial.reward)
    print(f"best after 50 evaluations, mean of 5 seeds: {name} {mean(found):.2f}")
