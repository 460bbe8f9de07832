"""From a file of another system to text of the language: read, drafted, checked, written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ...dsl.record import frozen
from .checked import settle
from .draft import Draft
from .foreign import ImportFailed, Node
from .formats import (
    apisix,
    atomr,
    baml,
    bifrost,
    envoy,
    kong,
    kserve,
    litellm,
    opencode,
    portkey,
    tensorzero,
    triton,
)
from .json_file import read_json
from .kubernetes import gathered, held_files, is_resources, moved, resources
from .origin import Origin
from .other_systems import System, find_system, find_text
from .report import Report
from .toml_file import read_toml
from .writer import write
from .yaml_file import read_yaml

_NO_PATTERN = "a `*` in a name stands for a part of names here: give it another name"
UNSPOKEN = "nothing here stands for it"
_WRITTEN_AGAIN = "`inferc emit kubernetes` writes resources for this file"


@frozen(eq=False)
class Format:
    """A system whose files are read. title: what it is called. models: how settings of its models begin.
    has_patterns: whether a `*` in a name stands for a part of names, as here."""

    name: str
    title: str
    recognises: Callable[[Node], bool]
    read: Callable[[Node, Draft, Origin], None]
    models: tuple[str, ...] = ("",)
    has_patterns: bool = False


FORMATS: tuple[Format, ...] = (
    Format("litellm", "LiteLLM", litellm.recognises, litellm.read, ("model_list",), has_patterns=True),
    Format("atomr", "atomr", atomr.recognises, atomr.read),
    Format("triton", "Triton", triton.recognises, triton.read),
    Format("kserve", "KServe", kserve.recognises, kserve.read),
    Format(
        "envoy",
        "Envoy AI Gateway",
        envoy.recognises,
        envoy.read,
        ("AIGatewayRoute", "AIServiceBackend"),
        has_patterns=True,
    ),
    Format("bifrost", "Bifrost", bifrost.recognises, bifrost.read, ("providers",)),
    Format("portkey", "Portkey", portkey.recognises, portkey.read),
    Format(
        "tensorzero",
        "TensorZero",
        tensorzero.recognises,
        tensorzero.read,
        ("models", "embedding_models", "functions"),
    ),
    Format("baml", "BAML", baml.recognises, baml.read),
    Format("kong", "Kong", kong.recognises, kong.read, ("services", "routes", "plugins")),
    Format("apisix", "Apache APISIX", apisix.recognises, apisix.read),
    Format("opencode", "opencode", opencode.recognises, opencode.read, ("provider",)),
)


_BY_SUFFIX = {".pbtxt": "triton", ".prototxt": "triton", ".baml": "baml"}
"""Systems whose files nobody else has."""


@frozen(eq=False)
class Imported:
    """Text of the language, what became of each setting, and the system that the file is of."""

    text: str
    report: Report
    format: str


def import_text(text: str, name: str, folder: Path, output: Path, wanted: str | None = None) -> Imported:
    """What a file says, as text of the language. Raises ImportFailed.

    name: what the file is called. folder: where it lies; files that it includes lie there or below. output:
    where the text will be. wanted: the name of the format; None: it is found out.
    """
    if wanted is None and (other := find_text(Path(name).name, text)) is not None:
        raise _is_of(other)
    wanted = wanted or _BY_SUFFIX.get(Path(name).suffix.lower())
    root = _parsed(text, name, wanted)
    beside: tuple[Node, ...] = ()
    if "kind" not in root.entries and (held := _held(root, wanted)) is not None:
        root, beside = held
    form = _format(root, wanted)
    draft = Draft(f"Imported from {Path(name).name}, a file of {form.title}.")
    draft.report.add_root(root)
    form.read(root, draft, Origin(folder, name, output))
    if not form.has_patterns:
        draft.drop_patterns(_NO_PATTERN)
    for resource in beside:
        draft.report.add_root(resource)
        draft.lost(resource, _WRITTEN_AGAIN)
    if not draft.deployments:
        message = f"no model in this file of {form.title} can be served by inferc"
        raise ImportFailed(message, help=_why(draft, form))
    settle(draft, output)
    draft.report.finish(UNSPOKEN)
    return Imported(write(draft), draft.report, form.name)


def _parsed(text: str, name: str, wanted: str | None) -> Node:
    suffix = Path(name).suffix.lower()
    if suffix == ".toml":
        return read_toml(text)
    if wanted == "triton":
        return triton.parse(text)
    if wanted == "baml":
        return baml.parse(text)
    if suffix in (".json", ".jsonc") or (suffix not in (".yaml", ".yml") and text.lstrip()[:1] in ("{", "[")):
        root = read_json(text)
        return gathered([root]) if is_resources([root]) else root
    documents = read_yaml(text)
    if is_resources(documents):
        return gathered(documents)
    if len(documents) != 1:
        raise ImportFailed("this file is empty" if not documents else "this file has several documents")
    return documents[0]


def _held(root: Node, wanted: str | None) -> tuple[Node, tuple[Node, ...]] | None:
    """The file of another system that resources of Kubernetes hold, and the resources that hold none.

    None where they are resources of such a system themselves.
    """
    systems = [each for each in FORMATS if wanted in (None, each.name)]
    if not resources(root) or any(each.recognises(root) for each in systems):
        return None
    found: list[tuple[Node, str, Node]] = []
    for resource in resources(root):
        for name, node in held_files(resource):
            try:
                held = _parsed(str(node.value), name, wanted)
            except ImportFailed:
                continue
            if any(each.recognises(held) for each in systems):
                found.append((resource.node, name, moved(held, f"{name}#", node.line)))
    if len(found) > 1:
        named = ", ".join(f"{holder.path} ({name})" for holder, name, _ in found)
        raise ImportFailed(f"these resources hold several files: {named}", None, "import each alone")
    if not found:
        return None
    [(holder, _, held)] = found
    return held, tuple(each.node for each in resources(root) if each.node is not holder)


def _format(root: Node, wanted: str | None) -> Format:
    if wanted is not None:
        return next(each for each in FORMATS if each.name == wanted)
    found = next((each for each in FORMATS if each.recognises(root)), None)
    if found is None:
        if (other := find_system(root)) is not None:
            raise _is_of(other)
        raise ImportFailed(
            "nothing in this file says which system it is of",
            help=f"{_reads()}; `--from` says which one it is",
        )
    return found


def _reads() -> str:
    return f"inferc reads files of {', '.join(each.title for each in FORMATS)}"


def _is_of(other: System) -> ImportFailed:
    return ImportFailed(f"this is a file of {other.title}", help=f"{other.advice}; {_reads()}")


def _why(draft: Draft, form: Format) -> str:
    """What most settings of models are lost for."""
    said = Counter(
        entry.says
        for entry in draft.report.entries()
        if entry.setting.startswith(form.models) and entry.says not in ("", UNSPOKEN)
    )
    return max(said, key=said.__getitem__) if said else "it names none"
