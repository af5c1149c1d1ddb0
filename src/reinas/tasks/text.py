"""Text files for language models."""

import gzip
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, get_args

import numpy as np

from reinas.errors import FileError, InvalidSettingError
from reinas.objectives.language import LanguageModelling
from reinas.rewards import RewardSetting, check_reward
from reinas.system import check_ends
from reinas.tasks.base import Part
from reinas.tasks.recipes import TEXT_RECIPE, Recipe
from reinas.tasks.user_data import Data, FileTask, absolute_path, check_shares, check_words, missing

Level = Literal["word", "char"]
Size = Literal["medium", "small", "fast"]
UNKNOWN, END = "<unk>", "<eos>"
PUBLISHED_STEPS = 35
"""Words per window of the published medium model."""
NAMES = {"train": ("train",), "valid": ("valid", "val", "dev"), "test": ("test",)}


@dataclass(frozen=True)
class Text(FileTask):
    """Your own text for language models: words or characters.

    A folder has one file each for train, valid and test; a single file is split by position.
    Files are UTF-8, plain or .gz. Words are what lies between white space, and every line ends
    with <eos>. Tokens outside the vocabulary are <unk>.

    Args:
        path: The file or the folder.
        level: What a token is.
        vocabulary: How many tokens are told apart, <unk> among them: the most frequent ones of
            the training part.
        size: Which recipe: the published `medium` model's; a `small` one for small models; or
            `fast`, that of `reinas fit`, which learns most in minutes.
        valid_share: The share of the validation part, of a single file.
        test_share: The share of the test part, of a single file.
        reward: As for every task.
    """

    path: str = ""
    level: Level = "word"
    vocabulary: int = 10_000
    size: Size = "medium"
    valid_share: float = 0.1
    test_share: float = 0.1
    reward: RewardSetting = "perplexity"
    whitening = "none"
    name: ClassVar[str] = "text"
    inputs: ClassVar[tuple[int, ...]] = ()

    def __post_init__(self) -> None:
        path = absolute_path(self.path, "task.path", "text:FILE or text:FOLDER")
        object.__setattr__(self, "path", path)
        check_words(level=(self.level, get_args(Level)), size=(self.size, get_args(Size)))
        object.__setattr__(self, "reward", check_reward(self.reward))
        check_shares(self.valid_share, self.test_share)
        if self.vocabulary < 2:
            raise InvalidSettingError(
                "task.vocabulary",
                f"must be at least 2 tokens, one of which is {UNKNOWN}; got {self.vocabulary}",
            )

    @property
    def objective(self) -> LanguageModelling:
        """The next token."""
        return LanguageModelling(self.level)

    @property
    def recipe(self) -> Recipe:
        """The published medium model's (section 4.2), a short one, or that of `reinas fit`.

        The published rate of 1 and the greatest norm of 5 belong to a loss that is summed over
        the steps of a window. Here a loss is the mean over them, so that the rate is multiplied
        by their number, and the norm divided.
        """
        if self.size == "fast":
            return TEXT_RECIPE
        if self.size == "small":
            return Recipe(
                optimizer="adam",
                learning_rate=0.003,
                weight_decay=0.0,
                schedule="cosine",
                epochs=3,
                batch_size=20,
                initial=0.05,
                clip=5.0,
            )
        return Recipe(
            learning_rate=1.0 * PUBLISHED_STEPS,
            momentum=0.0,
            weight_decay=0.0,
            schedule="exponential",
            epochs=35,
            batch_size=20,
            steps=PUBLISHED_STEPS,
            initial=0.05,
            clip=5.0 / PUBLISHED_STEPS,
            embedding_dropout=0.2,
            recurrent_dropout=0.25,
        )

    def load(self) -> Data:
        """Training and validation part as numbers, and the test part of a single file."""
        files = self._files()
        train = self._tokens(files["train"])
        test: list[str] = []
        if "valid" in files:
            valid = self._tokens(files["valid"])
        else:
            first = int(len(train) * (1 - self.valid_share - self.test_share))
            second = int(len(train) * (1 - self.test_share))
            train, valid, test = train[:first], train[first:second], train[second:]
        vocabulary = self._vocabulary(train)
        parts = [self._part(part, vocabulary, files) for part in (train, valid)]
        plain = [token for token in valid if token not in (END, UNKNOWN)]
        known = sum(token in vocabulary for token in plain) / max(1, len(plain))
        if not known:
            raise FileError(
                f"{self.path}: the validation part has no {self.level} of the training part's"
                f" vocabulary of {len(vocabulary):,}: do they belong together?"
            )
        what = "words" if self.level == "word" else "characters"
        note = f"{self.path}: {len(vocabulary):,} different {what}, {100 * known:.1f} % known"
        return Data(
            parts[0],
            parts[1],
            None if "test" in files else self._part(test, vocabulary, files),
            tuple(vocabulary),
            (note + " of the validation part",),
            {"reader": "text", "level": self.level},
        )

    def test(self) -> Part:
        """The held-back part: read only now where it has a file of its own."""
        if self.data.test is not None:
            return self.data.test
        files = self._files()
        vocabulary = {token: n for n, token in enumerate(self.data.classes)}
        return self._part(self._tokens(files["test"]), vocabulary, files)

    def _files(self) -> dict[str, Path]:
        """The files of the parts; a single file is all of them."""
        root = Path(self.path)
        if not root.is_dir():
            return {"train": root}
        found = {}
        for part, stems in NAMES.items():
            files = sorted(p for p in root.iterdir() if p.name.split(".")[0].lower() in stems)
            if len(files) != 1:
                names = ", ".join(p.name for p in files) or "none"
                raise FileError(
                    f"{root}: expected one file called {part}, such as {part}.txt or"
                    f" {part}.txt.gz; found {names}"
                )
            found[part] = files[0]
        return found

    def _tokens(self, path: Path) -> list[str]:
        check_ends(path)
        try:
            data = path.read_bytes()
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FileError(
                f"{path} is not UTF-8 text (byte {error.start}): save it as such"
            ) from None
        except OSError as error:
            raise FileError(missing(path, error)) from None
        except (EOFError, zlib.error) as error:
            raise FileError(f"{path} cannot be read: {error}") from None
        if self.level == "char":
            return list(text)
        lines = text.removesuffix("\n").split("\n") if text else []
        return [token for line in lines for token in (*line.split(), END)]

    def _vocabulary(self, train: list[str]) -> dict[str, int]:
        """Token -> number, the most frequent first; <unk> is always in it."""
        counted = Counter(train)
        counted.pop(UNKNOWN, None)
        kept = [token for token, _ in counted.most_common(self.vocabulary - 1)]
        return {token: n for n, token in enumerate((UNKNOWN, *kept))}

    def _part(self, tokens: list[str], vocabulary: dict[str, int], files: dict[str, Path]) -> Part:
        """Every token, and as its target the next one."""
        if len(tokens) < 3:
            where = self.path if len(files) == 1 else f"{self.path}, one of its files"
            raise FileError(
                f"{where}: a part of {len(tokens)} tokens is too short to predict anything:"
                " bring more text"
            )
        numbers = np.array([vocabulary.get(token, 0) for token in tokens], np.int64)
        return Part(numbers[:-1], numbers[1:])
