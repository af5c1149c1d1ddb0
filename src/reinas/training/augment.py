"""Random changes to a whole batch of images at once (Zoph & Le 2016, section 4.1)."""

import torch
from torch import Tensor
from torch.nn import functional

from reinas.tasks.recipes import Recipe


def crop(x: Tensor, pad: int, generator: torch.Generator) -> Tensor:
    """Pad [B, C, H, W] by `pad` zeros on every side, cut each image back at a random place."""
    count, _, height, width = x.shape
    windows = functional.pad(x, (pad, pad, pad, pad)).unfold(2, height, 1).unfold(3, width, 1)
    top, left = torch.randint(2 * pad + 1, (2, count), generator=generator)
    return windows[torch.arange(count), :, top, left]


def flip(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror every image [B, C, H, W] left to right with probability one half."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored, x.flip(3), x)


def augment(x: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """What the recipe says, for standardised images; everything else is left alone."""
    if x.ndim == 4 and recipe.pad:
        x = crop(x, recipe.pad, generator)
    if x.ndim == 4 and recipe.flip:
        x = flip(x, generator)
    return x
