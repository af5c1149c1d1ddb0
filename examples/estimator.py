"""A model of scikit-learn whose network is searched for the data."""

from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score

from reinas.sklearn import NASClassifier

x, y = load_iris(return_X_y=True)
model = NASClassifier(trials=1, epochs=15, random_state=0)
scores = cross_val_score(model, x, y, cv=2)
model.fit(x, y)
print(f"best: {model.architecture_}; accuracy {scores.mean():.3f} in cross-validation")
