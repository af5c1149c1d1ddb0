"""How many servers and replicas there are (section 3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from reinas.errors import SettingError


@dataclass(frozen=True, slots=True)
class Servers:
    """Figure 3: `replicas` (K) controllers sample and learn at the same time, each by itself.

    Their parameters are held in `shards` (S) slices, which step once `accumulate` (G) gradients
    have been added up. The paper: S = 20, K = 100, G = 1 for images, K = 400, G = 10 for language.
    How many children a replica trains at a time (m) is the search's `children`.
    """

    replicas: int = 1
    shards: int = 1
    accumulate: int = 1

    def __post_init__(self) -> None:
        for key in ("replicas", "shards", "accumulate"):
            if getattr(self, key) < 1:
                raise SettingError(f"{key} must be at least 1, got {getattr(self, key)}")

    def check(self, batches: int) -> None:
        """Raise `SettingError` where so many batches are too few for all replicas."""
        if self.replicas > batches:
            raise SettingError(
                f"{self.replicas} replicas are more than can be used: the search has {batches}"
                " batches; take fewer of them, more trials or fewer children"
            )

    @property
    def settings(self) -> Mapping[str, int]:
        """What changes results: not the shards, and one replica is the synchronous search."""
        if self.replicas == 1 and self.accumulate == 1:
            return {}
        return {"replicas": self.replicas, "accumulate": self.accumulate}
