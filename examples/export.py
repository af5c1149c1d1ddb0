"""Take a network away: as a file for other runtimes, and as readable code without reinas."""

from pathlib import Path
from tempfile import TemporaryDirectory

import reinas

space, task, store = reinas.MlpSpace(depth=2), reinas.Wine(), reinas.MemoryStore()
policy, evaluator = reinas.BayesianSearch(space), reinas.TrainedEvaluator(task)
budget = reinas.Budget(trials=3)
reinas.search(space, policy, evaluator, budget=budget, store=store, name="wine")
with TemporaryDirectory() as folder:
    done = reinas.finish(store, "wine", space, task, folder=f"{folder}/wine", grid=None)
    network = reinas.load(f"{folder}/wine")
    file = reinas.export_pt2(network, f"{folder}/wine.pt2")  # or export_onnx
    code = reinas.export_source(network, f"{folder}/wine-code", task=task)
    print(f"best: {done.architecture}; {file.path.name} differs by {file.difference}")
    print(Path(code, "network.py").read_text(encoding="utf-8").partition("class Network")[0])
