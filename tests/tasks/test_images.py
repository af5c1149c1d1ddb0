"""Images in folders: formats, colours, sizes, layouts of folders, and what is refused."""

import resource
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reinas import Images
from reinas.errors import FileError, SettingError
from reinas.objectives.classification import Classification
from reinas.tasks.image_io import common_size


def grey(n, size=(4, 3)):
    """A grey image whose first pixel says which it is."""
    width, height = size
    pixels = np.full((height, width), 7, np.uint8)
    pixels[0, 0] = n
    return Image.fromarray(pixels)


def colour(n, size=(4, 3)):
    """A colour image, each channel another."""
    width, height = size
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = (10, 20, 30)
    pixels[0, 0] = n
    return Image.fromarray(pixels)


def fill(root, names=("a", "b"), each=10, make=grey, start=0):
    """A folder a class, images numbered through."""
    for place, name in enumerate(names):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(each):
            number = start + place * each + n
            make(number).save(folder / f"{number:03}.png")
    return root


def parts(task):
    return task.parts().train, task.parts().valid, task.test()


def firsts(part):
    return part.x[:, 0, 0, 0].tolist()


def test_a_folder_a_class_is_split_in_three(tmp_path):
    """60, 20 and 20 percent, disjoint, together everything, each image with its folder's class."""
    task = Images(str(fill(tmp_path)))
    three = parts(task)
    assert [len(part) for part in three] == [12, 4, 4]
    assert sorted(n for part in three for n in firsts(part)) == list(range(20))
    for part in three:
        assert part.y.tolist() == [int(n >= 10) for n in firsts(part)]
        assert part.y.mean() == 0.5
    assert task.labels["classes"] == ["a", "b"]


def test_the_split_is_the_same_every_time_it_is_read(tmp_path):
    """Another number gives another one."""
    root = str(fill(tmp_path))
    one, two, other = (firsts(Images(root, split=n).load().train) for n in (0, 0, 1))
    assert one == two
    assert one != other


def test_grey_images_have_one_channel_and_colour_three(tmp_path):
    """Unless something else is asked for."""
    one, three = fill(tmp_path / "g"), fill(tmp_path / "c", make=colour)
    assert Images(str(one)).inputs == (1, 3, 4)
    assert Images(str(three)).inputs == (3, 3, 4)
    assert Images(str(one), colour="rgb").inputs == (3, 3, 4)
    assert Images(str(three), colour="grey").inputs == (1, 3, 4)


def test_one_colour_image_makes_all_colour(tmp_path):
    """Grey ones then have three equal channels."""
    fill(tmp_path)
    colour(200).save(tmp_path / "b" / "019.png")
    task = Images(str(tmp_path))
    assert task.inputs == (3, 3, 4)
    for part in parts(task):
        for x in part.x:
            if x[0, 0, 0] != 200:
                assert (x[0] == x[1]).all()


def test_colour_made_grey_is_its_brightness(tmp_path):
    """0.299 red + 0.587 green + 0.114 blue, as Pillow has it, to within rounding."""
    task = Images(str(fill(tmp_path, make=colour)), colour="grey")
    wanted = int(np.asarray(colour(0).convert("L"))[1, 1])
    assert abs(int(task.parts().train.x[0, 0, 1, 1]) - wanted) <= 1


FORMATS = ["png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff", "ppm", "JPG", "PNG"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_formats_are_read(tmp_path, suffix):
    """An even red picture is red, to within compression."""
    fill(tmp_path, make=colour)
    for path in (tmp_path / "a").iterdir():
        path.unlink()
    for n in range(10):
        red = Image.new("RGB", (4, 3), (250, 0, 0))
        red.save(tmp_path / "a" / f"{n}.{suffix}")
    train = Images(str(tmp_path)).parts().train
    found = train.x[train.y == 0].astype(int)
    assert len(found) == 6
    wanted = np.broadcast_to([[[250]], [[0]], [[0]]], found.shape)
    np.testing.assert_allclose(found, wanted, atol=8)


def only(tmp_path, image, **save):
    """What becomes of an image: all images of both classes are it."""
    for name in "ab":
        (tmp_path / name).mkdir()
        for n in range(10):
            image.save(tmp_path / name / f"{n}.png", **save)
    return Images(str(tmp_path)).parts().train.x[0]


def test_palette_images_have_their_colours(tmp_path):
    """Not the palette's indices."""
    image = Image.new("RGB", (4, 3), (0, 0, 200))
    image.putpixel((0, 0), (0, 100, 0))
    found = only(tmp_path, image.convert("P", palette=Image.Palette.ADAPTIVE))
    assert found[:, 0, 0].tolist() == [0, 100, 0]
    assert found[:, 2, 3].tolist() == [0, 0, 200]


def test_palettes_with_transparency_give_no_warning(tmp_path):
    """Pillow would warn of transparency given as bytes."""
    image = Image.new("RGB", (4, 3), (0, 0, 200)).convert("P", palette=Image.Palette.ADAPTIVE)
    found = only(tmp_path, image, transparency=bytes([255] * 10))
    assert found[:, 1, 1].tolist() == [0, 0, 200]


@pytest.mark.parametrize(("mode", "value"), [("RGBA", (1, 2, 3, 255)), ("RGBA", (1, 2, 3, 0))])
def test_transparency_is_left_out(tmp_path, mode, value):
    """Three channels remain."""
    assert only(tmp_path, Image.new(mode, (4, 3), value))[:, 1, 1].tolist() == [1, 2, 3]


def test_grey_with_transparency_is_grey(tmp_path):
    """One channel."""
    assert only(tmp_path, Image.new("LA", (4, 3), (9, 128)))[:, 1, 1].tolist() == [9]


def test_black_and_white_is_0_and_255(tmp_path):
    """One bit a pixel."""
    image = Image.new("1", (4, 3), 0)
    image.putpixel((1, 0), 1)
    found = only(tmp_path, image)
    assert found.shape == (1, 3, 4)
    assert found[0, 0].tolist() == [0, 255, 0, 0]


def test_sixteen_bits_become_eight(tmp_path):
    """0 stays 0, 65535 becomes 255, the middle the middle: not cut off at 255."""
    values = np.array([[0, 32768, 65535, 300]], np.uint16)
    found = only(tmp_path, Image.fromarray(values))
    np.testing.assert_allclose(found[0, 0].astype(int), [0, 127.5, 255, 1], atol=1)


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    """EXIF orientation 6: a quarter turn to the right."""
    image = Image.new("RGB", (4, 2), (0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    assert only(tmp_path, image, exif=exif).shape == (3, 4, 2)


def test_mixed_sizes_become_squares_of_the_median_of_their_shorter_sides(tmp_path):
    """And the line about the data says so."""
    fill(tmp_path)  # 20 of 4 x 3
    grey(1, (5, 5)).save(tmp_path / "b" / "odd.png")
    task = Images(str(tmp_path))
    assert task.inputs == (1, 3, 3)
    assert "squeezed from mixed sizes (task.size sets the side)" in task.data.notes[0]


def test_large_pictures_of_mixed_sizes_become_small(tmp_path):
    """64 pixels: what trains on a CPU in minutes."""
    fill(tmp_path, make=lambda n: grey(n, (300 + n, 200)))
    assert Images(str(tmp_path)).inputs == (1, 64, 64)


def test_a_picture_on_its_side_has_the_size_that_is_seen(tmp_path):
    """4 x 3 and a turned 3 x 4 are of one size."""
    fill(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    grey(1, (3, 4)).save(tmp_path / "b" / "turned.png", exif=exif)
    assert Images(str(tmp_path)).inputs == (1, 3, 4)


def test_size_makes_all_one_size(tmp_path):
    """6 x 6; an even image stays even."""
    fill(tmp_path)
    grey(7, (9, 20)).save(tmp_path / "b" / "odd.png")
    task = Images(str(tmp_path), size=6)
    assert task.inputs == (1, 6, 6)
    everything = np.concatenate([part.x for part in parts(task)])
    assert (everything[:, 0, 5, 5] == 7).all()


@pytest.mark.parametrize("size", [0, -3, 5000])
def test_a_size_that_makes_no_sense_is_refused(tmp_path, size):
    """When the task is made."""
    with pytest.raises(SettingError, match=r"task\.size must be 1 to 4,096"):
        Images(str(tmp_path), size=size)


@pytest.mark.parametrize("content", [b"", b"not an image", "half"])
def test_an_unreadable_file_is_named(tmp_path, content):
    """Empty, text, half a file."""
    fill(tmp_path)
    path = tmp_path / "a" / "003.png"
    path.write_bytes(path.read_bytes()[:45] if content == "half" else content)
    with pytest.raises(FileError, match=r"a/003\.png cannot be read as an image"):
        Images(str(tmp_path)).parts()


def test_a_damaged_checksum_is_named(tmp_path):
    """A flipped byte in the middle of a picture."""
    fill(tmp_path)
    path = tmp_path / "a" / "003.png"
    content = bytearray(path.read_bytes())
    content[-20] ^= 255
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"a/003\.png"):
        Images(str(tmp_path)).parts()


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    """Pillow's limit is an error with the file's name, not a warning."""
    fill(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(FileError, match=r"\.png is too large an image"):
        Images(str(tmp_path)).parts()


def test_a_few_bytes_that_claim_a_large_picture_are_named(tmp_path):
    """Filling it would take seconds; an empty page that is large is one."""
    fill(tmp_path)
    path = tmp_path / "a" / "003.tiff"
    grey(0).save(path)
    content = bytearray(path.read_bytes())
    heights = struct.pack("<HHL", 257, 3, 1), struct.pack("<HHL", 257, 4, 1)
    place = max(content.find(tag) for tag in heights)
    content[place : place + 12] = struct.pack("<HHLL", 257, 4, 1, 10_000_000)
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"003\.tiff .*claims \d+ x 10000000 pixels, and has \d+ b"):
        Images(str(tmp_path)).parts()
    Image.new("1", (4000, 4000), 1).save(path, compression="group4")
    assert path.stat().st_size < 3000
    assert Images(str(tmp_path), size=8).parts().train.x.shape[1:] == (1, 8, 8)


def test_a_few_bytes_that_claim_gigabytes_are_named(tmp_path):
    """Pillow asks for as much memory as a chunk says that it has."""
    fill(tmp_path)
    path = tmp_path / "a" / "003.png"
    content = bytearray(path.read_bytes())
    place = content.index(b"IDAT")
    content[place - 4 : place] = b"\xff\xfe\x01\xc7"
    path.write_bytes(content)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + (1 << 30), before[1]))
    try:
        with pytest.raises(FileError, match=r"a/003\.png cannot be read .*too much memory"):
            Images(str(tmp_path)).parts()
        assert common_size([path]) is None
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def test_no_sub_folders_is_said(tmp_path):
    """Images in the folder itself have no class."""
    grey(0).save(tmp_path / "a.png")
    with pytest.raises(FileError, match="no sub-folders: expected one for each class"):
        Images(str(tmp_path)).parts()


def test_a_class_without_images_is_named(tmp_path):
    """Its folder is a class that cannot be learned; a text file is no image."""
    fill(tmp_path)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "notes.txt").write_text("none yet")
    with pytest.raises(FileError, match="/c has no images"):
        Images(str(tmp_path)).parts()


def test_one_class_is_refused(tmp_path):
    """It is named."""
    with pytest.raises(SettingError, match="only class 'a'"):
        Images(str(fill(tmp_path, ["a"], 20))).parts()


def test_too_few_images_are_refused(tmp_path):
    """Four of two classes."""
    with pytest.raises(SettingError, match="4 examples are too few"):
        Images(str(fill(tmp_path, each=2))).parts()


@pytest.mark.parametrize("file", [True, False])
def test_a_folder_that_is_not_there_is_named(tmp_path, file):
    """Or that is a file."""
    path = tmp_path / "nowhere"
    if file:
        path.write_text("")
    with pytest.raises(FileError, match="nowhere cannot be read"):
        Images(str(path)).parts()


def test_hidden_files_and_folders_are_ignored(tmp_path):
    """What file managers and notebooks leave behind, and files that are no images."""
    fill(tmp_path)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "a" / "._003.png").write_bytes(b"junk")
    (tmp_path / "a" / ".DS_Store").write_bytes(b"junk")
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"junk")
    task = Images(str(tmp_path))
    assert task.labels["classes"] == ["a", "b"]
    assert sum(map(len, parts(task))) == 20


def test_a_hidden_folder_inside_a_class_is_ignored(tmp_path):
    """Notebooks leave copies of pictures in .ipynb_checkpoints: they must not count twice."""
    fill(tmp_path)
    hidden = tmp_path / "a" / ".ipynb_checkpoints"
    hidden.mkdir()
    grey(3).save(hidden / "003-checkpoint.png")
    assert sum(map(len, parts(Images(str(tmp_path))))) == 20


def test_a_folder_named_like_an_image_is_no_image(tmp_path):
    """thumbs.png/ is a folder."""
    fill(tmp_path)
    (tmp_path / "a" / "thumbs.png").mkdir()
    assert sum(map(len, parts(Images(str(tmp_path))))) == 20


def test_folders_inside_a_class_belong_to_it(tmp_path):
    """Images are found at any depth."""
    fill(tmp_path)
    (tmp_path / "a" / "more").mkdir()
    grey(99).save(tmp_path / "a" / "more" / "x.png")
    three = parts(Images(str(tmp_path)))
    assert sum(map(len, three)) == 21
    assert [part.y[firsts(part).index(99)] for part in three if 99 in firsts(part)] == [0]


@pytest.mark.parametrize("valid", ["valid", "val", "validation", "Val"])
def test_train_valid_and_test_folders_are_the_parts(tmp_path, valid):
    """Every image is in the part of its folder."""
    fill(tmp_path / "train", each=6)
    fill(tmp_path / valid, each=2, start=100)
    fill(tmp_path / "test", each=3, start=200)
    task = Images(str(tmp_path))
    train, held, test = parts(task)
    assert sorted(firsts(train)) == list(range(12))
    assert sorted(firsts(held)) == [100, 101, 102, 103]
    assert held.y.tolist() == [int(n >= 102) for n in firsts(held)]
    assert sorted(firsts(test)) == list(range(200, 206))
    assert test.y.tolist() == [int(n >= 203) for n in firsts(test)]


def test_the_test_folder_is_not_opened_by_parts(tmp_path):
    """An unreadable picture in it is said at the test."""
    fill(tmp_path / "train")
    fill(tmp_path / "test", each=2)
    (tmp_path / "test" / "a" / "bad.png").write_bytes(b"bad")
    task = Images(str(tmp_path))
    assert len(task.parts().train) + len(task.parts().valid) == 20
    with pytest.raises(FileError, match=r"test/a/bad\.png"):
        task.test()


def test_a_test_folder_may_lack_a_class(tmp_path):
    """Numbers are those of the training part's classes."""
    fill(tmp_path / "train", "abc")
    fill(tmp_path / "test", "bc", each=2)
    assert Images(str(tmp_path)).test().y.tolist() == [1, 1, 2, 2]


def test_a_test_folder_of_one_class_is_tested(tmp_path):
    """There is nothing to learn from it, only to measure."""
    fill(tmp_path / "train", "abc")
    fill(tmp_path / "test", "c", each=2)
    assert Images(str(tmp_path)).test().y.tolist() == [2, 2]


def test_an_unknown_class_in_the_test_folder_is_named(tmp_path):
    """With the folder and the known classes."""
    fill(tmp_path / "train")
    fill(tmp_path / "test", "abz", each=2)
    with pytest.raises(FileError, match=r"test/z: .*no class of that name, but a, b"):
        Images(str(tmp_path)).test()


def test_test_images_are_squeezed_to_the_size_of_the_training_images(tmp_path):
    """As the found network squeezes what it is given."""
    fill(tmp_path / "train")
    fill(tmp_path / "test", each=2, make=lambda n: grey(n, (8, 8)))
    assert Images(str(tmp_path)).test().x.shape == (4, 1, 3, 4)


def test_colour_of_the_test_follows_the_training_part(tmp_path):
    """Colour pictures are tested in grey where training was grey, and the other way round."""
    fill(tmp_path / "g" / "train")
    fill(tmp_path / "g" / "test", each=2, make=colour)
    assert Images(str(tmp_path / "g")).test().x.shape == (4, 1, 3, 4)
    fill(tmp_path / "c" / "train", make=colour)
    fill(tmp_path / "c" / "test", each=2)
    assert Images(str(tmp_path / "c")).test().x.shape == (4, 3, 3, 4)


def test_train_alone_is_split_in_three(tmp_path):
    """Validation and test are held back from it."""
    fill(tmp_path / "train")
    assert [len(part) for part in parts(Images(str(tmp_path)))] == [12, 4, 4]


def test_shares_are_of_the_whole(tmp_path):
    """A fifth each for validation and test of 100 images: 60, 20, 20."""
    fill(tmp_path, each=50)
    assert [len(part) for part in parts(Images(str(tmp_path)))] == [60, 20, 20]


def test_classes_may_be_called_train_and_station(tmp_path):
    """Vehicles: train/ is a class where the other folders are no parts."""
    fill(tmp_path, ["train", "car"])
    assert Images(str(tmp_path)).labels["classes"] == ["car", "train"]


def test_examples_takes_that_many(tmp_path):
    """Of training and validation together; the test part stays whole."""
    task = Images(str(fill(tmp_path)), examples=10)
    train, valid, test = parts(task)
    assert len({*firsts(train), *firsts(valid)}) == len(train) + len(valid) == 10
    assert len(test) == 4


def test_images_are_bytes_of_the_shape_that_the_task_says(tmp_path):
    """uint8 [N, C, H, W] and int64 [N]."""
    task = Images(str(fill(tmp_path, "abc")))
    part = task.parts().train
    assert (part.x.dtype, part.y.dtype) == (np.uint8, np.int64)
    assert part.x.shape[1:] == task.inputs
    assert (task.outputs, task.objective) == (3, Classification())


def test_an_unknown_colour_is_refused(tmp_path):
    """When the task is made."""
    with pytest.raises(SettingError, match="colour"):
        Images(str(tmp_path), colour="gray")


def test_grey_gifs_are_grey(tmp_path):
    """A GIF always has a palette; grey is what its pixels are."""
    for name in "ab":
        (tmp_path / name).mkdir()
        for n in range(10):
            Image.new("L", (4, 3), n).save(tmp_path / name / f"{n}.gif")
    assert Images(str(tmp_path)).inputs == (1, 3, 4)


def test_what_a_mac_packs_along_is_no_class(tmp_path):
    """__MACOSX/ in an unpacked zip file holds hidden files only."""
    fill(tmp_path)
    (tmp_path / "__MACOSX" / "a").mkdir(parents=True)
    (tmp_path / "__MACOSX" / "a" / "._003.png").write_bytes(b"junk")
    assert Images(str(tmp_path)).labels["classes"] == ["a", "b"]
