"""Exported code: to the last bit what the network says, readable, and alone."""

import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from found_networks import CASES, SERIES, Shapes, child_of, classes, ensemble, found, raw_examples
from reinas import Choice, Classification, FoundNetwork, Objective, Recipe, build
from reinas.children.recurrent import CellLayer
from reinas.errors import FileError, SettingError
from reinas.export.saved import describe
from reinas.export.source.folder import export_source
from reinas.export.source.network_file import network_file
from reinas.export.source.train_file import train_file
from reinas.spaces.base import AbstractSpace
from reinas.tasks.scaling import Scaling

WIDTHS = {"narrow": 4, "wide": 8}


def plain(network):
    """Cells by torch's own operations, which is what exported code has."""
    for module in network.modules():
        if isinstance(module, CellLayer):
            module.plain = True
    return network


def ran(code):
    """The network of exported code."""
    names = {}
    exec(compile(code.text, "network.py", "exec"), names)
    network = names["Network"]().eval()
    network.load_state_dict({k: v.clone() for k, v in code.weights.items()})
    return network


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", CASES)
def test_the_code_gives_the_same_bits(case, seed):
    """On raw examples, for random networks of every space."""
    network = plain(found(case, seed))
    x = raw_examples(network)
    with torch.no_grad():
        assert torch.equal(ran(network_file(network, CASES[case][0]))(x), network(x))


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("case", ["stages", "tabular", "recurrent", "lstm", "nasbench201", "mlp"])
def test_the_code_of_an_ensemble_gives_the_same_bits(case, mirror):
    """Each network has its own classes; a single one may see mirror images, too."""
    network = plain(ensemble(case, 1 if mirror else 3, mirror=mirror and case == "stages"))
    x = raw_examples(network)
    with torch.no_grad():
        assert torch.equal(ran(network_file(network, CASES[case][0]))(x), network(x))


def alone(folder, *command, code=0):
    """Run a script of the folder where neither reinas nor NumPy can be imported."""
    hidden = "import sys; sys.modules.update(dict.fromkeys(('reinas', 'scipy', 'sklearn')))"
    run = "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    start = f"{hidden}; sys.argv = {list(map(str, command))!r}; sys.path.insert(0, '.'); {run}"
    done = subprocess.run(
        [sys.executable, "-c", start], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def data_for(network, path):
    """Random data as train.py takes them."""
    about, generator = network.description["task"], torch.Generator().manual_seed(0)
    if network.objective.tokens:
        tokens = torch.randint(len(network.classes), (400,), generator=generator)
        save_file({"tokens_train": tokens, "tokens_valid": tokens[:100].clone()}, path)
        return
    x = torch.randn(70, *about["inputs"], generator=generator)
    y = torch.randn(70, about["outputs"], generator=generator)
    y = y.argmax(1) if isinstance(network.objective, Classification) else y
    valid = {"x_valid": x[:20].clone(), "y_valid": y[:20].clone()}
    save_file({"x_train": x, "y_train": y, **valid}, path)


@pytest.mark.parametrize("case", ["stages", "tabular", "recurrent"])
def test_the_folder_predicts_and_trains_by_itself(case, tmp_path):
    """Without reinas; the weights that it has trained are those of its network."""
    network = found(case, seed=2)
    folder = export_source(network, tmp_path / "code")
    data_for(network, tmp_path / "data.safetensors")
    if network.objective.tokens:
        said = alone(folder, "predict.py", "class 1").split()
        assert len(said) == 40  # twenty tokens, each of two words
    else:
        x = raw_examples(network, 3)
        save_file({"x": x}, tmp_path / "x.safetensors")
        said = alone(folder, "predict.py", tmp_path / "x.safetensors").split("\n")[:3]
        assert said == [str(answer) for answer in network.predict(x)]
    assert alone(folder, "predict.py", code=1).startswith("Use the network: python predict.py")
    said = alone(folder, "train.py", "../data.safetensors", "--to", "../new.safetensors")
    assert "epoch 3 of 3: validation loss" in said
    before, after = (
        load_file(folder / "weights.safetensors"),
        load_file(tmp_path / "new.safetensors"),
    )
    assert {k: v.shape for k, v in before.items()} == {k: v.shape for k, v in after.items()}
    same = {k for k, v in before.items() if torch.allclose(v, after[k], 0, 0, equal_nan=True)}
    changed = before.keys() - same
    assert changed
    assert all(name.startswith("body.") for name in changed)


RECIPES = {
    "images": Recipe(
        schedule="cosine", epochs=2, pad=2, flip=True, cutout=3, mixup=0.2, label_smoothing=0.1
    ),
    "fast images": Recipe(
        schedule="trapezoid", warmup=0.1, epochs=2, upsample=1, average=0.05, patience=10**6
    ),
    "steps": Recipe(optimizer="adam", schedule="step", epochs=4, patience=1, initial=0.1),
    "linear": Recipe(optimizer="adamw", schedule="linear", warmup=0.2, epochs=2, clip=0.5),
    "late": Recipe(schedule="exponential", decay_after=1, epochs=3, momentum=0.0),
}


@pytest.mark.parametrize("name", RECIPES)
def test_every_setting_of_a_recipe_is_trained_by(name, tmp_path):
    """Run in this process, which is quicker."""
    network = found("stages")
    network.description["recipe"] = RECIPES[name].settings
    folder = export_source(network, tmp_path / "code")
    data_for(network, tmp_path / "data.safetensors")
    assert "validation loss" in alone(folder, "train.py", "../data.safetensors", "--to", "w")


def test_dropout_of_cells_is_in_the_code(tmp_path):
    """In training only."""
    network = plain(found("recurrent"))
    network.description["recipe"] = Recipe(
        embedding_dropout=0.2, recurrent_dropout=0.3, epochs=1
    ).settings
    copy = ran(network_file(network, CASES["recurrent"][0]))
    x = raw_examples(network)
    with torch.no_grad():
        assert torch.equal(copy(x), network(x))
        copy.train()
        assert not torch.equal(copy(x), copy(x))


def test_the_learning_rate_of_an_architecture_is_in_its_training():
    """And as many epochs as the clock gave."""
    network = ensemble("stages", 2)
    for number, member in enumerate(network.description["members"]):
        member["passes"] = 7.4
        member["architecture"]["rate"] = number
    space = CASES["stages"][0]
    architectures = [space.decode(tuple(m["answers"])) for m in network.description["members"]]
    text = train_file(network, architectures)
    rates = [0.1 * architecture.rate for architecture in architectures]
    assert "EPOCHS = 7\n" in text
    assert all(f'"body.member{n}": ({rate!r}, 0.0001)' in text for n, rate in enumerate(rates, 1))


def test_exported_code_is_clean(tmp_path):
    """By ruff as it comes, and in lines of a hundred characters."""
    for case in CASES:
        export_source(found(case, 1), tmp_path / case.replace(", ", "-"))
    for case in ("stages", "tabular", "recurrent", "nasbench201"):
        export_source(ensemble(case, 2, mirror=case == "stages"), tmp_path / f"{case}-ensemble")
    for rules in (["--line-length=100", "--select=E,F,W,B,UP,C4,SIM"], []):
        command = [sys.executable, "-m", "ruff", "check", "--isolated", *rules, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_table_is_read_as_in_training(tmp_path):
    """Categories, missing numbers, decimal commas."""
    network = found("mlp")
    columns = [
        {"name": "a", "values": [], "fill": 2.5, "gaps": True, "comma": False},
        {"name": "b", "values": ["x", 'y "1"'], "fill": 0.0, "gaps": False, "comma": False},
        {"name": "c", "values": [], "fill": 1.0, "gaps": False, "comma": False},
        {"name": "d", "values": ["u", "v"], "fill": 0.0, "gaps": False, "comma": False},
    ]
    network.description["task"] |= {"reader": "table", "columns": columns, "target": "y"}
    folder = export_source(network, tmp_path / "code")
    (tmp_path / "t.csv").write_text('a,b,c,d\n1.5,"y ""1""",3,u\n?,x,4,w\n', encoding="utf-8")
    said = alone(folder, "predict.py", "../t.csv").split()
    rows = [{"a": 1.5, "b": 'y "1"', "c": 3, "d": "u"}, {"a": None, "b": "x", "c": 4, "d": "w"}]
    assert said == [str(answer) for answer in network.predict(rows)]


@pytest.mark.parametrize("grey", [False, True])
def test_pictures_are_read_as_in_training(grey, tmp_path):
    """Of another size, in colour and grey."""
    from PIL import Image

    task = Shapes((1 if grey else 3, 12, 10), 4, labels=classes(4))
    space = CASES["stages"][0]
    answers, child = child_of(space, task, 0)
    about = describe(space, answers, task)
    about["task"] |= {"reader": "images", "size": [12, 10], "grey": grey}
    network = FoundNetwork(child, Scaling.none(), Scaling.none(), about).eval()
    folder = export_source(network, tmp_path / "code")
    files = []
    for mode in ("RGB", "L", "RGBA"):
        picture = Image.effect_noise((33, 21), 80).convert(mode)
        files.append(tmp_path / f"{mode}.png")
        picture.save(files[-1])
    said = alone(folder, "predict.py", *files).split("\n")[:3]
    assert said == network.predict(files)
    x = network.encode(files)
    script = (
        f"from predict import read; import torch; torch.save(read(*{list(map(str, files))!r}), 'x')"
    )
    (folder / "look.py").write_text(script)
    alone(folder, "look.py")
    assert torch.equal(torch.load(folder / "x"), x)


def size_of(name):
    """Used by the builder."""
    return WIDTHS[name]


class Doubled(nn.Module):
    """A module of one's own."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return 2 * self.inner(x)


@dataclass(frozen=True)
class OwnArchitecture:
    width: str
    deep: bool

    def __str__(self):
        return f"{self.width} {self.deep}"


@dataclass(frozen=True)
class OwnSpace(AbstractSpace[OwnArchitecture]):
    name: ClassVar[str] = "own"
    decisions: ClassVar = (
        Choice("width", "width", ("narrow", "wide")),
        Choice("deep", "deep", (False, True)),
    )

    def decode(self, answers):
        self.check(answers)
        return OwnArchitecture(("narrow", "wide")[answers[0]], bool(answers[1]))


@build.register
def own_network(architecture: OwnArchitecture, task) -> nn.Module:
    width = size_of(architecture.width)
    layers = [nn.Flatten(), Doubled(nn.Linear(task.inputs[0] * task.inputs[1], width)), nn.ReLU()]
    if architecture.deep:
        layers += [nn.Linear(width, width), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(width, task.outputs))


def secret_network(architecture: OwnArchitecture, task) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(60, Recipe().epochs), nn.Linear(50, 3))


def own(answers=(1, 1), builder=build):
    torch.manual_seed(0)
    child = builder(OwnSpace().decode(answers), SERIES)
    about = describe(OwnSpace(), answers, SERIES)
    return FoundNetwork(child, Scaling.none(), Scaling.none(), about).eval()


def test_a_builder_of_ones_own_is_copied(tmp_path):
    """With what it uses of its module: a function, a constant, a class."""
    network = own()
    code = network_file(network, OwnSpace())
    x = raw_examples(network)
    with torch.no_grad():
        assert torch.equal(ran(code)(x), network(x))
    assert "def size_of(name):" in code.text
    assert "import reinas" not in code.text
    folder = export_source(network, tmp_path / "code", space=OwnSpace())
    save_file({"x": x}, tmp_path / "x.safetensors")
    said = alone(folder, "predict.py", "../x.safetensors").split("\n")[:6]
    assert said == network.predict(x)


def test_what_cannot_be_copied_is_named():
    """The builder uses reinas itself, or has no source."""
    network = own(builder=secret_network)
    with pytest.raises(SettingError, match="cannot be exported: it uses Recipe of reinas"):
        network_file(network, OwnSpace(), secret_network)


class OwnObjective(Objective):
    """An objective of one's own."""

    def loss(self, outputs, targets):
        return (outputs - targets).abs().mean()

    def score(self, outputs, targets):
        return -float(self.loss(outputs, targets))

    def combine(self, outputs, weights):
        return outputs.median(0).values


def test_an_objective_that_only_reinas_knows_is_said():
    """Its loss is not in train.py, nor how it combines networks in network.py."""
    network = ensemble("mlp", 2)
    network.objective = OwnObjective()
    with pytest.raises(SettingError, match="ensemble for the objective OwnObjective"):
        network_file(network, CASES["mlp"][0])
    with pytest.raises(SettingError, match="the loss of OwnObjective"):
        train_file(network, [None, None])


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    """Such as a file."""
    (tmp_path / "code").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        export_source(found("mlp"), tmp_path / "code")
