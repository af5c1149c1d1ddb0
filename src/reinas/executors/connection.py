"""Starting Ray, or finding it, in silence."""

import contextlib
import math
import os
import sys
from collections.abc import Iterator

from reinas.errors import ExecutorError
from reinas.executors.base import reason

LOCAL, RUNNING = "local", "auto"


def connect(address: str, cpus: float) -> bool:
    """Connect this process to a cluster; False if it was connected already.

    `cpus` is how many a new, local one has.
    """
    import ray

    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    # Ray prints what it thinks of dead workers on standard output, whatever it is told; here that
    # is for JSON, and `reinas show` has it all
    ray._private.worker._worker_logs_enabled = False
    local = {"num_cpus": math.ceil(cpus), "include_dashboard": False} if address == LOCAL else {}
    try:
        with _paths():
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ExecutorError(
            f"no Ray cluster at address {address} ({reason(error)}): start one with"
            " `ray start --head`, or give --address local"
        ) from error
    return True


@contextlib.contextmanager
def _paths() -> Iterator[None]:
    """Within, new processes import from where this one does, as those of `Processes` do."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
