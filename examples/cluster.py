"""Networks trained on a cluster: here Ray starts one on this machine."""

import reinas

if __name__ == "__main__":
    space, task = reinas.MlpSpace(depth=2), reinas.Wine()
    study = reinas.search(
        space,
        reinas.BayesianSearch(space),
        reinas.TrainedEvaluator(task),
        budget=reinas.Budget(trials=4),
        executor=reinas.Cluster(workers=2),  # or address="auto" on a cluster of yours
    )
    print(f"best: {study.best_architecture}, reward {study.best_trial.reward:.3f}")
