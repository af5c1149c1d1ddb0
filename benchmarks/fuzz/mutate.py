"""Changes of bytes and of JSON at random."""

import copy
import json
import random
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOKENS = [
    *(b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b[31m", b"\r", b"\n\n", b'"', b"'", b","),
    *(b"nan", b"inf", b"-1", b"1e999", b"9" * 400, b"99999999999999999999", b"true", b"null"),
    *(b"[" * 2000, b"{" * 2000, b"\xed\xa0\x80", b"=1+1", b"<script>", b"../../etc", b"0x7f"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 0.5, 1e308, float("nan"), 2**70, "", "x", "..", "\0", "\x1b[0m"),
    *([], {}, [[]], {"a": {}}, [None], "9" * 500, ["x"] * 300, {"name": "os:system"}),
]


def of_bytes(rng: random.Random, data: bytes) -> bytes:
    """A few changes at random places: bits, pieces, tokens, an early end."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randint(0, len(changed))
        match rng.randrange(6):
            case 0 if changed:
                changed[place % len(changed)] ^= 1 << rng.randrange(8)
            case 1:
                changed[place:place] = rng.choice(TOKENS)
            case 2:
                del changed[place : place + rng.choice((1, 2, 16, 200))]
            case 3:
                piece = changed[place : place + rng.choice((1, 8, 100))]
                changed[place:place] = piece * rng.choice((1, 2, 50))
            case 4:
                token = rng.choice(TOKENS)
                changed[place : place + len(token)] = token
            case _:
                changed = changed[: place if rng.random() < 0.3 else len(changed)]
    return bytes(changed)


def of_json(rng: random.Random, document: Any) -> Any:
    """One to three values, keys or elements of a document replaced, removed or doubled."""
    document = json.loads(json.dumps(document))
    for _ in range(rng.randint(1, 3)):
        inner = document
        while True:
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(inner[key], dict | list) and inner[key] and rng.random() < 0.7:
                inner = inner[key]
                continue
            match rng.randrange(4):
                case 0:
                    del inner[key]
                case 1 if isinstance(inner, list):
                    inner.insert(0, inner[key])
                case _:
                    inner[key] = copy.deepcopy(rng.choice(VALUES))
            break
    return document


def of_zip(rng: random.Random, source: Path, target: Path) -> None:
    """An archive whose members are changed, or which is changed as a whole."""
    if rng.random() < 0.3:
        target.write_bytes(of_bytes(rng, source.read_bytes()))
        return
    with (
        warnings.catch_warnings(),
        zipfile.ZipFile(source) as old,
        zipfile.ZipFile(target, "w") as new,
    ):
        warnings.simplefilter("ignore")  # a name may come twice
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            data = old.read(name)
            if name == chosen:
                if rng.random() < 0.2:
                    continue
                data = _header(rng, data) if rng.random() < 0.5 else of_bytes(rng, data)
            new.writestr(name if rng.random() < 0.9 else rng.choice(("y.npy", "x", "z.npy")), data)


HEADERS: list[Callable[[bytes], bytes]] = [
    lambda head: head.replace(b"<f4", b"|O8"),
    lambda head: head.replace(b"<f4", b"<c8"),
    lambda head: head.replace(b"<i8", b"<U8"),
    lambda head: head.replace(b"False", b"True "),
    lambda head: head.replace(b"(40", b"(99"),
    lambda head: head.replace(b"(40", b"(-1"),
    lambda head: head.replace(b"'descr'", b"'other'"),
]


def _header(rng: random.Random, data: bytes) -> bytes:
    return rng.choice(HEADERS)(data[:128]) + data[128:]
