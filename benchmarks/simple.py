"""What simpler models reach on the data of `make demo`: python -m benchmarks.simple."""

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from reinas import Digits

MODELS = {
    "3 nearest neighbours": KNeighborsClassifier(3),
    "support vector machine": SVC(),
    "logistic regression": LogisticRegression(max_iter=2000),
    "boosted trees": HistGradientBoostingClassifier(random_state=0),
}


def main() -> None:
    """Train each model on the training and the validation part, and measure the test part."""
    task = Digits()
    parts, test = task.parts(), task.test()
    known = parts.train + parts.valid
    print(f"scikit-learn's models with their defaults, on the same {len(test)} test examples:")
    for name, model in MODELS.items():
        model.fit(known.x.reshape(len(known), -1), known.y)
        accuracy = model.score(test.x.reshape(len(test), -1), test.y)
        print(f"  {name:24}{accuracy:.4f}")


if __name__ == "__main__":
    main()
