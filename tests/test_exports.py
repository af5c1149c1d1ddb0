"""The public names."""

import subprocess
import sys

import reinas

PUBLIC = {
    "AbstractEvaluator",
    "AbstractExecutor",
    "AbstractPolicy",
    "AbstractRecord",
    "AbstractSchedule",
    "AbstractSpace",
    "AbstractStopping",
    "AbstractStore",
    "AbstractTask",
    "ArrayTask",
    "Arrays",
    "Asha",
    "Asynchronous",
    "BayesianSearch",
    "BenchmarkTable",
    "BreastCancer",
    "Budget",
    "Choice",
    "Cifar10",
    "Classification",
    "Cluster",
    "Controller",
    "ConvSpace",
    "Curve",
    "DatasetTask",
    "DeclaredSpace",
    "Diabetes",
    "Digits",
    "Epoch",
    "Evolution",
    "FinishObserver",
    "FitObserver",
    "Fitted",
    "FoundNetwork",
    "ParetoEvolution",
    "Pareto",
    "ProgressBar",
    "export_trials",
    "export_source",
    "export_pt2",
    "export_onnx",
    "FunctionEvaluator",
    "Growth",
    "Hyperband",
    "Images",
    "IndependentSoftmaxes",
    "Job",
    "LanguageModelling",
    "Limits",
    "Link",
    "LocalSearch",
    "LstmSpace",
    "Median",
    "MemoryStore",
    "MlpSpace",
    "Mnist",
    "MultiLabel",
    "NasBench201Space",
    "Objective",
    "Observer",
    "Outcome",
    "Placement",
    "Plan",
    "Processes",
    "ProductSpace",
    "Progress",
    "Pruned",
    "RandomSearch",
    "Recipe",
    "RecipeGrid",
    "RecurrentSpace",
    "Regression",
    "ReinasError",
    "Reinforce",
    "Serial",
    "StagesSpace",
    "StartingWith",
    "Store",
    "Study",
    "Synchronous",
    "Table",
    "TabularEvaluator",
    "TabularSpace",
    "Text",
    "Toy",
    "ToySpace",
    "Tpe",
    "TrainedEvaluator",
    "Trial",
    "When",
    "Wine",
    "build",
    "choice",
    "conv_blocks",
    "draw",
    "exact_gradient",
    "expected_reward",
    "finish",
    "fit",
    "formulas",
    "independent",
    "load",
    "nested",
    "plan_for",
    "published",
    "reinforce_loss",
    "repeated",
    "rewards",
    "search",
    "watch",
    "zoph_le",
}


def test_the_public_names_are_these():
    """Adding or removing a public name is a decision, not an accident."""
    assert reinas.__all__ == sorted(reinas.__all__)
    assert set(reinas.__all__) == PUBLIC
    assert set(dir(reinas)) >= PUBLIC


def test_every_public_name_can_be_imported_and_is_documented():
    """Each name leads to something that says what it is."""
    for name in reinas.__all__:
        assert getattr(reinas, name).__doc__, name


def test_importing_reinas_imports_nothing_heavy():
    """`import reinas` is quick: torch, scikit-learn and SQLAlchemy wait until they are needed."""
    code = (
        "import sys, reinas, reinas.spaces.conv, reinas.tasks.sklearn_data;"
        "print([m for m in ('torch', 'sklearn', 'sqlalchemy', 'plotly') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_a_report_needs_no_torch():
    """`reinas show` and `list` start without torch."""
    code = (
        "import sys, reinas.cli.show, reinas.report.page;"
        "print([m for m in ('torch', 'ray') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_functions_are_not_hidden_by_modules():
    """reinas.search and reinas.finish are functions, whatever was imported before."""
    import reinas.cli.search

    assert callable(reinas.search)
    assert callable(reinas.finish)
