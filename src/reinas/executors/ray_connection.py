"""Starting Ray, or finding it, in silence."""

import contextlib
import math
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from reinas.errors import ExecutorError, SettingError, reason
from reinas.executors.process_pool import deaf_to_ctrl_c

LOCAL, RUNNING = "local", "auto"
TOKEN = Path.home() / ".ray" / "auth_token"
HOST = re.compile(r"([\w.-]+|\[[\da-fA-F:]+\]):(\d{1,5})")


def check_address(address: str) -> None:
    """Raise `SettingError` unless it has the form of an address."""
    host = HOST.fullmatch(address)
    if address not in (LOCAL, RUNNING) and not (host and int(host[2]) < 1 << 16):
        raise SettingError(
            f"address: expected {LOCAL}, {RUNNING} or HOST:PORT, such as 10.0.0.1:6379; got"
            f" {address!r}"
        )


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
    nobody = (
        f"no Ray cluster at address {address}: start one with `ray start --head`, or choose the"
        f" address {LOCAL}"
    )
    refused = (
        f"could not join the Ray cluster at address {address}: check that the port is Ray's own,"
        f" that both sides run the same version of Ray, and that its token is in {TOKEN}"
    )
    _knock(address, nobody)
    if address != LOCAL and TOKEN.exists() and "RAY_AUTH_MODE" not in os.environ:
        # Ray looks for its token itself where it starts something, but not for HOST:PORT
        os.environ["RAY_AUTH_MODE"] = "token"
        ray._raylet.Config.initialize("")  # it has read its variables when it was imported
    local = {"num_cpus": math.ceil(cpus), "include_dashboard": False} if address == LOCAL else {}
    try:
        with _paths(), deaf_to_ctrl_c():
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
    except KeyboardInterrupt:  # it came meanwhile, and found everything started
        ray.shutdown()
        raise
    except ConnectionError as error:
        raise ExecutorError(nobody if address == RUNNING else refused) from error
    except (RuntimeError, ValueError) as error:  # another version of Ray or of Python
        raise ExecutorError(f"Ray at address {address} refused: {reason(error)}") from error
    return True


def _knock(address: str, nobody: str) -> None:
    """Raise where nobody is at HOST:PORT: Ray tries for a minute, and then ends the process."""
    if found := HOST.fullmatch(address):
        try:
            socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=5).close()
        except OSError as error:
            raise ExecutorError(f"{nobody} ({error.strerror or error})") from error


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
