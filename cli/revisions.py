"""A file as a revision of git has it: `HEAD~1:prod.infer`, with all that it imports."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LARGEST = 64 << 20
"""Bytes of all `.infer` files of a revision together."""
_PATIENCE = 60


class NoRevision(Exception):
    """What is asked for cannot be read; the message says why."""


@contextmanager
def read_revision(written: str) -> Iterator[Path]:
    """The file that `REVISION:path` names, in a folder of its own for as long as it is needed.

    path: from the current folder. Only `.infer` files are taken out of the revision, and no links that lead
    out of it. Raises NoRevision.
    """
    revision, _, name = written.partition(":")
    if revision.startswith("-"):
        raise NoRevision(f"{written}: `{revision}` is no revision")
    top = _git("rev-parse", "--show-toplevel").decode().strip()
    prefix = _git("rev-parse", "--show-prefix").decode().strip()
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    archive = _git("-C", top, "archive", "--format=tar", commit.decode().strip(), "--", ":(glob)**/*.infer")
    if len(archive) > LARGEST:
        raise NoRevision(f"{written}: its `.infer` files are larger than {LARGEST >> 20} MiB")
    try:
        unpacked = tempfile.TemporaryDirectory(prefix="inferc-")
    except OSError as error:
        raise NoRevision(f"{written}: it cannot be unpacked: {error.strerror}; set TMPDIR") from None
    with unpacked as folder:
        refused: dict[str, str] = {}

        def sound(member: tarfile.TarInfo, destination: str) -> tarfile.TarInfo | None:
            try:
                return tarfile.data_filter(member, destination)
            except tarfile.FilterError as error:
                refused[member.name] = str(error).replace(folder, revision)
                return None

        def plain(member: tarfile.TarInfo) -> bool:
            if member.issym() or member.islnk():
                refused[member.name] = f"{member.name!r} is a link, which needs Python 3.11.4"
            return member.isfile() and not os.path.normpath(member.name).startswith(("/", ".."))

        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(folder, filter=sound)
            else:  # older than Python 3.11.4
                tar.extractall(folder, members=[each for each in tar if plain(each)])
        path = Path(folder) / prefix / name
        if why := refused.get(os.path.normpath(prefix + name)):
            raise NoRevision(f"{written}: {why}")
        if not path.is_file() or not path.resolve().is_relative_to(Path(folder).resolve()):
            raise NoRevision(f"{written}: `{revision}` has no file {prefix}{name}")
        yield path


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, check=False, timeout=_PATIENCE, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise NoRevision("git is not installed: name two files") from None
    except subprocess.TimeoutExpired:
        raise NoRevision("git does not answer") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise NoRevision(f"git {arguments[0]}: {said or 'there is no such revision'}")
    return done.stdout
