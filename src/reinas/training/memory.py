"""What happens to a training whose device runs out of memory."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from reinas.devices import Placement, free_memory, is_out_of_memory
from reinas.tasks.recipes import Recipe

T = TypeVar("T")
LEAST = 2
"""Examples in a batch at least, as a recipe has it."""


def with_less(
    train: Callable[[Recipe], T], recipe: Recipe, placement: Placement
) -> tuple[T, Recipe]:
    """Train, and where the device runs out of memory train anew with half the batch, once.

    Args:
        train: Trains from the beginning by a recipe; all randomness is the recipe's seed.
        recipe: The recipe.
        placement: Where it trains; on the CPU nothing is tried again.

    Returns:
        What `train` returned, and the recipe that it trained by.

    Raises:
        MemoryError: Half the batch needs more memory than the device has, too.
    """
    if placement.device == "cpu":
        return train(recipe), recipe
    sizes = [recipe.batch_size]
    if recipe.batch_size // 2 >= LEAST:
        sizes.append(recipe.batch_size // 2)
    for size in sizes:
        tried = replace(recipe, batch_size=size)
        try:
            return train(tried), tried
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        free_memory(placement.where())  # here, since the error holds on to the tensors
    batches = " and of ".join(map(str, sizes))
    raise MemoryError(f"{placement.device} ran out of memory, with batches of {batches}")
