"""Starting or joining a Ray cluster, without Ray's own output."""

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
    """Raise an error unless the address has a valid form.

    Args:
        address: "local", "auto" or HOST:PORT.

    Raises:
        SettingError: It is none of these.
    """
    host = HOST.fullmatch(address)
    if address not in (LOCAL, RUNNING) and not (host and int(host[2]) < 1 << 16):
        raise SettingError(
            f"address: expected {LOCAL}, {RUNNING} or HOST:PORT, such as 10.0.0.1:6379; got"
            f" {address!r}"
        )


def connect(address: str, cpus: float) -> bool:
    """Connect this process to a cluster.

    Args:
        address: "local" for a new cluster on this machine, "auto" for the one that runs on it, or
            HOST:PORT.
        cpus: Number of CPUs of a new, local cluster, rounded up.

    Returns:
        False if the process was connected already.

    Raises:
        ExecutorError: There is no cluster at the address, or it refuses the connection.
    """
    import ray

    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # send no usage statistics
    # Ray prints messages about dead workers on standard output, whatever its settings. There they
    # would mix with JSON, and the store has the same facts.
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
        # Ray looks for its token when it starts a cluster, but not when it joins HOST:PORT
        os.environ["RAY_AUTH_MODE"] = "token"
        ray._raylet.Config.initialize("")  # Ray read its variables when it was imported
    local = {"num_cpus": math.ceil(cpus), "include_dashboard": False} if address == LOCAL else {}
    try:
        with _paths(), deaf_to_ctrl_c():
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
    except KeyboardInterrupt:  # delayed until everything was started
        ray.shutdown()
        raise
    except ConnectionError as error:
        raise ExecutorError(nobody if address == RUNNING else refused) from error
    except Exception as error:  # another version of Ray or of Python, or a server that died
        raise ExecutorError(f"Ray at address {address} refused: {reason(error)}") from error
    return True


def _knock(address: str, nobody: str) -> None:
    """Raise at once if nothing listens at HOST:PORT; Ray waits a minute, then ends the process."""
    if found := HOST.fullmatch(address):
        try:
            socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=5).close()
        except OSError as error:
            raise ExecutorError(f"{nobody} ({error.strerror or error})") from error


@contextlib.contextmanager
def _paths() -> Iterator[None]:
    """Let processes started in the `with` block import from the same folders as this one."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
