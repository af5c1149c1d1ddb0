"""MNIST and CIFAR-10 from small files made by hand, in folders and from a server."""

import gzip
import hashlib
import http.server
import io
import struct
import tarfile
import threading

import numpy as np
import pytest

from reinas import Cifar10, Mnist
from reinas.errors import FileError, SettingError
from reinas.objectives.classification import Classification
from reinas.tasks import public_images
from reinas.tasks.download import Remote

STEMS = {"train": "train", "test": "t10k"}
N = 40


def digits(n=N, seed=0):
    """Images and labels, every label in turn."""
    x = np.random.default_rng(seed).integers(0, 256, (n, 28, 28), np.uint8)
    return x, (np.arange(n) % 10).astype(np.uint8)


def idx(array):
    """The file format as its author describes it: big-endian, type 8, axes, lengths."""
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


def write_mnist(folder, packed=True, parts=("train", "test")):
    """The four files; their content by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, part in enumerate(parts):
        x, y = digits(seed=seed)
        for name, array in (("images-idx3", x), ("labels-idx1", y)):
            path = folder / f"{STEMS[part]}-{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return folder


def mnist(folder, **settings):
    return Mnist(folder=str(folder), **{"valid": 10, **settings})


def rows(part):
    return [(x.tobytes(), int(y)) for x, y in zip(part.x, part.y, strict=True)]


@pytest.mark.parametrize(("packed", "inner"), [(True, ""), (False, ""), (False, "MNIST/raw")])
def test_mnist_is_read_from_a_folder(tmp_path, packed, inner):
    """Every training image with its label in one part, the test files' in another."""
    write_mnist(tmp_path / inner, packed)
    task = mnist(tmp_path)
    parts = task.parts()
    x, y = digits()
    wanted = [(image.tobytes(), int(label)) for image, label in zip(x, y, strict=True)]
    assert sorted(rows(parts.train) + rows(parts.valid)) == sorted(wanted)
    assert (len(parts.train), len(parts.valid)) == (30, 10)
    assert np.bincount(parts.valid.y).tolist() == [1] * 10
    x, y = digits(seed=1)
    assert np.array_equal(task.test().x[:, 0], x)
    assert task.test().y.tolist() == y.tolist()


def test_mnist_fits_what_it_says(tmp_path):
    """Shapes and types of the parts."""
    task = mnist(write_mnist(tmp_path))
    part = task.parts().train
    assert part.x.shape[1:] == task.inputs == (1, 28, 28)
    assert (part.x.dtype, part.y.dtype) == (np.uint8, np.int64)
    assert (task.outputs, task.objective) == (10, Classification())
    assert task.labels["classes"] == list("0123456789")


def test_mnists_test_files_are_not_opened_by_parts(tmp_path):
    """They may be missing until the test, which then says so."""
    task = mnist(write_mnist(tmp_path, parts=("train",)))
    assert len(task.parts().train) == 30
    with pytest.raises(FileError, match="t10k-images-idx3-ubyte"):
        task.test()


def test_examples_takes_that_many(tmp_path):
    """Of training and validation part together, in equal shares of classes, none twice."""
    parts = mnist(write_mnist(tmp_path), examples=20).parts()
    chosen = rows(parts.train) + rows(parts.valid)
    assert len(set(chosen)) == len(chosen) == 20
    assert np.bincount([label for _, label in chosen]).tolist() == [2] * 10


def test_the_split_follows_its_number(tmp_path):
    """The same twice, another for another number."""
    write_mnist(tmp_path)
    one, same, other = (rows(mnist(tmp_path, split=n).load().valid) for n in (1, 1, 2))
    assert one == same
    assert one != other


def damaged(kind):
    """Bytes of a damaged file of images or labels."""
    x, y = digits()
    images, labels = idx(x), idx(y)
    return {
        "magic": ("train-images-idx3-ubyte", b"\x00\x00\x0d\x03" + images[4:]),
        "text": ("train-images-idx3-ubyte", b"<html>not found</html>"),
        "empty": ("train-images-idx3-ubyte", b""),
        "head": ("train-images-idx3-ubyte", images[:10]),
        "short": ("train-images-idx3-ubyte", images[:-1]),
        "long": ("train-images-idx3-ubyte", images + b"\x00"),
        "labels short": ("train-labels-idx1-ubyte", labels[:-5]),
        "swapped": ("train-labels-idx1-ubyte", images),
        "fewer": ("train-labels-idx1-ubyte", idx(y[:-3])),
        "size": ("train-images-idx3-ubyte", idx(x[:, :20])),
        "label": ("train-labels-idx1-ubyte", idx(y + 1)),
    }[kind]


KINDS = ["magic", "text", "empty", "head", "short", "long", "labels short", "swapped"]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_of_mnist_is_named(tmp_path, kind, packed):
    """Wrong magic, cut off, too long, another file: one message with the file's name."""
    write_mnist(tmp_path, packed)
    name, content = damaged(kind)
    path = tmp_path / f"{name}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(FileError, match=name):
        mnist(tmp_path).parts()


@pytest.mark.parametrize("kind", ["fewer", "size", "label"])
def test_files_of_mnist_that_do_not_fit_together_are_refused(tmp_path, kind):
    """Fewer labels than images, images of another size, a label above 9; the folder is named."""
    write_mnist(tmp_path, packed=False)
    name, content = damaged(kind)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match="expected as many 28 x 28 images") as caught:
        mnist(tmp_path).parts()
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b[: len(b) // 2], lambda b: b"no gzip", lambda b: b""]
)
def test_a_packed_file_that_is_cut_off_is_named(tmp_path, damage):
    """gzip's own checks say so; an empty file is not data either."""
    write_mnist(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FileError, match="train-labels-idx1-ubyte"):
        mnist(tmp_path).parts()


@pytest.mark.parametrize("there", [True, False])
def test_a_missing_file_of_mnist_is_named(tmp_path, there):
    """In a folder without it, and in no folder at all."""
    folder = tmp_path if there else tmp_path / "nowhere"
    with pytest.raises(FileError, match="has no train-images-idx3-ubyte") as caught:
        mnist(folder).parts()
    assert str(folder) in str(caught.value)


def test_too_many_images_for_validation_is_said(tmp_path):
    """5,000 of 40 cannot be held back."""
    with pytest.raises(SettingError, match=r"40 examples.*5000"):
        Mnist(folder=str(write_mnist(tmp_path))).parts()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"valid": 0}, "valid must be at least 1"),
        ({"examples": 3}, "examples must be at least 10"),
        ({"reward": "acuracy"}, "did you mean 'accuracy'"),
        ({"whitening": "pca"}, "channel, zca, quantile, none"),
    ],
)
def test_a_wrong_setting_is_said_when_the_task_is_made(settings, said):
    """Before anything is downloaded."""
    with pytest.raises(SettingError, match=said):
        Mnist(**settings)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """MNIST's home on this machine; what was asked for is listed."""
    source = write_mnist(tmp_path / "source")
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(source))

        def log_message(self, *args):
            """Say nothing."""

        def do_GET(self):
            asked.append(self.path.strip("/"))
            super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    sums = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in source.iterdir()}
    address = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(public_images, "MNIST_HOMES", (address + "nowhere/", address))
    monkeypatch.setattr(public_images, "MNIST_SUMS", sums)
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_mnist_is_downloaded_once_and_its_test_files_only_for_the_test(home, tmp_path):
    """Two files for the parts, two more for the test, none again; from the second home."""
    task = Mnist(valid=10, split=77)
    assert len(task.load().train) == 30
    assert {name.rpartition("/")[2] for name in home} == {
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    }
    before = len(home)
    task.load()
    assert len(home) == before
    assert len(task.test()) == N
    assert {name.rpartition("/")[2] for name in home[before:]} == {
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    }
    kept = tmp_path / "cache" / "reinas" / "mnist"
    assert sum(p.name.endswith("ubyte.gz") for p in kept.iterdir()) == 4


def test_mnist_with_a_wrong_sum_is_not_used(home, monkeypatch, tmp_path):
    """The message names the file and how to give a folder; nothing is kept."""
    monkeypatch.setattr(
        public_images, "MNIST_SUMS", dict.fromkeys(public_images.MNIST_SUMS, "0" * 32)
    )
    with pytest.raises(FileError, match=r"train-images-idx3-ubyte.gz .*set task.folder"):
        Mnist(valid=10, split=78).load()
    kept = tmp_path / "cache" / "reinas" / "mnist"
    assert [p.name for p in kept.iterdir() if not p.name.endswith(".lock")] == []


def pictures(n, seed):
    """Labels and pixels of n images."""
    rng = np.random.default_rng(seed)
    return np.arange(n, dtype=np.uint8) % 10, rng.integers(0, 256, (n, 3, 32, 32), np.uint8)


def batch(n, seed):
    """A file of CIFAR-10: a byte of label, 1,024 each of red, green and blue, an image."""
    y, x = pictures(n, seed)
    return b"".join(bytes([label]) + image.tobytes() for label, image in zip(y, x, strict=True))


def write_cifar10(folder, test=True):
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(1, 6):
        (folder / f"data_batch_{n}.bin").write_bytes(batch(10, n))
    if test:
        (folder / "test_batch.bin").write_bytes(batch(10, 6))
    return folder


def cifar10(folder, **settings):
    return Cifar10(folder=str(folder), **{"valid": 10, **settings})


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-bin"])
def test_cifar10_is_read_from_a_folder(tmp_path, inner):
    """Every image of the five files with its label in one part, channels first."""
    write_cifar10(tmp_path / inner)
    task = cifar10(tmp_path)
    parts = task.parts()
    wanted = [
        (image.tobytes(), int(label))
        for n in range(1, 6)
        for label, image in zip(*pictures(10, n), strict=True)
    ]
    assert sorted(rows(parts.train) + rows(parts.valid)) == sorted(wanted)
    y, x = pictures(10, 6)
    assert np.array_equal(task.test().x, x)
    assert task.test().y.tolist() == y.tolist()
    assert parts.train.x.shape[1:] == task.inputs == (3, 32, 32)
    assert len(task.labels["classes"]) == task.outputs == 10
    assert task.labels["classes"][3] == "cat"


def test_cifar10s_test_file_is_not_opened_by_parts(tmp_path):
    """It may be missing until the test, which then says so."""
    task = cifar10(write_cifar10(tmp_path, test=False))
    assert len(task.parts().train) == 40
    with pytest.raises(FileError, match=r"test_batch\.bin"):
        task.test()


@pytest.mark.parametrize("content", [b"", batch(2, 0)[:-1], batch(1, 0) + b"\x01", b"x" * 100])
def test_a_file_of_cifar10_that_is_cut_off_is_named(tmp_path, content):
    """No whole number of images, or none."""
    write_cifar10(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(FileError, match=r"data_batch_3\.bin is cut off"):
        cifar10(tmp_path).parts()


def test_a_label_above_9_is_not_cifar10(tmp_path):
    """CIFAR-100's files, say."""
    write_cifar10(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(bytes([10]) + bytes(3072))
    with pytest.raises(FileError, match="label is above 9"):
        cifar10(tmp_path).parts()


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_cifar10_is_named(tmp_path, there):
    """And says that the binary version is needed."""
    folder = tmp_path if there else tmp_path / "nowhere"
    with pytest.raises(FileError, match="binary version") as caught:
        cifar10(folder).parts()
    assert str(folder) in str(caught.value)


def packed(names):
    """An archive like the published one."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for n, name in enumerate(names):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            content = batch(10, n)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def expect(monkeypatch, content):
    """Make this content the published one."""
    remote = Remote("cifar-10-binary.tar.gz", (), hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(public_images, "CIFAR10", remote)


def test_cifar10_is_read_from_its_archive(tmp_path, monkeypatch):
    """The five files' images and the test file's, by their names."""
    content = packed(
        ["readme.html", *(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    )
    expect(monkeypatch, content)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(content)
    task = cifar10(tmp_path)
    assert len(task.parts().train) == 40
    assert np.array_equal(task.test().x, pictures(10, 6)[1])


def test_an_archive_of_another_sum_is_refused(tmp_path):
    """Both sums are in the message, and the path."""
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(packed(["data_batch_1.bin"]))
    with pytest.raises(FileError, match=r"cifar-10-binary\.tar\.gz is damaged or another file"):
        cifar10(tmp_path).parts()


def test_an_archive_without_a_file_names_it(tmp_path, monkeypatch):
    """The files that are missing."""
    content = packed(["data_batch_1.bin"])
    expect(monkeypatch, content)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(content)
    with pytest.raises(FileError, match=r"has no data_batch_2\.bin"):
        cifar10(tmp_path).parts()
