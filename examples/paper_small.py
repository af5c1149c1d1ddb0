"""The paper reproduced small: its controller learns to design networks for handwritten digits."""

import reinas

space = reinas.ConvSpace(depth=2, filters=(8, 16))
task = reinas.Digits()
policy = reinas.zoph_le(space, learning_rate=0.02)  # the paper's 0.0006 needs thousands of networks
recipe = reinas.Recipe(epochs=2)
study = reinas.search(
    space,
    policy,
    reinas.TrainedEvaluator(task, recipe),
    budget=reinas.Budget(trials=16),
    batch_size=8,
)
first, last = (sum(t.reward for t in study.trials[n : n + 8]) / 8 for n in (0, 8))
print(f"best: {study.best_architecture}; mean reward {first:.3f}, then {last:.3f}")
