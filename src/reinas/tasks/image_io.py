"""Pictures from files: any common format, as arrays of bytes."""

import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, SettingError

SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".jp2", ".pbm", ".pgm", ".png"))
SUFFIXES |= frozenset((".ppm", ".tif", ".tiff", ".webp", ".avif"))

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""What may be in files of these names, whatever they are called: Pillow knows others, and starts
Ghostscript for one of them."""
LARGEST = 64
"""Pixels: pictures of mixed sizes become squares of this side at most, for the time they take."""
BELIEVED, DENSEST = 10_000_000, 100_000
"""Pixels that are filled whatever a file has; beyond them, pixels for each of its bytes: an empty
page of a fax comes near it, a photograph has less than ten."""
ORIENTATION, QUARTER = 0x0112, 5
"""The EXIF tag, and from which of its values a picture lies on its side."""


def read(files: Sequence[Path], size: tuple[int, int] | None = None) -> list[NDArray[np.uint8]]:
    """Every picture as bytes [H, W] if it is grey, else [H, W, 3]; alpha is left away.

    `size` (height, width) squeezes each to it. `FileError` names those that cannot be read.
    """
    if importlib.util.find_spec("PIL") is None:
        raise SettingError(
            "reading image files needs Pillow: install it with `pip install 'reinas[images]'`"
        )
    pictures, problems = [], []
    for file in files:
        try:
            pictures.append(_opened(file, size))
        except FileError as error:
            problems.append(str(error))
    if problems:
        more = f", nor can {len(problems) - 1} others" if len(problems) > 1 else ""
        raise FileError(f"{problems[0]}{more}: remove or replace them")
    return pictures


def common_size(files: Sequence[Path]) -> tuple[int, int] | None:
    """A square (height, width) for pictures of mixed sizes; None where they have one size.

    Its side is the median of their shorter sides, at most `LARGEST`. Only headers are read, and
    files that cannot be read do not count.
    """
    if importlib.util.find_spec("PIL") is None:
        return None  # which `read` says
    sizes = [size for file in files if (size := _size_of(file))]
    if len(set(sizes)) < 2:
        return None
    side = min(round(median(min(size) for size in sizes)), LARGEST)
    return side, side


def _size_of(file: Path) -> tuple[int, int] | None:
    """Width and height as they are seen: turned as the camera says."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _picture(file) as opened:
                width, height = opened.size
                is_turned = opened.getexif().get(ORIENTATION, 1) >= QUARTER
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError):
        return None
    return (height, width) if is_turned else (width, height)


def stacked(pictures: Sequence[NDArray[np.uint8]], *, grey: bool) -> NDArray[np.uint8]:
    """Pictures of one size as bytes [N, channels, H, W]."""
    x = np.empty((len(pictures), 1 if grey else 3, *pictures[0].shape[:2]), np.uint8)
    for place, picture in zip(x, pictures, strict=True):
        if grey:
            place[0] = picture if picture.ndim == 2 else _brightness(picture)
        else:
            place[:] = picture if picture.ndim == 2 else np.moveaxis(picture, 2, 0)
    return x


@contextmanager
def _picture(file: Path) -> Iterator[Any]:
    """Pillow's picture, of which only the header is read so far.

    Raises:
        OSError: It is none, or a few bytes claim a large one, which would take seconds to fill.
    """
    from PIL import Image

    with Image.open(file, formats=_formats()) as opened:
        width, height = opened.size
        content = file.stat().st_size
        if width * height > max(BELIEVED, DENSEST * content):
            raise OSError(f"it claims {width} x {height} pixels, and has {content} bytes")
        yield opened


def _opened(file: Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)
            with _picture(file) as opened:
                image = ImageOps.exif_transpose(opened)
                if image.mode.startswith(("I", "F")):
                    image = _eight_bits(image)
                grey = image.mode in ("1", "L", "LA") or _grey_palette(image)
                image = image.convert("L" if grey else "RGB")
                if size is not None and image.size != size[::-1]:
                    image = image.resize(size[::-1], Image.Resampling.BILINEAR)
                return np.asarray(image)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise FileError(f"{file} cannot be read as an image ({error})") from None
    except MemoryError:  # a few bytes can claim to be gigabytes
        raise FileError(
            f"{file} cannot be read as an image (it asks for too much memory)"
        ) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise FileError(f"{file} is too large an image ({error})") from None


def _formats() -> list[str]:
    """Those formats that this Pillow knows."""
    from PIL import Image

    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _brightness(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The grey of a colour image (ITU-R 601)."""
    grey: NDArray[np.uint8] = np.round(image @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return grey


def _grey_palette(image: Any) -> bool:
    """Whether an image has a palette of greys only, as grey GIFs have."""
    if image.mode != "P":
        return False
    used = np.asarray(image.convert("RGB"))
    return bool((used == used[..., :1]).all())


def _eight_bits(image: Any) -> Any:
    """An image of 16 or 32 bits a pixel as one of 8: by its type's range, floats by their own."""
    from PIL import Image

    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it has pixels that are no finite numbers")
    top = 65535.0 if image.mode.startswith("I") else float(values.max(initial=0.0)) or 1.0
    return Image.fromarray((255 * np.clip(values / top, 0, 1)).astype(np.uint8))
