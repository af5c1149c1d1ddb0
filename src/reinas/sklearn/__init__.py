"""Estimators for scikit-learn: a network that is found, trained and used like any other model.

>>> from reinas.sklearn import NASClassifier
>>> from sklearn.datasets import load_iris
>>> x, y = load_iris(return_X_y=True)
>>> model = NASClassifier(trials=2, epochs=30, random_state=0).fit(x, y)
>>> model.predict_proba(x[:5]).shape
(5, 3)
"""

from reinas.sklearn.estimators import NASClassifier, NASRegressor

__all__ = ["NASClassifier", "NASRegressor"]
