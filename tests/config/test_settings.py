"""Settings from options, files and stores."""

from dataclasses import replace

import numpy as np
import pytest

from reinas import ConvSpace, Digits, LstmSpace, MlpSpace
from reinas.config.objects import configure, make_policy, restored
from reinas.config.settings import Setting, parse_set, read_toml
from reinas.errors import FileError, SettingError
from reinas.fitting.plan import plan_for
from reinas.seeds import derive


def test_every_setting_has_a_default_that_works():
    """Nothing given is the policy bayes on residual networks for digits."""
    config = configure()
    assert config.space == plan_for(Digits()).space
    assert config.task == Digits()
    assert config.recipe == plan_for(Digits()).recipe
    assert config.policy == {"name": "bayes"}
    assert (config.options.trials, config.options.batch_size, config.options.seed) == (64, None, 0)


def test_settings_reach_every_parameter():
    """Spaces, tasks, policies, recipes and the loop, by one kind of key."""
    config = configure(
        parse_set(
            [
                "space=mlp",
                "space.depth=6",
                "space.widths=[4, 8]",
                'space.activations=["relu", "tanh"]',
                "task=digits",
                "task.reward=accuracy",
                "policy=zoph-le",
                "policy.learning_rate=0.0035",
                "recipe.epochs=10",
                "recipe.optimizer=adam",
                "trials=12",
                "reuse=false",
            ]
        )
    )
    assert config.space == MlpSpace(depth=6, widths=(4, 8), activations=("relu", "tanh"))
    assert config.task == Digits(reward="accuracy")
    assert make_policy(config).settings["learning_rate"] == 0.0035
    assert (config.recipe.epochs, config.recipe.optimizer) == (10, "adam")
    assert (config.options.trials, config.options.reuse) == (12, False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("3", 3), ("0.5", 0.5), ("true", True), ("wine", "wine"), ("'7'", "7"), ("a=b", "a=b")),
        *(("[1, 2]", [1, 2]), ("[relu,tanh]", ["relu", "tanh"]), ("[]", []), ("", "")),
    ],
)
def test_values_are_read_as_in_toml_and_text_needs_no_quotes(text, value):
    """A shell takes quotes away; nobody should have to write them twice."""
    assert parse_set([f"space.x={text}"])["space.x"].value == value


def test_later_sources_win(tmp_path):
    """File, then options, then --set."""
    path = tmp_path / "run.toml"
    path.write_text("trials = 1\nbatch_size = 1\nseed = 1\n")
    options = {"batch_size": Setting(2, "--batch-size"), "seed": Setting(2, "--seed")}
    made = configure(read_toml(path), options, parse_set(["seed=3"])).options
    assert (made.trials, made.batch_size, made.seed) == (1, 2, 3)


def test_the_task_follows_from_the_space():
    """Every space has a task that suits it."""
    assert configure(parse_set(["space=mlp"])).task.name == "breast_cancer"
    assert configure(parse_set(["space=toy"])).task.name == "toy"


def test_the_policys_weights_follow_from_the_searchs_seed():
    """Unless they have a seed of their own."""
    assert make_policy(configure(parse_set(["seed=4"]))).settings["seed"] == derive(4, "policy")
    assert make_policy(configure(parse_set(["policy.seed=9"]))).settings["seed"] == 9


def test_a_stored_search_gives_the_same_objects():
    """What search writes, resume reads."""
    config = configure(
        parse_set(["space=mlp", "space.depth=3", "task=wine", "recipe.batch_size=7"])
    )
    stored = {
        "space": dict(config.space.settings),
        "policy": dict(make_policy(config).settings),
        "evaluator": {"task": dict(config.task.settings), "recipe": config.recipe.settings},
        "batch_size": 3,
        "seed": 4,
        "reuse": False,
    }
    again = restored(stored, {"trials": Setting(9)})
    assert (again.space, again.task, again.recipe) == (config.space, config.task, config.recipe)
    assert make_policy(again).settings == make_policy(config).settings
    assert (again.options.batch_size, again.options.seed, again.options.reuse) == (3, 4, False)


def test_a_search_made_in_python_is_sent_back_there():
    """The command line cannot make an evaluator that only a script has."""
    stored = {"space": {"name": "mlp"}, "policy": {"name": "random"}, "evaluator": {}}
    words = r"made in Python with parts of its own \(there is no task\)"
    with pytest.raises(SettingError, match=words):
        restored(stored, {})


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"name": "nowhere_at_all:Net"}, r"No module named 'nowhere_at_all'.*on Python's path"),
        (
            {"name": "own_space:ready", "depth": 2},
            r"space\.depth should be 2, and is 1 in own_space:ready",
        ),
    ],
)
def test_a_part_in_a_module_that_is_not_here_or_has_changed_is_named(
    space, words, tmp_path, monkeypatch
):
    """The search can be continued from the command line where its module is as it was."""
    (tmp_path / "own_space.py").write_text("import reinas\nready = reinas.MlpSpace(depth=1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    evaluator = {"task": {"name": "wine"}, "recipe": {}}
    stored = {"space": space, "policy": {"name": "random"}, "evaluator": evaluator}
    stored |= {"batch_size": 1, "seed": 0, "reuse": True}
    with pytest.raises(SettingError, match=f"cannot be continued as things are here: .*{words}"):
        restored(stored, {})


@pytest.fixture
def arrays(tmp_path):
    """The name of a task with 20 examples of a shape."""

    def made(*shape):
        path = tmp_path / f"{len(shape)}.npz"
        np.savez(path, x=np.zeros((20, *shape), np.float32), y=np.arange(20) % 2)
        return f"task=arrays:{path}"

    return made


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("shape", [(5,), (2, 16), (3, 64, 64)])
def test_space_recipe_and_scaling_are_those_that_fit_begins_with(shape, named, arrays):
    """Rows, series, images, whether the space is named or not; what is given wins."""
    layout = ["task.layout=series"] if len(shape) == 2 else []
    task = configure(parse_set([arrays(*shape), *layout])).task
    plan = plan_for(task)
    space = [f"space={plan.space.name}"] if named else []
    config = configure(parse_set([arrays(*shape), *layout, *space, "recipe.epochs=3"]))
    assert config.space == plan.space
    assert config.recipe == replace(plan.recipe, epochs=3)
    assert config.task.settings == plan.prepared(task).settings
    standard = [*layout, "task.whitening=none"]
    config = configure(parse_set([arrays(*shape), *standard]))
    assert config.task.settings["whitening"] == "none"


def test_text_is_searched_by_lstm_layers(tmp_path):
    """The recipe is that of a plan, not the published one."""
    path = tmp_path / "book.txt"
    path.write_text("a b c d " * 200)
    config = configure(parse_set([f"task=text:{path}"]))
    assert config.space == LstmSpace()
    assert config.recipe == plan_for(config.task).recipe


@pytest.mark.parametrize(
    ("shape", "given", "space"),
    [
        ((2, 16), ["space=conv", "task.layout=series"], ConvSpace(dimensions=1)),
        (
            (2, 16),
            ["space=conv", "space.depth=3", "task.layout=series"],
            ConvSpace(3, dimensions=1),
        ),
        ((3, 16, 16), ["space=conv"], ConvSpace()),
        ((5,), ["space=mlp", "space.depth=3"], MlpSpace(3)),
        ((3, 16, 16), ["space=mlp"], MlpSpace()),
    ],
)
def test_spaces_of_the_paper_come_with_the_tasks_recipe(shape, given, space, arrays):
    """By name; for series they have one dimension."""
    config = configure(parse_set([arrays(*shape), *given]))
    assert (config.space, config.recipe) == (space, config.task.recipe)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("space=cnov", r"--set space=cnov: space 'cnov' is not known: did you mean 'conv'\?"),
        ("task=digit", "did you mean 'digits'"),
        ("policy=zophle", "did you mean 'zoph-le'"),
        ("space.dept=3", r"space.dept is not known: did you mean 'depth'\?"),
        ("policy.lr=3", "policy.lr is not known"),
        ("recipe.epoch=3", "did you mean 'epochs'"),
        ("trails=3", "trails is not known: did you mean 'trials'"),
        ("spaces.depth=3", "spaces is not known: did you mean 'space'"),
        ("trials=0", "--set trials=0: trials should be greater than or equal to 1, got 0"),
        ("trials=many", "trials should be a valid integer, got 'many'"),
        ("space.depth=2.5", "space.depth should be a valid integer, got 2.5"),
        ("space.depth=0", "depth must be at least 1, got 0"),
        ("space.filters=[]", "filters needs one or more different values"),
        ("space.heights=[2]", "heights must be odd"),
        ("policy.start=fast", "start should be a valid integer, got 'fast'"),
        ("policy.hidden=3", "is no setting of policy bayes, but of zoph-le"),
        ("recipe.optimizer=sdg", "recipe.optimizer should be 'sgd', 'adam' or 'adamw', got 'sdg'"),
        ("recipe.learning_rate=-1", "learning_rate must be above 0"),
        ("task.reward=acuracy", "did you mean 'accuracy'"),
        ("reuse=never", "reuse should be a valid boolean"),
        ("depth", "takes KEY=VALUE"),
        ("space.depth.x=1", "space.depth.x is not known"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_would_be_right(text, message):
    """The nearest name, or the type and range that were expected, and what came."""
    with pytest.raises(SettingError, match=message):
        configure(parse_set(["space=conv"]), parse_set([text], "--set"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trials = 3\n\n[space]\nname = 'conv'\ndepth = 'deep'\n", "line 5: space.depth should be"),
        ("\n\ntrials = 'many'\n", "line 3: trials should be a valid integer, got 'many'"),
        ("seed = 2\npolicy.learning_rat = 1\n", "line 2: policy.learning_rat is not known"),
        ("seed = 0\nspace = 'cnov'\n", "line 2: space 'cnov' is not known"),
        ("[polici]\nname = 'random'\n", "polici is not known: did you mean 'policy'"),
        ("trials = = 3\n", "is not TOML: .*line 1"),
        ("space = 'conv'\nspace.depth = 3\n", "is not TOML"),
    ],
)
def test_a_wrong_file_is_cited_by_line_and_key(text, message, tmp_path):
    """So that it can be found."""
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises((SettingError, FileError), match=rf"run.toml.*{message}"):
        configure(read_toml(path))


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    """Missing, a folder, or not text."""
    with pytest.raises(FileError, match="No such file"):
        read_toml(tmp_path / "missing.toml")
    with pytest.raises(FileError, match="Is a directory"):
        read_toml(tmp_path)
    (tmp_path / "bad.toml").write_bytes(b"seed = 1 # \xff")
    with pytest.raises(FileError, match="is not UTF-8 text"):
        read_toml(tmp_path / "bad.toml")
