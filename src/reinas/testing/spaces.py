"""What every space promises."""

import json
from abc import ABC, abstractmethod
from dataclasses import is_dataclass
from typing import Any

from reinas.spaces.base import AbstractSpace, check_decisions

SMALL = 20_000  # architectures that are still enumerated


class SpaceContract(ABC):
    """What every space promises."""

    @abstractmethod
    def make(self) -> AbstractSpace[Any]:
        """The space to prove."""

    def test_decisions_are_well_formed(self) -> None:
        """Names, conditions, kinds and links are such that every policy can learn them."""
        check_decisions(self.make().decisions)

    def test_decode_and_encode_are_inverse(self) -> None:
        """Random answers decode, encode back, and decode to an equal architecture.

        A space without `encode` has nothing to be the inverse of.
        """
        space = self.make()
        for over in ("architectures", "decisions") if space.has_encode else ():
            for answers in space.sample(200, 0, over=over):
                architecture = space.decode(answers)
                again = space.encode(architecture)
                assert space.decode(again) == architecture
                assert space.encode(space.decode(again)) == again

    def test_architectures_are_values(self) -> None:
        """Architectures are frozen dataclasses: comparable, hashable."""
        space = self.make()
        answers = space.sample(1, 0)[0]
        assert is_dataclass(space.decode(answers))
        assert hash(space.decode(answers)) == hash(space.decode(answers))

    def test_prefixes_are_shallower_networks(self) -> None:
        """Answers may stop at each of the space's lengths."""
        space = self.make()
        assert space.lengths[-1] == len(space.decisions)
        for length in space.lengths:
            answers = space.sample(1, 0, length=length)[0]
            assert space.decode(answers) == space.decode(space.key(answers))

    def test_size_is_the_number_of_answers(self) -> None:
        """The size agrees with an enumeration, where that is feasible."""
        space = self.make()
        if space.size <= SMALL:
            everything = list(space.enumerate())
            assert len(set(everything)) == len(everything) == space.size

    def test_settings_are_json(self) -> None:
        """The settings can be stored."""
        json.dumps(dict(self.make().settings))
