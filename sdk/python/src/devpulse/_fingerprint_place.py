"""Where an error happened, the same on every machine.

As lib/fingerprint_place.c does it, byte for byte; the rules stand in lib/fingerprint.h.
"""

import re

from ._fingerprint_message import border

_CHANGING_DIGITS = 4  # a folder with so many is a date or a number of a build
_CHUNK_HASH_MIN = 6  # characters, one of them a digit

# Where programs are put, and how many folders below are the machine's choice too.
_ROOTS = (
    (b"/app/", 0),
    (b"/code/", 0),
    (b"/workspace/", 0),
    (b"/var/task/", 0),
    (b"/usr/src/", 1),
    (b"/var/www/", 1),
    (b"/srv/", 1),
    (b"/opt/", 1),
    (b"/tmp/", 1),
    (b"/root/", 1),
    (b"/home/", 2),
    (b"/Users/", 2),
)
_PACKAGES = (b"site-packages", b"dist-packages", b"node_modules")

_separator = re.compile(rb"[/\\]")
_drive = re.compile(rb"[\x00-\xff]:(?=[/\\])").match
_digit = re.compile(rb"[0-9]")
_controls = bytes.maketrans(bytes(range(0x20)) + b"\x7f", b"?" * 33)
_plain_function = re.compile(rb"(?:[^0-9$]|\$(?!\$))*")
_number = re.compile(rb"[0-9]+")


def place_of(file: bytes, function: bytes, most: int) -> bytes:
    """file:function; either may be empty. At most so many bytes, cut at a character's border."""
    out = bytearray(_file(file))
    del out[most + 1 :]
    if out and function:
        out += b":"
    _put_function(out, function, most)
    if len(out) > most:
        del out[border(out, most) :]
    return bytes(out)


def _file(path: bytes) -> bytes:
    *folders, name = _last_parts(_without_root(_without_url(path)))
    return (b"".join(map(_folder, folders)) + _name(name)).translate(_controls)


def _without_url(path: bytes) -> bytes:
    """Without scheme, host and query; without the drive of Windows."""
    _, scheme, rest = path.partition(b"://")
    if scheme:
        slash = rest.find(b"/")
        path = rest[slash:].partition(b"?")[0] if slash >= 0 else b""
    return path[2:] if _drive(path) else path


def _without_root(path: bytes) -> bytes:
    slashed = path.replace(b"\\", b"/")
    for root, folders in _ROOTS:
        if slashed.startswith(root):
            at = len(root)
            for _ in range(folders):
                at = slashed.find(b"/", at) + 1 or at
            return path[at:]
    return path


def _last_parts(path: bytes) -> list[bytes]:
    """Two; of a file in a folder of packages its name."""
    parts = _separator.split(path)
    return parts[-1:] if len(parts) > 2 and parts[-2] in _PACKAGES else parts[-2:]


def _folder(name: bytes) -> bytes:
    """Without the version of a Go module; a date or a build's number is as good as any."""
    version = name.find(b"@", 1)
    if version > 0:
        name = name[:version]
    if name in (b"", b"."):
        return b""
    return (b"*" if len(_digit.findall(name)) >= _CHANGING_DIGITS else name) + b"/"


def _name(name: bytes) -> bytes:
    dot = name.rfind(b".")
    if dot < 0:
        return name
    name, ending = name[:dot], name[dot:]
    if ending == b".pyc":
        ending = b".py"
    if ending in (b".js", b".mjs"):
        name = _without_hash(name)
    return name + ending


def _without_hash(name: bytes) -> bytes:
    """What bundlers put before .js: main.8f3a2c.js, index-BkF3x9aQ.js."""
    at = max(name.rfind(b"."), name.rfind(b"-"))
    found = name[at + 1 :]
    if at > 0 and len(found) >= _CHUNK_HASH_MIN and _digit.search(found):
        return name[:at]
    return name


def _put_function(out: bytearray, name: bytes, most: int) -> None:
    """Without the numbers of what has no name, and what a proxy of Java adds:
    Cart$$Lambda$14/0x7f."""
    at = 0
    while at < len(name) and len(out) <= most:
        plain = _plain_function.match(name, at)
        assert plain is not None
        if plain.end() > at:
            out += plain.group().translate(_controls)
            del out[most + 1 :]
            at = plain.end()
        elif name[at] == 0x24:
            dot = name.find(b".", at)
            at = dot if dot >= 0 else len(name)
        elif _numbers_unnamed(name, at):
            number = _number.match(name, at)
            assert number is not None
            at = number.end()
            if out.endswith((b".", b"$")):
                del out[-1:]
        else:
            out.append(name[at])
            at += 1


def _numbers_unnamed(name: bytes, at: int) -> bool:
    """Whether digits number what has no name: Java's lambda$run$3, Go's main.run.func1.2."""
    number = _number.match(name, at)
    assert number is not None
    end = number.end()
    if at == 0 or (end < len(name) and name[end] not in b".$"):
        return False
    return name[:at].endswith((b"$", b".", b".func"))
