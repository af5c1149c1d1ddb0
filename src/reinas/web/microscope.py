"""The policy at each moment of a study, by kind of policy."""

import threading
from collections import OrderedDict
from types import ModuleType
from typing import Any

from reinas.errors import SettingError
from reinas.report.report import space_of
from reinas.store import Store
from reinas.web import belief_view, family_view, gradient_view
from reinas.web.replay import Replay

PATIENCE = 1.0
"""Seconds for which a reader waits; what is not replayed by then comes with the next answer."""
MOST = 8
"""Studies whose replay is kept in memory."""
VIEWS: tuple[ModuleType, ...] = (gradient_view, belief_view, family_view)


class Microscope:
    """Replays policies as people look at them.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._replays: OrderedDict[str, tuple[Replay, ModuleType, threading.Lock]] = OrderedDict()
        self._lock = threading.Lock()

    def overview(self, name: str) -> dict[str, Any]:
        """What the policy was at many moments.

        Args:
            name: The study's name.

        Returns:
            What the view of its kind of policy shows, and how far the replay has got.
        """
        replay, view, lock = self._replay(name)
        with lock:
            is_done = replay.advance(PATIENCE)
            found: dict[str, Any] = view.overview(replay)
        return {**found, "learned": replay.learned, "done": is_done, "exact": replay.is_exact}

    def moment(self, name: str, batch: int, pair: tuple[int, int] | None) -> dict[str, Any]:
        """What one batch was to the policy.

        Args:
            name: The study's name.
            batch: The batch's number.
            pair: Two decisions, for a slice through what a model predicts.
        """
        replay, view, lock = self._replay(name)
        with lock:
            replay.advance(PATIENCE)
            if view is belief_view:
                count = len(replay.space.decisions)
                if pair is not None and (pair[0] == pair[1] or max(pair) >= count):
                    raise SettingError(f"a slice goes along two different decisions of {count}")
                return belief_view.moment(replay, batch, pair)
            found: dict[str, Any] = view.moment(replay, batch)
            return found

    def _replay(self, name: str) -> tuple[Replay, ModuleType, threading.Lock]:
        with self._lock:
            kept = self._replays.pop(name, None) or self._begun(name)
            self._replays[name] = kept
            while len(self._replays) > MOST:
                self._replays.popitem(last=False)
            return kept

    def _begun(self, name: str) -> tuple[Replay, ModuleType, threading.Lock]:
        record = self._store.get(name)
        space = space_of(record.settings)
        decisions = () if space is None else space.decisions
        probe = Replay(record, lambda replay, policy: None).new_policy()
        view = next((v for v in VIEWS if v.is_shown(probe)), None)
        if view is None:
            kind = record.settings["policy"].get("name", "of this kind")
            raise SettingError(
                f"the policy {kind} has neither probabilities, a model, nor parents to look at;"
                " the study's page has what it reports"
            )
        replay = Replay(record, view.look(decisions), every_batch=view.EVERY_BATCH)
        return replay, view, threading.Lock()
