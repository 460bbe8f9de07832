"""Writing files so that nothing is ever half written, and nothing but regular files is replaced."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..compiler.project import project_of
from ..dsl.files import NotRegular, refuse_special
from ..dsl.record import frozen
from .output import fail

_REFUSED = (errno.EACCES, errno.EROFS, errno.EPERM)


def save(path: Path, text: str | bytes, said: str | None = None) -> int:
    """Write `text` into the file at `path` and say so, or say why not; gives the exit status.

    said: what is said then; None: that it was written.
    """
    return save_all({path: text}, said=said)


def save_all(
    files: Mapping[Path, str | bytes], *, with_folders: bool = False, said: str | None = None
) -> int:
    """Write all `files`, by their paths, and say so; or none of them, and say why; gives the exit status.

    What belongs together is taken together: all are written beside their places before one comes to its
    place. Where one then cannot, what was there is put back; where that cannot be, it is said which are new.

    with_folders: those that the files lie in are made.
    said: what is said of each instead of its name.
    """
    begun: list[_Begun] = []
    written: list[Path] = []
    targets: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            try:
                if with_folders:
                    path.parent.mkdir(parents=True, exist_ok=True)
                begun.append(_begun(path, text))
                if (other := targets.setdefault(begun[-1].target, path)) is not path:
                    raise ValueError(f"it is the same file as {other}")
            except (OSError, ValueError) as error:
                is_folder = error.filename == str(path.parent) if isinstance(error, OSError) else False
                others = "" if len(files) == 1 else f"; none of the {len(files)} files is changed"
                return fail(_why_not(path.parent if is_folder else path, error) + others)
        with _uninterrupted():
            for number, (each, path) in enumerate(zip(begun, files, strict=True)):
                try:
                    if number < len(files) - 1:
                        each.keep()
                    each.finish()
                except OSError as error:
                    written = [other for one, other in zip(begun, written, strict=False) if not one.undo()]
                    new = ", ".join(map(str, written))
                    others = "" if len(files) == 1 else f"; none of the {len(files)} files is changed"
                    if new:
                        others = f"; of the {len(files)} files, only {new} is new"
                    return fail(_why_not(path, error) + others)
                written.append(path)
    finally:
        for each in begun:
            each.leave()
        for path in written:  # all of them are there before one is told of: nobody may be listening
            print(said or f"wrote {path}", file=sys.stderr)
    return 0


def _why_not(path: Path, error: OSError | ValueError) -> str:
    """Why the file at `path` was not written."""
    if isinstance(error, NotRegular):
        return f"cannot write {path}: {error.strerror}, not a file; `-o -` writes to standard output"
    if isinstance(error, UnicodeEncodeError):
        return f"cannot write {path}: a name in it is not UTF-8"
    number = getattr(error, "errno", None)
    if number in _REFUSED and not os.path.lexists(path):
        where = "this folder" if path.parent == Path() else f"the folder {path.parent}"
        why = "is read-only" if number == errno.EROFS else "may not be written by you"
        return f"cannot write {path}: {where} {why}; name a file in another folder"
    return f"cannot write {path}: {getattr(error, 'strerror', None) or error}"


def write_atomically(path: Path, text: str | bytes) -> None:
    """Put `text` into the file at `path`: all of it, or none. Raises OSError and ValueError.

    Mode and owner of an existing file are kept, and a symbolic link goes on pointing to its file, which has
    to be in the same project. What is no regular file, or must not be written, stays as it is.
    """
    begun = _begun(path, text)
    try:
        begun.finish()
    finally:
        begun.leave()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C, and what ends a process, comes behind the block."""
    import signal

    if sys.platform == "win32":  # which cannot let them wait
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@frozen
class _Begun:
    """A file that lies whole beside its place."""

    temporary: str
    target: Path
    is_new: bool

    @property
    def _before(self) -> str:
        """Where what was at its place is kept."""
        return f"{self.temporary}.before"

    def keep(self) -> None:
        """Keep what is at its place, on file systems that know a file by two names."""
        with contextlib.suppress(OSError):
            os.link(self.target, self._before)

    def finish(self) -> None:
        os.replace(self.temporary, self.target)

    def undo(self) -> bool:
        """Put back what was kept; gives whether its place is as it was."""
        try:
            if self.is_new:
                os.unlink(self.target)
            else:
                os.replace(self._before, self.target)
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """Take it away, where it has not come to its place, and what was kept."""
        for each in (self.temporary, self._before):
            with contextlib.suppress(OSError):
                os.unlink(each)


def _begun(path: Path, text: str | bytes) -> _Begun:
    target = _target(path)
    contents = text.encode("utf-8") if isinstance(text, str) else text
    before = _state(target)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    begun = _Begun(temporary, target, before is None)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(contents)
            if sys.platform == "win32":  # the folder says who may read it
                pass
            elif before is None:
                umask = os.umask(0)
                os.umask(umask)
                os.fchmod(descriptor, 0o666 & ~umask)
            else:
                with contextlib.suppress(OSError):  # only root gives files away
                    os.fchown(descriptor, before.st_uid, before.st_gid)
                os.fchmod(descriptor, before.st_mode & 0o7777)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        begun.leave()
        raise
    return begun


def _target(path: Path) -> Path:
    """The file that a link leads to, or `path` itself, its folder without links."""
    folder = Path(os.path.realpath(path.parent))
    if not path.is_symlink():
        return folder / path.name
    target, project = Path(os.path.realpath(path)), project_of(folder) or folder
    if not target.is_relative_to(project):
        raise OSError(errno.EPERM, f"it is a link to {target}, outside of the project", str(path))
    return target


def _state(target: Path) -> os.stat_result | None:
    """What is at `target` now, None for nothing."""
    try:
        state = target.lstat()
    except FileNotFoundError:
        return None
    refuse_special(target, state.st_mode)
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only", str(target))
    return state
