"""Your own training: a function from an architecture to a reward, with a report per epoch.

The function may use any library; here it is scikit-learn's network. `reinas show` lists what a
running trial has reported. To train in worker processes, put the function into a module and give
`executor=reinas.Processes(2)`. Run it: `python examples/own_training.py`.
"""

from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import reinas
from reinas.spaces.product import Assignment

x, y = load_digits(return_X_y=True)


def train(network: Assignment, trial: reinas.Job[Assignment]) -> float:
    """The accuracy on 797 images after 5 epochs on the other 1,000."""
    model = MLPClassifier(**dict(network.values), random_state=trial.seed % 2**32)
    for epoch in range(1, 6):
        model.partial_fit(x[:1000], y[:1000], classes=range(10))
        accuracy = float(model.score(x[1000:], y[1000:]))
        trial.report(epoch, accuracy)
    return accuracy


space = reinas.ProductSpace((("hidden_layer_sizes", (8, 32)), ("alpha", (0.0001, 0.1))))
found = reinas.search(space, reinas.RandomSearch(space), reinas.FunctionEvaluator(train))
print(f"best: {found.best_architecture}, accuracy {found.best_trial.reward:.3f}")
