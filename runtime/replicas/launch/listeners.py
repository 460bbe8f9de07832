"""Who listens at a port of this machine: proof that it is a process that we started.

Linux tells it in /proc: which sockets listen, and which process has which socket. Elsewhere it is not known.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

_PROC = Path("/proc")
_LISTEN = "0A"


def _words(address: str) -> str:
    """An address as the tables of the kernel write it: words of four bytes, each in the machine's order."""
    packed = ip_address(address).packed
    return "".join(
        f"{int.from_bytes(packed[at : at + 4], sys.byteorder):08X}" for at in range(0, len(packed), 4)
    )


_TABLES = {
    "tcp": {_words(address) for address in ("127.0.0.1", "0.0.0.0")},
    "tcp6": {_words(address) for address in ("::", "::ffff:127.0.0.1", "::ffff:0.0.0.0")},
}
"""The tables of sockets, and the addresses at which a connection to 127.0.0.1 may arrive."""


def is_ours(port: int, root: int) -> bool | None:
    """Whether `root` and the processes below it have every socket that listens at `port` of 127.0.0.1.

    False, too, where none listens or a process does not show what it has. None where nobody can say. Blocks.
    """
    if not (_PROC / "net" / "tcp").exists():
        return None
    listening = set(_listening(port))
    if not listening:
        return False
    for process in _family(root):
        listening -= _sockets(process)
    return not listening


def _listening(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen at `port`."""
    for name, addresses in _TABLES.items():
        try:
            lines = (_PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:  # without IPv6
            continue
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == _LISTEN and address in addresses and int(number, 16) == port:
                yield fields[9]


def _family(root: int) -> Iterator[int]:
    """`root` and all processes below it."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # it has ended meanwhile
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    while found:
        process = found.pop()
        yield process
        found += children.get(process, ())


def _sockets(process: int) -> set[str]:
    """The inodes of the sockets that `process` has, as far as it shows them."""
    inodes: set[str] = set()
    try:
        for descriptor in (_PROC / str(process) / "fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except OSError:  # closed meanwhile
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    except OSError:
        pass
    return inodes
