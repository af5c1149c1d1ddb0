"""Random changes of a batch of images (Zoph & Le 2016, section 4.1)."""

import torch
from torch import Tensor
from torch.nn import functional

from reinas.tasks.recipes import Recipe


def crop(x: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Cut a window out of each image at a random place.

    Args:
        x: [B, C, H, W].
        size: Height and width of the window, smaller than the image by the same number of pixels.
        generator: Draws the places.

    Returns:
        [B, C, *size].
    """
    count = len(x)
    windows = x.unfold(2, size[0], 1).unfold(3, size[1], 1)
    top, left = torch.randint(windows.shape[2], (2, count), generator=generator).to(x.device)
    return windows[torch.arange(count, device=x.device), :, top, left]


def flip(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror every image left to right with probability one half.

    Args:
        x: [B, C, H, W].
        generator: Draws which.

    Returns:
        [B, C, H, W].
    """
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored.to(x.device), x.flip(3), x)


def cutout(x: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Set a square of each image to 0, the mean of standardised images (DeVries & Taylor 2017).

    Args:
        x: [B, C, H, W].
        side: Height and width of the square in pixels; where its middle is near an edge, less of
            it lies within the image.
        generator: Draws the middles.

    Returns:
        [B, C, H, W].
    """
    inside = []
    for axis in (2, 3):
        first = torch.randint(x.shape[axis], (len(x), 1), generator=generator) - side // 2
        place = torch.arange(x.shape[axis])
        inside.append((place >= first) & (place < first + side))
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return x.masked_fill(square.to(x.device), 0.0)


def augment(x: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Crop, mirror and cut out of standardised images as the recipe says.

    Args:
        x: [B, C, H, W]; inputs of another rank are left alone.
        recipe: Has `upsample`, `pad`, `flip` and `cutout`.
        generator: Draws the changes.

    Returns:
        The changed batch, of the same shape.
    """
    if x.ndim != 4:
        return x
    height, width = x.shape[2:]
    if more := 2 * recipe.upsample:
        larger = functional.interpolate(x, (height + more, width + more), mode="bilinear")
        x = crop(larger, (height, width), generator)
    if edge := recipe.pad:
        x = crop(functional.pad(x, (edge, edge, edge, edge)), (height, width), generator)
    x = flip(x, generator) if recipe.flip else x
    return cutout(x, recipe.cutout, generator) if recipe.cutout else x
