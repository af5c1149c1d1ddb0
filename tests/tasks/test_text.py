"""Text: how it is read and numbered, what is held back, what is refused."""

import copy
import gzip
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from language_models import model, tokens
from reinas import Text
from reinas.errors import FileError, ReinasError, SettingError
from reinas.fitting.plan import plan_for
from reinas.objectives.language import LanguageModelling, windows
from reinas.tasks.base import check_parts
from reinas.training.fit import fit
from reinas.types import Curve, Epoch

TRAIN = "the cat sat on the mat\nthe dog sat\n"
VALID = "the cat ran\n"
TEST = "a dog sat on the cat\n"


def folder(tmp_path, train=TRAIN, valid=VALID, test=TEST, names=("train.txt", "valid.txt")):
    for name, text in zip((*names, "test.txt"), (train, valid, test), strict=True):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(tmp_path)


def single(tmp_path, text, name="book.txt"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def words(task, part):
    """A part's tokens as words: all of x, and the last target."""
    return [task.data.classes[n] for n in (*part.x, part.y[-1])]


def refused(task, error=FileError):
    """What reading the task says: one line."""
    with pytest.raises(error) as found:
        task.load()
    message = str(found.value)
    assert "\n" not in message
    assert "None" not in message
    return message


# ---- what is read --------------------------------------------------------------------------------


def test_words_split_at_white_space_and_lines_end_with_eos(tmp_path):
    """Tabs and several spaces are one gap; an empty line is an <eos> of its own."""
    task = Text(folder(tmp_path, train="the  cat\tsat\n\n the end"))
    found = " ".join(words(task, task.parts().train))
    assert found == "the cat sat <eos> <eos> the end <eos>"


def test_targets_are_the_next_tokens(tmp_path):
    """One fewer than tokens, int64, moved by one."""
    task = Text(folder(tmp_path))
    for part, text in ((task.parts().train, TRAIN), (task.parts().valid, VALID)):
        count = len(text.replace("\n", " <eos> ").split())
        assert len(part.x) == len(part.y) == count - 1
        assert part.x[1:].tolist() == part.y[:-1].tolist()
        assert part.x.dtype == part.y.dtype == np.int64


def test_the_vocabulary_is_the_most_frequent_words_with_unk_first(tmp_path):
    """Counted by hand: the 3, <eos> 2, sat 2, then those that came first."""
    task = Text(folder(tmp_path), vocabulary=4)
    assert task.data.classes[0] == "<unk>"
    assert set(task.data.classes) == {"<unk>", "the", "sat", "<eos>"}
    assert task.data.classes[1] == "the"
    assert task.outputs == 4
    train = " ".join(words(task, task.parts().train))
    assert train == "the <unk> sat <unk> the <unk> <eos> the <unk> sat <eos>"


def test_a_large_vocabulary_is_all_words_once(tmp_path):
    """All different words of the training part, more frequent ones first."""
    task = Text(folder(tmp_path))
    counted = Counter(TRAIN.replace("\n", " <eos> ").split())
    assert sorted(task.data.classes[1:]) == sorted(counted)
    frequencies = [counted[word] for word in task.data.classes[1:]]
    assert frequencies == sorted(frequencies, reverse=True)


def test_words_that_only_valid_and_test_have_are_unknown(tmp_path):
    """`ran` and `a` are not in the training part."""
    task = Text(folder(tmp_path))
    assert words(task, task.parts().valid) == ["the", "cat", "<unk>", "<eos>"]
    assert words(task, task.test()) == ["<unk>", "dog", "sat", "on", "the", "cat", "<eos>"]


def test_unk_in_the_text_itself_is_the_same_token(tmp_path):
    """As in the Penn Treebank: it is number 0 and in the vocabulary once."""
    task = Text(folder(tmp_path, train="<unk> cat <unk> dog\n" + TRAIN))
    assert task.data.classes.count("<unk>") == 1
    assert task.parts().train.x[:3].tolist()[::2] == [0, 0]


def test_characters(tmp_path):
    """Every character is a token, spaces and line ends too; there is no <eos>."""
    task = Text(folder(tmp_path, train="abba ab\nä", valid="ab\nz", test="b a"), level="char")
    assert "".join(words(task, task.parts().train)) == "abba ab\nä"
    assert words(task, task.parts().valid) == ["a", "b", "\n", "<unk>"]
    assert set(task.data.classes) == {"<unk>", *"abä \n"}
    assert words(task, task.test()) == ["b", " ", "a"]


@pytest.mark.parametrize(
    "names", [("train.txt.gz", "valid.raw.gz"), ("TRAIN.raw", "val.txt"), ("train", "dev.gz")]
)
def test_compressed_files_and_other_names(tmp_path, names):
    """The same tokens as from train.txt and valid.txt."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain, other = Text(folder(tmp_path / "a")), Text(folder(tmp_path / "b", names=names))
    for one, two in ((plain.data.train, other.data.train), (plain.data.valid, other.data.valid)):
        assert one.x.tolist() == two.x.tolist()
    assert plain.data.classes == other.data.classes


def test_windows_line_ends_are_line_ends(tmp_path):
    """And no word ends with a carriage return."""
    task = Text(folder(tmp_path, train=TRAIN.replace("\n", "\r\n")))
    assert task.data.train.x.tolist() == Text(folder(tmp_path)).load().train.x.tolist()


def test_a_single_file_is_split_by_position(tmp_path):
    """80, 10 and 10 percent of its tokens, in order, every token once."""
    numbered = "\n".join(f"w{n % 7}" for n in range(100))  # each followed by <eos>: 200 tokens
    task = Text(single(tmp_path, numbered))
    three = (task.parts().train, task.parts().valid, task.test())
    assert [len(part) + 1 for part in three] == [160, 20, 20]
    assert [w for part in three for w in words(task, part)][::2] == numbered.split()


@pytest.mark.parametrize(("valid", "test"), [(0.2, 0.3), (0.05, 0.5), (0.3, 0.3)])
def test_shares_of_a_single_file(tmp_path, valid, test):
    """Shares of 1,000 tokens, to within one token."""
    task = Text(single(tmp_path, "a " * 999), valid_share=valid, test_share=test)
    lengths = [len(p) + 1 for p in (task.parts().train, task.parts().valid, task.test())]
    assert np.abs(np.array(lengths) - 1000 * np.array([1 - valid - test, valid, test])).max() <= 1
    assert sum(lengths) == 1000


def test_the_vocabulary_is_of_the_training_part_alone(tmp_path):
    """Words of the last fifth of a single file are unknown, however many there are."""
    task = Text(single(tmp_path, "a " * 80 + "a b " * 4 + "b " * 12))
    assert "b" not in task.data.classes


def test_the_test_file_is_not_opened_for_the_search(tmp_path):
    """It may even be broken until the network is finished."""
    task = Text(folder(tmp_path, test=b"\xff\xfe"))
    task.parts()
    check_parts(task)
    assert task.fingerprint
    with pytest.raises(FileError, match="UTF-8"):
        task.test()


def test_the_fingerprint_is_of_the_data(tmp_path):
    """Another word gives another one; the test file is not in it."""
    first, same, other = (tmp_path / name for name in "abc")
    for path in (first, same, other):
        path.mkdir()
    one = Text(folder(first)).fingerprint
    assert Text(folder(same, test="other\n")).fingerprint == one
    assert Text(folder(other, valid="the dog ran\n")).fingerprint != one


# ---- what is measured ----------------------------------------------------------------------------


def curve(*losses):
    return Curve(tuple(Epoch(n + 1, loss, loss, math.exp(-loss)) for n, loss in enumerate(losses)))


def test_the_reward_is_80_by_the_square_of_the_perplexity(tmp_path):
    """Perplexities 4, 100, 20, 50, 10, 40, of which the first is out of the last five."""
    task = Text(folder(tmp_path))
    losses = [math.log(p) for p in (4, 100, 20, 50, 10, 40)]
    assert task.reward_of(curve(*losses)) == pytest.approx(80 / 10**2)
    assert task.reward_of(curve(*losses[:5])) == pytest.approx(80 / 4**2)


def test_perplexity_of_words_and_bits_of_characters(tmp_path):
    """A loss of ln 64 is a perplexity of 64, or 6 bits."""
    loss, score = math.log(64), 1 / 64
    path = folder(tmp_path)
    assert Text(path).objective.metrics(loss, score) == {"perplexity": pytest.approx(64)}
    assert Text(path, level="char").objective.metrics(loss, score) == {"bits": pytest.approx(6)}


def test_a_terrible_loss_still_has_a_perplexity(tmp_path):
    """No overflow at a loss of 1e6 nats."""
    assert math.isfinite(Text(folder(tmp_path)).objective.metrics(1e6, 0)["perplexity"])
    assert Text(folder(tmp_path)).reward_of(curve(1e6)) == 0


@pytest.mark.parametrize("size", ["medium", "small"])
def test_the_recipes_of_both_sizes_are_recipes(tmp_path, size):
    """The medium one is the published: SGD at 1, clipped at 5, of a loss summed over 35 steps."""
    recipe = Text(folder(tmp_path), size=size).recipe
    scale = 35 if size == "medium" else 1  # ours is their mean
    assert recipe.clip == pytest.approx(5 / scale)
    assert recipe.optimizer == {"medium": "sgd", "small": "adam"}[size]
    if size == "medium":
        assert (recipe.learning_rate, recipe.schedule) == (1.0 * scale, "exponential")


def test_the_fast_recipe_is_that_of_fit(tmp_path):
    """For recurrent cells, too."""
    task = Text(folder(tmp_path), size="fast")
    assert task.recipe == plan_for(task).recipe


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "word", "word\n", "\n", "three short words\n"])
@pytest.mark.parametrize("level", ["word", "char"])
def test_a_file_with_next_to_nothing_in_it_is_refused(tmp_path, text, level):
    """By its path, and with the advice to bring more."""
    path = single(tmp_path, text)
    message = refused(Text(path, level=level))
    assert path in message
    assert "bring more text" in message


@pytest.mark.parametrize("part", ["train", "valid"])
def test_an_empty_file_of_a_folder_is_refused(tmp_path, part):
    """With the folder in the message."""
    assert str(tmp_path) in refused(Text(folder(tmp_path, **{part: ""})))


def test_bytes_that_are_not_utf_8_are_refused_with_their_place(tmp_path):
    """Latin-1 is the usual reason."""
    path = single(tmp_path, "0123456 café ".encode("latin-1") * 50)
    message = refused(Text(path))
    assert path in message
    assert "UTF-8" in message
    assert "byte 11" in message


@pytest.mark.parametrize(
    "data",
    [
        b"this is no gzip file at all",
        gzip.compress(b"some words of text\n" * 100)[:-20],
        gzip.compress(b"some words of text\n" * 100)[:40] + b"\0" * 40,
        gzip.compress(b"some words of text\n" * 100)[:-8] + b"\0" * 8,
    ],
    ids=["not one", "cut off", "damaged", "checksum"],
)
def test_a_broken_gz_is_refused_with_a_reason(tmp_path, data):
    """By its path; the reason says something."""
    path = single(tmp_path, data, "book.txt.gz")
    message = refused(Text(path))
    assert path in message
    assert "cannot be read" in message


def test_a_validation_part_without_known_words_is_refused(tmp_path):
    """The ends of lines are not words: the files do not belong together."""
    message = refused(Text(folder(tmp_path, valid="이것은 다른 언어이다\n" * 5)))
    assert str(tmp_path) in message
    assert "belong together" in message


def test_a_validation_part_without_known_characters_is_refused(tmp_path):
    """The same for characters."""
    message = refused(Text(folder(tmp_path, train="abcabc", valid="xyzzy"), level="char"))
    assert "belong together" in message


@pytest.mark.parametrize("vocabulary", [0, 1, -5])
def test_a_vocabulary_without_a_choice_is_refused(tmp_path, vocabulary):
    """Two tokens are the least."""
    with pytest.raises(SettingError, match=f"at least 2 tokens.* got {vocabulary}"):
        Text(folder(tmp_path), vocabulary=vocabulary)


def test_a_vocabulary_of_two_is_possible(tmp_path):
    """<unk> and the most frequent word."""
    task = Text(folder(tmp_path), vocabulary=2)
    assert task.data.classes == ("<unk>", "the")


def test_a_missing_file_is_named(tmp_path):
    """With the reason of the operating system."""
    assert "No such file" in refused(Text(str(tmp_path / "nothing.txt")))


def test_a_folder_without_a_file_for_a_part_is_refused(tmp_path):
    """The message says what was expected."""
    for part in ("train", "valid", "test"):
        folder(tmp_path)
        (tmp_path / f"{part}.txt").unlink()
        message = refused(Text(str(tmp_path)))
        assert f"called {part}" in message
        assert "found none" in message


def test_a_folder_with_two_files_for_a_part_is_refused(tmp_path):
    """Both are named."""
    path = folder(tmp_path)
    (tmp_path / "dev.txt").write_text(VALID)
    message = refused(Text(path))
    assert "dev.txt" in message
    assert "valid.txt" in message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": ""}, "text:FILE or text:FOLDER"),
        ({"path": "x", "level": "letter"}, "level is one of word, char"),
        ({"path": "x", "size": "large"}, "size is one of medium, small"),
        ({"path": "x", "reward": "perplexty"}, "perplexity"),
        ({"path": "x", "valid_share": 0.0}, "above 0"),
        ({"path": "x", "valid_share": 0.5, "test_share": 0.5}, "below 1"),
        ({"path": "x", "vocabulary": True}, "at least 2"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    """In one line, before a file is opened."""
    with pytest.raises(SettingError, match=message) as error:
        Text(**settings)
    assert "\n" not in str(error.value)


def test_a_test_share_of_almost_nothing_is_refused_in_words(tmp_path):
    """Where no token is left to test on, neither the search nor the end is a traceback."""
    task = Text(single(tmp_path, "a b " * 100), test_share=1e-17)
    with pytest.raises(ReinasError):
        task.test()


def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path):
    """Windows editors write one."""
    task = Text(folder(tmp_path, train=b"\xef\xbb\xbf" + TRAIN.encode()))
    assert words(task, task.parts().train)[0] == "the"


def test_only_line_ends_end_lines(tmp_path):
    """A form feed or a Unicode separator inside a line is white space, not the line's end."""
    task = Text(folder(tmp_path, train="the\x0ccat\u2028sat\x1con\n" * 3))
    assert words(task, task.parts().train).count("<eos>") == 3


def test_the_medium_recipe_takes_the_steps_of_the_published_model(tmp_path):
    """One window: SGD at 1, clipped at 5, on the loss summed over steps, averaged over a batch."""
    recipe = replace(
        Text(folder(tmp_path)).recipe, initial=0.0, embedding_dropout=0.0, recurrent_dropout=0.0
    )
    data = tokens(35 * 20 + 1)
    child = model()
    published = copy.deepcopy(child)
    fit(child, data, None, replace(recipe, epochs=1), LanguageModelling())
    (words, following), *rest = windows(data.x, data.y, 20, 35)
    assert not rest
    logits, _ = published.run(words, published.start(20))
    summed = functional.cross_entropy(logits.flatten(0, 1), following.flatten(), reduction="sum")
    (summed / 20).backward()
    assert torch.nn.utils.clip_grad_norm_(published.parameters(), 5.0) > 5
    for mine, theirs in zip(child.parameters(), published.parameters(), strict=True):
        assert torch.allclose(mine, theirs - theirs.grad, atol=1e-5)
