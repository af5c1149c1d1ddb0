"""Your own loop: ask for trials, evaluate them wherever you like, tell what came of them.

With `store="reinas.db"` and a `name` the same program may be killed and started again, or run
several times at once: each trial is handed out once. Run it: `python examples/ask_and_tell.py`.
"""

import reinas

space = reinas.ProductSpace((("depth", (1, 2, 3, 4)), ("width", (8, 16, 32, 64))))
study = reinas.Study(space, batch_size=4, budget=reinas.Budget(trials=12))
while trials := study.ask():
    for trial in trials:
        depth, width = (value for _, value in trial.architecture.values)
        if depth * width > 128:
            study.tell(trial, error="does not fit the device")
        else:
            study.tell(trial, reward=1 - abs(depth * width - 100) / 100)
print(f"best of {len(study.trials)}: {study.best_architecture}, {study.best_trial.reward:.2f}")
