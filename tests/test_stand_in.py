"""Every kind of network on a device that refuses what belongs elsewhere."""

import copy
import time

import pytest
import torch
from benchmarks.device_check import KINDS, check, images, labels, numbers, text
from torch import nn

import reinas
import stand_in_device
from language_models import model, tokens
from reinas import Job, Limits, MemoryStore, MlpSpace, Placement, Recipe, TrainedEvaluator
from reinas.devices import synchronize
from reinas.executors.base import attempt
from reinas.finishing.final_training import measure_test_part, train_final
from reinas.fitting.pieces import PASSES, Piece, PieceEvaluator
from reinas.objectives.language import LanguageModelling
from reinas.training.costs import latency
from reinas.training.tensors import seeded
from reinas.training.training import Training

SPACE = MlpSpace(depth=1, widths=(8,), activations=("tanh",))
CHILD = SPACE.decode(SPACE.sample(1, 0)[0])
RECIPE = Recipe("adam", 0.01, schedule="cosine", epochs=2, batch_size=16)


@pytest.fixture
def device():
    with stand_in_device.present() as device:
        yield device


# ---- the device ----------------------------------------------------------------------------------


def test_it_refuses_tensors_of_both_devices(device):
    """Also in a list, in place and as an index; a scalar of the CPU is allowed, as by CUDA."""
    here, there = torch.ones(3), torch.ones(3, device=device)
    calls = [
        lambda: here + there,
        lambda: there.add_(here),
        lambda: torch.cat([there, here]),
        lambda: there[torch.tensor([0, 1])],
        lambda: nn.Linear(3, 2)(there),
        lambda: torch._foreach_lerp_([there], [here], 0.5),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match=r"device|expected all tensors"):
            call()
    assert (there + torch.tensor(2.0)).tolist() == [3.0, 3.0, 3.0]


def test_it_refuses_the_cpus_generator_and_has_its_own(device):
    """`manual_seed` starts both, and each goes on by itself."""
    with pytest.raises(RuntimeError, match="generator of standin"):
        torch.rand(3, device=device, generator=torch.Generator())
    torch.manual_seed(4)
    one = torch.rand(3, device=device)
    torch.rand(5)
    other = torch.rand(3, device=device)
    torch.manual_seed(4)
    torch.testing.assert_close(torch.rand(6, device=device), torch.cat([one, other]))


def test_it_computes_what_the_cpu_computes(device):
    """A network with its gradients, views, a copy, and a step of the optimiser."""
    torch.manual_seed(0)
    here = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 3))
    there = copy.deepcopy(here).to(device)
    x = torch.randn(5, 2, 6, 6)
    for network, inputs in ((here, x), (there, x.to(device))):
        step = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, fused=True)
        network(inputs.flip(3))[:, 1:].square().mean().backward()
        step.step()
    found = copy.deepcopy(there).to("cpu").state_dict()
    torch.testing.assert_close(found, here.state_dict())


def test_it_is_there_only_within():
    """Afterwards `auto` is the CPU again, and the device is refused in one sentence."""
    with stand_in_device.present():
        assert Placement("auto").resolved().device == "standin"
    assert Placement("auto").resolved().device == "cpu"
    with pytest.raises(
        reinas.ReinasError, match="standin is not on this machine: torch finds none"
    ):
        Placement("standin").resolved()


# ---- children ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_it_trains_is_finished_saved_loaded_and_predicts(name, device, tmp_path):
    """With every part of the training loop; the loss is near the CPU's, predictions its own."""
    check(name, device.type, tmp_path, count=60)


@pytest.mark.parametrize("make", [images, labels, numbers])
def test_the_test_part_is_measured_there(make, device, tmp_path):
    """All metrics of a network are the CPU's, for every objective."""
    task = make(60, tmp_path)
    size = torch.Size(task.inputs).numel()
    child = nn.Sequential(nn.Flatten(), nn.Linear(size, task.outputs))
    here = measure_test_part(child, task)
    assert measure_test_part(child.to(device), task, Placement("standin")) == pytest.approx(
        here, rel=1e-5
    )


def test_a_language_model_is_continued_there_to_the_last_bit(device):
    """The state has the device's generator, which drops words and units."""
    recipe = Recipe(
        epochs=2, batch_size=4, steps=5, embedding_dropout=0.2, recurrent_dropout=0.2, average=0.1
    )
    data = tokens(60).to(device)
    placed = Placement("standin")
    curves = []
    for stop in (0, 1):
        with seeded(3, device):
            training = Training(
                model().to(device), data, None, recipe, LanguageModelling(), placement=placed
            )
            if stop:
                training.run_epoch()
                state = copy.deepcopy(training.state())
                torch.rand(9, device=device)
                training = Training(
                    model(1).to(device), data, None, recipe, LanguageModelling(), placement=placed
                )
                training.restore(state)
            while not training.finished:
                training.run_epoch()
            curves.append(training.curve)
    assert curves[0] == curves[1]


def test_the_same_seed_gives_the_same_training_there(device, tmp_path):
    """With dropout on the device's own generator; its state is put back afterwards."""
    task = text(200, tmp_path)
    kind = KINDS["recurrent"]
    before = stand_in_device.backend.get_rng_state()
    run = TrainedEvaluator(task, kind.recipe, placement=Placement("standin"))
    one, other = (run(Job(0, kind.architecture, 5)).curve for _ in range(2))
    assert one == other
    assert torch.equal(before, stand_in_device.backend.get_rng_state())


def test_latency_is_measured_there(device):
    """The example goes to the device, which is waited for."""
    task = reinas.Wine()
    assert latency(nn.Linear(13, 3).to(device), task) > 0
    synchronize(device)


def test_tied_weights_stay_tied_there(device):
    """One parameter, on the device, also after a step of loading."""
    child = model(tied=True).to(device)
    assert child.decoder.weight is child.embedding.weight
    assert child.embedding.weight.device.type == "standin"


# ---- memory --------------------------------------------------------------------------------------


def limited(task, batch, size):
    """A child's outcome where a tensor may have `size` bytes."""
    run = TrainedEvaluator(task, RECIPE, placement=Placement("standin"))
    run(Job(0, CHILD, 1))  # the data are on the device
    recipe = Recipe(**{**RECIPE.settings, "batch_size": batch})
    run = TrainedEvaluator(task, recipe, placement=Placement("standin"))
    with stand_in_device.memory(size):
        return attempt(run, Job(0, CHILD, 1))


def test_half_the_batch_is_tried_once_where_memory_is_short(device, tmp_path):
    """The training is the very one that half the batch gives, and the metrics say so."""
    task = labels(100, tmp_path)
    found = limited(task, 40, 40 * 8 * 4 - 1)
    assert found.error is None
    assert found.metrics["batch_size"] == 20
    half = Recipe(**{**RECIPE.settings, "batch_size": 20})
    plain = TrainedEvaluator(task, half, placement=Placement("standin"))(Job(0, CHILD, 1))
    assert found.curve == plain.curve
    assert "batch_size" not in plain.metrics


def test_where_half_does_not_fit_either_the_trial_fails_with_the_reason(device, tmp_path):
    """One sentence, and no reward."""
    found = limited(labels(100, tmp_path), 40, 20 * 8 * 4 - 1)
    assert found.reward is None
    assert "standin ran out of memory, with batches of 40 and of 20" in found.error


def test_the_final_training_says_so_too(device, tmp_path):
    """And with half the batch its recipe is the one that was used."""
    task = labels(100, tmp_path)
    recipe = Recipe(**{**RECIPE.settings, "batch_size": 40})
    placed = Placement("standin")
    train_final(CHILD, task, recipe, reinas.build, lambda _: None, placed)
    with stand_in_device.memory(40 * 8 * 4 - 1):
        used = train_final(CHILD, task, recipe, reinas.build, lambda _: None, placed)[2]
        assert used.batch_size == 20
    with (
        stand_in_device.memory(20 * 8 * 4 - 1),
        pytest.raises(reinas.ReinasError, match="the final training failed: standin ran out"),
    ):
        train_final(CHILD, task, recipe, reinas.build, lambda _: None, placed)


def test_a_candidate_of_fit_goes_on_with_half_the_batch(device, tmp_path):
    """In its first piece and in the next, from the checkpoint; the metrics say so."""
    recipe = Recipe(**{**RECIPE.settings, "batch_size": 40})
    evaluator = PieceEvaluator(labels(100, tmp_path), Placement("standin"), Limits())

    def run(until):
        piece = Piece(CHILD, recipe, str(tmp_path / "0.pt"), time.time() + 60, until)
        return attempt(evaluator, Job(0, piece, 1))

    run(0.1)  # the data are on the device
    (tmp_path / "0.pt").unlink()
    with stand_in_device.memory(40 * 8 * 4 - 1):
        first, second = run(0.1), run(0.3)
    assert (first.error, second.error) == (None, None)
    assert first.metrics["batch_size"] == second.metrics["batch_size"] == 20
    assert second.metrics[PASSES] > first.metrics[PASSES]
    (tmp_path / "0.pt").unlink()
    with stand_in_device.memory(20 * 8 * 4 - 1):
        failed = run(0.1)
    assert "standin ran out of memory, with batches of 40 and of 20" in failed.error


# ---- searches ------------------------------------------------------------------------------------


def test_finish_trains_where_the_search_did_and_saves_from_the_cpu(device, tmp_path):
    """network.json says where; weights are float32, and the network predicts on both devices."""
    task = labels(60, tmp_path)
    store = MemoryStore()
    reinas.search(
        SPACE,
        reinas.RandomSearch(SPACE),
        TrainedEvaluator(task, RECIPE, placement=Placement("standin:0")),
        budget=reinas.Budget(1),
        store=store,
        name="s",
    )
    assert store.get("s").settings["evaluator"]["placement"] == {"device": "standin"}
    before = stand_in_device.backend.calls
    reinas.finish(store, "s", SPACE, task, folder=tmp_path, grid=None)
    assert stand_in_device.backend.calls > before
    here, there = reinas.load(tmp_path), reinas.load(tmp_path, device="standin")
    assert here.description["placement"] == {"device": "standin"}
    for network, kind in ((here, "cpu"), (there, "standin")):
        weights = list(network.parameters())
        assert {(p.device.type, p.dtype) for p in weights} == {(kind, torch.float32)}
    x = torch.from_numpy(task.test().x)
    assert here.predict(x) == there.predict(x) == there.predict(x.to(device))


def test_the_command_line_records_restores_and_guards_the_device(device, reinas):
    """Resume goes on there, on any of that type; another device or precision is refused."""
    options = ("--task", "wine", "--workers", 0, "--epochs", 1, "--name", "s", "--batch-size", 1)
    status, _, error = reinas("search", "mlp", *options, "--trials", 1, "--device", "standin:0")
    assert status == 0, error
    before = stand_in_device.backend.calls
    assert reinas("resume", "s", "--trials", 2, "--workers", 0)[0] == 0
    assert stand_in_device.backend.calls > before
    for given in (["--device", "auto"], ["--device", "standin:0"], ["--precision", "float32"]):
        status, _, error = reinas("resume", "s", "--trials", 2, "--workers", 0, *given)
        assert status == 0, error
    for option, value in (("--device", "cpu"), ("--precision", "bfloat16")):
        status, _, error = reinas("resume", "s", "--trials", 3, "--workers", 0, option, value)
        assert status
        assert f"{option} cannot become {value}: the search's children train with" in error
    before = stand_in_device.backend.calls
    status, _, error = reinas("finish", "s", "--no-grid", "--epochs", 1, "--workers", 0)
    assert status == 0, error
    assert stand_in_device.backend.calls > before
