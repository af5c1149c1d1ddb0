"""Downloads: whole or not at all, from a home that works, kept once they are there."""

import hashlib
import http.server
import os
import socket
import threading
from collections import Counter

import pytest

from reinas.errors import FileError
from reinas.tasks import download
from reinas.tasks.download import Remote, cache, check_sum, fetch

CONTENT = b"reinas" * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Answers by the first folder of the address; counts what it was asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = Counter()

    def home(self, way):
        return f"http://127.0.0.1:{self.server_port}/{way}/"


class Handler(http.server.BaseHTTPRequestHandler):
    """One way of answering a name."""

    def log_message(self, *args):
        """Say nothing."""

    def do_GET(self):
        way = self.path.split("/")[1]
        self.server.asked[way] += 1
        getattr(self, way)()

    def _send(self, body, length=None):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def whole(self):
        self._send(CONTENT, len(CONTENT))

    def unsized(self):
        self._send(CONTENT)

    def wrong(self):
        self._send(b"x" * len(CONTENT), len(CONTENT))

    def cut(self):
        self._send(CONTENT[:1000], len(CONTENT))

    def cut_unsized(self):
        self._send(CONTENT[:1000])

    def chunked_cut(self):
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"400\r\n" + CONTENT[:100])
        self.close_connection = True

    def empty(self):
        self._send(b"", 0)

    def gone(self):
        self.send_error(404)

    def broken(self):
        self.send_error(503)

    def dropped(self):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def nonsense(self):
        self.wfile.write(b"\x00\x01 this is not HTTP\r\n\r\n")
        self.close_connection = True

    def moved(self):
        self.send_response(302)
        self.send_header("Location", "/whole/file.bin")
        self.end_headers()

    def astray(self):
        self.send_response(302)
        self.send_header("Location", "/astray/file.bin")
        self.end_headers()

    def odd_length(self):
        self._send(CONTENT, "many")

    def slow(self):
        threading.Event().wait(1.0)


@pytest.fixture(scope="module")
def server():
    """A server on this machine."""
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Nothing between this machine and itself."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def remote(server, *ways, sha256=SHA256):
    server.asked.clear()
    return Remote("file.bin", tuple(map(server.home, ways)), sha256)


def left(folder):
    """What is in a folder, but for the lock."""
    return [p.name for p in folder.iterdir() if not p.name.endswith(".lock")]


@pytest.mark.parametrize("way", ["whole", "unsized", "moved"])
def test_a_whole_file_is_kept_and_not_fetched_again(server, tmp_path, way):
    """With or without its length, also when the address has moved: one download for two calls."""
    what = remote(server, way)
    folder = tmp_path / "deep" / "cache"
    path = fetch(what, folder)
    assert path == folder / "file.bin"
    assert path.read_bytes() == CONTENT
    assert fetch(what, folder) == path
    assert server.asked[way] == 1
    assert left(folder) == ["file.bin"]


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("wrong", f"SHA-256 sum is .*, expected {SHA256}"),
        ("cut", "cut off after 1,000 of 30,000 bytes"),
        ("cut_unsized", "SHA-256 sum is"),
        ("chunked_cut", "file.bin"),
        ("empty", "SHA-256 sum is"),
        ("gone", "404 Not Found"),
        ("broken", "503"),
        ("dropped", "cannot be reached"),
        ("nonsense", "file.bin"),
        ("astray", "file.bin"),
        ("slow", "cannot be reached .*timed out"),
    ],
)
def test_what_goes_wrong_is_said_and_nothing_is_left(server, tmp_path, monkeypatch, way, said):
    """What, where and what to do; no half a file in the cache."""
    monkeypatch.setattr(download, "PATIENCE", 0.2)
    what = remote(server, way)
    with pytest.raises(FileError, match=said) as caught:
        fetch(what, tmp_path)
    message = str(caught.value)
    assert message.startswith("file.bin could not be downloaded")
    assert server.home(way) in message
    assert "set task.folder" in message
    assert "\n" not in message
    assert left(tmp_path) == []


def test_a_refused_connection_is_said(tmp_path):
    """Nobody listens at the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        home = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with pytest.raises(FileError, match=r"cannot be reached \(.*refused"):
            fetch(Remote("file.bin", (home,), SHA256), tmp_path)
    assert left(tmp_path) == []


def test_an_unknown_host_is_said(tmp_path, monkeypatch):
    """No such name."""

    def unknown(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(FileError, match=r"nowhere.*cannot be reached.*Name or service not known"):
        fetch(Remote("file.bin", ("http://nowhere.invalid/",), SHA256), tmp_path)


@pytest.mark.parametrize("first", ["wrong", "cut", "gone", "dropped"])
def test_the_second_home_is_tried_when_the_first_fails(server, tmp_path, first):
    """And no other once it is there."""
    path = fetch(remote(server, first, "whole", "gone"), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.asked == {first: 1, "whole": 1}
    assert left(tmp_path) == ["file.bin"]


def test_a_length_that_is_no_number_is_no_problem(server, tmp_path):
    """What counts is the sum."""
    path = fetch(remote(server, "odd_length"), tmp_path)
    assert path.read_bytes() == CONTENT


def test_every_homes_problem_is_said(server, tmp_path):
    """One message for both."""
    with pytest.raises(FileError, match=r"404.*; .*503"):
        fetch(remote(server, "gone", "broken"), tmp_path)


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path):
    """A file whose sum is wrong is never handed out."""
    (tmp_path / "file.bin").write_bytes(CONTENT[:99])
    assert fetch(remote(server, "whole"), tmp_path).read_bytes() == CONTENT
    assert server.asked == {"whole": 1}


def test_a_damaged_file_in_the_cache_is_not_handed_out_offline(server, tmp_path):
    """When it cannot be fetched again, that is an error."""
    (tmp_path / "file.bin").write_bytes(CONTENT[:99])
    with pytest.raises(FileError, match="404"):
        fetch(remote(server, "gone"), tmp_path)


def test_several_at_once_download_once(server, tmp_path):
    """The others wait for the first, then find the file."""
    what = remote(server, "whole")
    threads = [threading.Thread(target=fetch, args=(what, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.asked["whole"] == 1
    assert left(tmp_path) == ["file.bin"]


def test_a_cache_that_cannot_be_made_is_said(server, tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "cache").write_text("")
    with pytest.raises(FileError, match="cache"):
        fetch(remote(server, "whole"), tmp_path / "cache" / "mnist")


def test_ctrl_c_leaves_nothing_half_written(server, tmp_path, monkeypatch):
    """An interrupt in the middle of a download goes through, and the draft is removed."""

    def interrupted(answer, file, size, name):
        file.write(CONTENT[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(remote(server, "whole"), tmp_path)
    assert left(tmp_path) == []


def test_the_progress_is_on_standard_error(server, tmp_path, capsys):
    """Standard output stays for results."""
    fetch(remote(server, "whole"), tmp_path)
    assert capsys.readouterr().out == ""


def test_the_cache_is_where_the_system_says(monkeypatch, tmp_path):
    """$XDG_CACHE_HOME/reinas, or ~/.cache/reinas where that is unset or empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache() == tmp_path / "x" / "reinas"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache() == tmp_path / ".cache" / "reinas"


def test_a_file_of_another_sum_is_refused(tmp_path):
    """The message has both sums and the path."""
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    check_sum(path, Remote("file.bin", (), SHA256))
    path.write_bytes(b"")
    with pytest.raises(FileError, match=f"file.bin is damaged.*e3b0c442.*{SHA256}"):
        check_sum(path, Remote("file.bin", (), SHA256))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_files_have_the_rights_that_the_umask_leaves(server, tmp_path):
    """Nobody else may read what its owner wants to keep."""
    before = os.umask(0o077)
    try:
        path = fetch(remote(server, "whole"), tmp_path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
