"""ONNX and torch.export: every space's networks, run by others and compared."""

import builtins
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from scipy.special import ndtri

from found_networks import CASES, ensemble, found, raw_examples
from reinas.errors import FileError, InvalidSettingError, SettingError
from reinas.export import formats
from reinas.export.formats import export_onnx, export_pt2
from reinas.export.network import normal
from reinas.export.portable import normal_quantile, portable_normal

LANGUAGE = ("lstm", "recurrent")
EXAMPLES = [case for case in CASES if case not in LANGUAGE]


def close(found, expected):
    return np.allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", EXAMPLES)
def test_onnx_gives_what_the_network_gives(case, tmp_path):
    """In onnxruntime, for batches of one, two and eleven raw examples."""
    network = found(case, seed=3)
    done = export_onnx(network, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(done.path))
    assert done.difference < 1e-4
    for count in (1, 2, 11):
        x = raw_examples(network, count)
        with torch.no_grad():
            assert close(session.run(None, {"x": x.numpy()})[0], network(x).numpy())


@pytest.mark.parametrize("case", EXAMPLES)
def test_pt2_gives_what_the_network_gives(case, tmp_path):
    """Loaded by torch.export, for batches of one, two and eleven raw examples."""
    network = found(case, seed=3)
    done = export_pt2(network, tmp_path / "net.pt2")
    run = torch.export.load(done.path).module()
    for count in (1, 2, 11):
        x = raw_examples(network, count)
        with torch.no_grad():
            torch.testing.assert_close(run(x), network(x))


@pytest.mark.parametrize("case", LANGUAGE)
def test_a_language_model_is_one_step_with_its_states(case, tmp_path):
    """Step by step over a window, in both formats, it says what the window says."""
    network = found(case, seed=1)
    tokens = raw_examples(network, 4)
    with torch.no_grad():
        expected = network(tokens)
    export_onnx(network, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    export_pt2(network, tmp_path / "net.pt2")
    run = torch.export.load(tmp_path / "net.pt2").module()
    states = [state.clone() for pair in network.child.start(4) for state in pair]
    arrays = [state.numpy() for state in states]
    names = [i.name for i in session.get_inputs()]
    for words, logits in zip(tokens, expected, strict=True):
        found_logits, *arrays = session.run(
            None, dict(zip(names, [words.numpy(), *arrays], strict=True))
        )
        assert close(found_logits, logits.numpy())
        also, *states = run(words, *states)
        torch.testing.assert_close(also, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", LANGUAGE)
def test_a_window_of_a_language_model_is_read_at_once(case, tmp_path):
    """From zero states, for any number of texts side by side."""
    network = found(case)
    export_onnx(network, tmp_path / "net.onnx", window=9)
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    tokens = raw_examples(network, 5)
    with torch.no_grad():
        assert close(session.run(None, {"tokens": tokens.numpy()})[0], network(tokens).numpy())


def test_the_exported_steps_are_those_of_the_fast_ones():
    """The plain forward that is exported, against the programs of NumPy that train."""
    network = found("recurrent", seed=2)
    tokens = raw_examples(network, 7)
    with torch.no_grad():
        fast = network(tokens)
        for layer in network.child.layers:
            layer.plain = True
        torch.testing.assert_close(network(tokens), fast, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ["stages", "tabular", "recurrent"])
def test_an_ensemble_is_exported_as_one(case, tmp_path):
    """With the mirror images of pictures."""
    network = ensemble(case, 2, mirror=case == "stages")
    window = 9 if network.objective.tokens else None
    done = export_onnx(network, tmp_path / "net.onnx", window=window)
    session = onnxruntime.InferenceSession(str(done.path))
    x = raw_examples(network, 5)
    name = session.get_inputs()[0].name
    with torch.no_grad():
        assert close(session.run(None, {name: x.numpy()})[0], network(x).numpy())


def test_the_file_says_what_it_is(tmp_path):
    """ONNX in its metadata, pt2 in a file within."""
    network = found("stages")
    export_onnx(network, tmp_path / "net.onnx")
    known = {p.key: p.value for p in onnx.load(str(tmp_path / "net.onnx")).metadata_props}
    assert json.loads(known["classes"]) == list(network.classes)
    assert json.loads(known["network.json"]) == json.loads(json.dumps(network.description))
    export_pt2(network, tmp_path / "net.pt2")
    more = {"network.json": ""}
    torch.export.load(tmp_path / "net.pt2", extra_files=more)
    assert json.loads(more["network.json"]) == json.loads(json.dumps(network.description))


def test_bytes_of_images_are_taken(tmp_path):
    """As `encode` gives them for a network that reads pictures."""
    network = found("stages")
    network.description["task"]["reader"] = "images"
    export_onnx(network, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    x = torch.randint(256, (4, 3, 12, 10), dtype=torch.uint8)
    with torch.no_grad():
        assert close(session.run(None, {"x": x.numpy()})[0], network(x).numpy())


def test_the_normal_quantile_is_scipys():
    """AS 241 to 15 digits, from the tails that are cut off to the middle."""
    shares = np.concatenate([np.geomspace(1e-4, 0.5, 500), 1 - np.geomspace(1e-4, 0.5, 500)])
    result = normal_quantile(torch.from_numpy(shares)).numpy()
    np.testing.assert_allclose(result, ndtri(shares), rtol=1e-14, atol=1e-15)


def test_portable_quantiles_are_the_usual_ones():
    """Ties, values between quantiles and beyond them, and columns without quantiles."""
    rng = np.random.default_rng(0)
    quantiles = np.sort(rng.standard_cauchy((50, 4)), 0).astype(np.float32)
    quantiles[10:20, 1] = quantiles[10, 1]
    quantiles[:, 3] = np.nan
    x = np.concatenate([rng.standard_cauchy((200, 4)), quantiles, 100 * quantiles])
    x, quantiles = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(quantiles)
    one, two = (f(x, quantiles)[:, :3] for f in (normal, portable_normal))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-6)


def test_an_export_leaves_the_network_alone(tmp_path):
    """Its layers stay the fast ones, and it stays in its mode."""
    network = found("recurrent").train()
    export_pt2(network, tmp_path / "net.pt2")
    assert network.training
    assert not any(layer.plain for layer in network.child.layers)


def test_a_file_that_says_something_else_is_not_trusted(tmp_path, monkeypatch):
    """The comparison is no formality."""
    monkeypatch.setattr(formats, "_onnx_outputs", lambda path: lambda inputs: [torch.ones(5, 4)])
    with pytest.raises(SettingError, match=r"differs from the network by .* not to be trusted"):
        export_onnx(found("stages"), tmp_path / "net.onnx")


def test_wrong_settings_and_places_are_said(tmp_path):
    """A window of examples, a window of nothing, a folder that is not there."""
    with pytest.raises(InvalidSettingError, match="is for language models"):
        export_onnx(found("mlp"), tmp_path / "a.onnx", window=5)
    with pytest.raises(InvalidSettingError, match="must be at least 1"):
        export_pt2(found("lstm"), tmp_path / "a.pt2", window=0)
    with pytest.raises(FileError, match="cannot be written"):
        export_pt2(found("mlp"), tmp_path / "none" / "a.pt2")
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(tmp_path, monkeypatch):
    """With the command that installs them."""
    real = formats.importlib.util.find_spec
    monkeypatch.setattr(
        formats.importlib.util, "find_spec", lambda n: None if n == "onnxscript" else real(n)
    )
    with pytest.raises(SettingError, match=r"needs onnxscript: .*'reinas\[onnx\]'"):
        export_onnx(found("mlp"), tmp_path / "a.onnx")


def test_what_cannot_be_exported_is_said(tmp_path):
    """A network that looks at its inputs to decide what to do."""

    class Odd(torch.nn.Module):
        def forward(self, x):
            return builtins.max(x, -x, key=lambda t: float(t.sum()))

    network = found("mlp")
    network.child = Odd()
    with pytest.raises(SettingError, match=r"cannot be exported by torch\.export: "):
        export_pt2(network, tmp_path / "a.pt2")
