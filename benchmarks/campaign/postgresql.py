"""A PostgreSQL server of one's own, on a socket in a folder of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")
USER = "postgres"
SETTINGS = ["listen_addresses=", "fsync=off", "max_connections=200"]


class Server:
    """Its programs do not run as root, so there the user `postgres` runs them."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._bin = programs()
        self._user = USER if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.folder, pwd.getpwnam(USER).pw_uid, -1)
        self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def _run(self, program, *arguments):
        done = subprocess.run(
            [self._bin / program, *arguments],
            cwd=self.folder,
            user=self._user,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    def start(self):
        """It answers from now on."""
        options = [
            f"-c {setting}" for setting in [*SETTINGS, f"unix_socket_directories={self.folder}"]
        ]
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", " ".join(options), "start")

    def kill(self):
        """As by a power cut; `start` recovers what was committed."""
        pid = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def stop(self):
        """It and its folder are gone."""
        with suppress(AssertionError, OSError):
            self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, schema):
        """Where a store of that name is."""
        return f"postgresql+psycopg://{USER}@/postgres?host={self.folder}&schema={schema}"


def programs():
    """Where they are; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(DEBIAN.glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)
