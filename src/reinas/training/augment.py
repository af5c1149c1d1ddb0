"""Random changes of a batch of images (Zoph & Le 2016, section 4.1)."""

import torch
from torch import Tensor
from torch.nn import functional

from reinas.tasks.recipes import Recipe


def crop(x: Tensor, pad: int, generator: torch.Generator) -> Tensor:
    """Pad images with zeros on every side, and cut each back at a random place.

    Args:
        x: [B, C, H, W].
        pad: Pixels per side.
        generator: Draws the places.

    Returns:
        [B, C, H, W].
    """
    count, _, height, width = x.shape
    windows = functional.pad(x, (pad, pad, pad, pad)).unfold(2, height, 1).unfold(3, width, 1)
    top, left = torch.randint(2 * pad + 1, (2, count), generator=generator)
    return windows[torch.arange(count), :, top, left]


def flip(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror every image left to right with probability one half.

    Args:
        x: [B, C, H, W].
        generator: Draws which.

    Returns:
        [B, C, H, W].
    """
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored, x.flip(3), x)


def augment(x: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Crop and mirror standardised images as the recipe says.

    Args:
        x: [B, C, H, W]; inputs of another rank are left alone.
        recipe: Has `pad` and `flip`.
        generator: Draws the changes.

    Returns:
        The changed batch, of the same shape.
    """
    if x.ndim == 4 and recipe.pad:
        x = crop(x, recipe.pad, generator)
    if x.ndim == 4 and recipe.flip:
        x = flip(x, generator)
    return x
