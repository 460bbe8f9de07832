"""The files a plan names: are they there, and are they those it was compiled against?"""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from .....compiler.plan import FileRef
from ....requests.errors import StartError


def find_file(ref: FileRef, base_dir: Path, what: str, owner: str) -> Path:
    """The path of the file `ref` names, once its size and sha256 are found to be those of the plan.

    what: "model" or the like. owner: who needs it, as errors name it. Reads the whole file.
    Raises StartError.
    """
    path = base_dir / ref.path
    where = f"{owner}: its {what} {path}"
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise StartError(f"{where} is no regular file")
        if status.st_size != ref.bytes:
            raise StartError(
                f"{where} has {status.st_size:,} bytes, {ref.bytes:,} when the plan was compiled: put "
                "the file back, or compile the plan again with `inferc compile`"
            )
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        raise StartError(
            f"{where} is not there: paths in a plan are relative to the folder of the plan file"
        ) from None
    except OSError as error:
        raise StartError(f"{where} cannot be read: {error.strerror}") from None
    if found != ref.sha256:
        raise StartError(
            f"{where} has changed since the plan was compiled (sha256 {found[:12]}…, {ref.sha256[:12]}… "
            "in the plan): put the file back, or compile the plan again with `inferc compile`"
        )
    return path
