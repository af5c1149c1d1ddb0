"""Public images: MNIST and CIFAR-10, from a folder or from their official homes."""

import gzip
import tarfile
import zlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, InvalidSettingError
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.rewards import RewardSetting, check_reward
from reinas.tasks.base import Part
from reinas.tasks.download import Remote, cache, check_sum, fetch
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import WHITENING
from reinas.tasks.user_data import Data, FileTask, check_examples, check_words, split, subsample

# LeCun's own page sends people to the first; the second is the mirror that PyTorch keeps
MNIST_HOMES = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
MNIST_SUMS = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
# the binary version: the one for Python is pickles, which are never read here
CIFAR10 = Remote(
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/",),
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
ANIMALS = ("bird", "cat", "deer", "dog", "frog", "horse")
CIFAR10_CLASSES = ("airplane", "automobile", *ANIMALS, "ship", "truck")
CIFAR10_TRAIN = tuple(f"data_batch_{n}.bin" for n in range(1, 6))
CIFAR10_TEST = ("test_batch.bin",)


@dataclass(frozen=True)
class PublicImages(FileTask):
    """What MNIST and CIFAR-10 have in common: training files, test files, ten classes.

    Args:
        folder: Where the files are; empty downloads them once.
        whitening: As for every task.
        examples: How many training images to use, drawn at random; None is all.
        valid: How many training images are for validation, drawn at random.
        split: Seed of the draws.
        reward: As for every task.
    """

    folder: str = ""
    whitening: str = "channel"
    examples: int | None = None
    valid: int = 5000
    split: int = 0
    reward: RewardSetting = "cubed"
    objective: ClassVar[Objective] = Classification()
    classes: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        if self.folder:
            object.__setattr__(self, "folder", str(Path(self.folder).expanduser().absolute()))
        object.__setattr__(self, "reward", check_reward(self.reward))
        check_words(whitening=(self.whitening, WHITENING))
        check_examples(self.examples)
        if self.valid < 1:
            raise InvalidSettingError("task.valid", f"must be at least 1 image, got {self.valid}")

    @abstractmethod
    def read(self, part: str) -> Part:
        """Read the files of a part.

        Args:
            part: `train` or `test`.

        Returns:
            Images uint8 [N, channels, height, width] and class numbers int64 [N].

        Raises:
            FileError: They cannot be read or downloaded, or are other files.
        """

    def load(self) -> Data:
        """The training files, split; the test files are left alone."""
        x, y = (whole := self.read("train")).x, whole.y
        where = f"{self.name} in {self.folder}" if self.folder else self.name
        taken = subsample(where, y, self.classes, self.examples, self.split)
        x, y = x[taken], y[taken]
        rest, held = split(where, y, self.classes, self.valid, self.split)
        return Data(Part(x[rest], y[rest]), Part(x[held], y[held]), classes=self.classes)

    def test(self) -> Part:
        """The test files: read only now."""
        return self.read("test")


@dataclass(frozen=True)
class Mnist(PublicImages):
    """MNIST: 70,000 handwritten digits, 28 x 28 pixels, downloaded when first used.

    `folder` reads train-images-idx3-ubyte(.gz) and the other three files from there instead.
    """

    name: ClassVar[str] = "mnist"
    inputs: ClassVar[tuple[int, ...]] = (1, 28, 28)
    outputs: ClassVar[int] = 10
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")

    @property
    def recipe(self) -> Recipe:
        """The paper's optimiser, for few epochs: the images are easy."""
        return Recipe(epochs=5)

    def read(self, part: str) -> Part:
        """Images and labels of `train` or `test`."""
        stem = "train" if part == "train" else "t10k"
        images = self._file(f"{stem}-images-idx3-ubyte")
        labels = self._file(f"{stem}-labels-idx1-ubyte")
        x, y = _idx(images, 3), _idx(labels, 1)
        if len(x) != len(y) or x.shape[1:] != (28, 28) or y.max(initial=0) > 9:
            raise FileError(
                f"{images} and {labels.name}: expected as many 28 x 28 images as labels 0 to 9,"
                f" got {x.shape} and {y.shape}"
            )
        return Part(x[:, None], y.astype(np.int64))

    def _file(self, name: str) -> Path:
        """Where the file is, packed or not."""
        packed = f"{name}.gz"
        if not self.folder:
            remote = Remote(packed, MNIST_HOMES, MNIST_SUMS[packed])
            return fetch(remote, cache() / "mnist")
        folder = Path(self.folder)
        for candidate in (folder / name, folder / packed, folder / "MNIST" / "raw" / name):
            if candidate.exists():
                return candidate
        raise FileError(f"{folder} has no {name} or {packed}: MNIST has four such files")


@dataclass(frozen=True)
class Cifar10(PublicImages):
    """CIFAR-10: 60,000 colour images, 32 x 32 pixels, ten classes; downloaded when first used.

    `folder` reads cifar-10-binary.tar.gz, or the .bin files in it, from there instead. Training
    images are enlarged, cropped and mirrored at random, as in the paper.
    """

    name: ClassVar[str] = "cifar10"
    inputs: ClassVar[tuple[int, ...]] = (3, 32, 32)
    outputs: ClassVar[int] = 10
    classes: ClassVar[tuple[str, ...]] = CIFAR10_CLASSES

    @property
    def recipe(self) -> Recipe:
        """The paper's (section 4.1); that images are enlarged to 40 x 40 pixels is our choice."""
        return Recipe(upsample=4, flip=True)

    def read(self, part: str) -> Part:
        """Images and labels of `train` or `test`."""
        names = CIFAR10_TRAIN if part == "train" else CIFAR10_TEST
        records = []
        for name, content in zip(names, self._contents(names), strict=True):
            if not content or len(content) % 3073:
                raise FileError(
                    f"cifar10, {self.folder or cache()}: {name} is cut off: {len(content):,} bytes"
                    " are no whole number of images of 3,073"
                )
            records.append(np.frombuffer(content, np.uint8).reshape(-1, 3073))
        whole = np.concatenate(records)
        if whole[:, 0].max() > 9:
            raise FileError(
                f"cifar10, {self.folder or cache()}: a label is above 9: these are not CIFAR-10's"
            )
        return Part(whole[:, 1:].reshape(-1, 3, 32, 32), whole[:, 0].astype(np.int64))

    def _contents(self, names: Sequence[str]) -> list[bytes]:
        if not self.folder:
            return _members(fetch(CIFAR10, cache() / "cifar10"), names)
        folder = Path(self.folder)
        for place in (folder, folder / "cifar-10-batches-bin"):
            if all((place / name).exists() for name in names):
                return [(place / name).read_bytes() for name in names]
        archive = folder / CIFAR10.name
        if archive.exists():
            check_sum(archive, CIFAR10)
            return _members(archive, names)
        raise FileError(
            f"{folder} has neither {CIFAR10.name} nor {', '.join(names)}: the binary version of"
            " CIFAR-10 is needed (the one for Python holds pickles, which are not read)"
        )


def _unpacked(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"{path} cannot be unpacked ({error}): get it again") from None


def _members(archive: Path, names: Sequence[str]) -> list[bytes]:
    """Files in a tar archive, by their bare names."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                bare = member.name.rpartition("/")[2]
                if bare in names and (file := tar.extractfile(member)) is not None:
                    found[bare] = file.read()
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise FileError(f"{archive} cannot be unpacked ({error}): get it again") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise FileError(f"{archive} has no {', '.join(missing)}: is it the binary version?")
    return [found[name] for name in names]


def _idx(path: Path, axes: int) -> NDArray[Any]:
    """An array of bytes in MNIST's own format: two zeros, type 8, the axes' lengths, the data."""
    data = _unpacked(path)
    head = 4 + 4 * axes
    if len(data) < head or data[:4] != bytes((0, 0, 8, axes)):
        raise FileError(f"{path} is not in MNIST's format (idx, bytes, {axes} axes)")
    shape = tuple(int(n) for n in np.frombuffer(data[4:head], ">u4"))
    if len(data) - head != int(np.prod(shape)):
        raise FileError(
            f"{path}: an array of shape {shape} should have {np.prod(shape):,} bytes, but there"
            f" are {len(data) - head:,}: the file is cut off or damaged"
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)
