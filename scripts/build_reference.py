"""Write the tables of the documentation from the classes of the code.

    python scripts/build_reference.py [--check]

A table stands between `<!-- fields: Class -->` or `<!-- keys: Class -->` (or one of the names below)
and `<!-- end -->`; what stands between is replaced. `hide=a,b` leaves fields out.
"""

from __future__ import annotations

import json
import re
import sys
import typing
from collections.abc import Callable, Iterator
from enum import StrEnum
from types import NoneType
from typing import Any

import attrs
from _written import ROOT, only_check, put, status

from inferc.cli.main import COMMANDS
from inferc.compiler.globals import GatewayFields, NodeFields
from inferc.compiler.onnx_model import signature
from inferc.compiler.pipelines import extern_options, options as call_options, pipeline_options
from inferc.compiler.pipelines.builtins.table import BUILTINS
from inferc.compiler.plan import (
    keys as plan_keys,
    model as plan_model,
    nodes as plan_nodes,
    pipelines as plan_pipelines,
    routes as plan_routes,
    tasks as plan_tasks,
    types as plan_types,
)
from inferc.compiler.plan.nodes import NODE_CLASSES, NodeKind
from inferc.compiler.routes import options as route_options
from inferc.compiler.targets import ENDPOINTS, wire_of
from inferc.dsl import deployment, gateway, guards, keys, kinds, policies, requests, runtimes, tasks
from inferc.dsl.catalogues.capabilities import all_endpoints
from inferc.dsl.catalogues.inference import FALLBACK, PATTERNS
from inferc.dsl.data_kinds import DataKind
from inferc.dsl.field_words import SCALARS, default_of, options, takes
from inferc.dsl.kinds import RuntimeKind, TransportKind
from inferc.dsl.units import Duration, Money, Percent, Size
from inferc.runtime.gateway import app as _gateway  # noqa: F401  # declares errors of its own
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.serving.routes.failover import FAILS_OVER, STAYS

PAGES = ("docs/fields.md", "docs/language.md", "docs/runtimes.md", "docs/operations.md", "docs/plan.md")
MARKED = re.compile(r"(<!-- (fields|keys|table): ([\w ,=]+?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

CLASSES: dict[str, Any] = {
    name: value
    for module in (
        *(
            deployment,
            gateway,
            guards,
            keys,
            policies,
            requests,
            runtimes,
            tasks,
            signature,
            call_options,
            extern_options,
            route_options,
            pipeline_options,
        ),
        *(plan_model, plan_keys, plan_tasks, plan_types, plan_nodes, plan_routes, plan_pipelines),
    )
    for name, value in vars(module).items()
    if isinstance(value, type) and attrs.has(value)
} | {"GatewayFields": GatewayFields, "NodeFields": NodeFields}

IN_JSON: dict[Any, str] = {
    runtimes.SecretRef: '`{"env": …}` or `{"file": …}`',
    keys.KeySecret: '`{"env": …}`, `{"file": …}` or `{"hash": …}`',
    policies.CapacityPolicy: '`"reject"`, `"queue"`, `{"fallback": …}`',
    Duration: 'text, as `"30s"`',
    Money: 'text, as `"$100"`',
    Size: 'text, as `"4GiB"`',
    bool: "true, false",
    Percent: 'text, as `"95%"`',
    object: "any JSON value",
    DataKind: "text",
    signature.Dimension: "integer, text or null",
}

MEANINGS: dict[tuple[str, str], str] = {
    ("SourceRef", "file"): "the file, relative to the directory of the plan",
    ("SourceRef", "line"): "from 1",
    ("SourceRef", "column"): "from 1",
    ("FileRef", "sha256"): "of the contents; a file that changed since is not used",
    ("FileRef", "bytes"): "its size",
    ("ProviderSpec", "name"): "the execution provider",
    ("ProviderSpec", "options"): "passed to ONNX Runtime as they are",
    ("TaskSpec", "kind"): "the task",
    ("EmbedSpec", "kind"): "always `embed`",
    ("EmbedSpec", "tokenizer"): "the `tokenizer.json`",
    ("EmbedSpec", "pooling"): "how token vectors become one vector",
    ("EmbedSpec", "normalize"): "whether vectors are scaled to length 1",
    ("RerankSpec", "kind"): "always `rerank`",
    ("RerankSpec", "tokenizer"): "the `tokenizer.json`",
    ("ClassifySpec", "kind"): "always `classify`",
    ("GenerateSpec", "kind"): "always `generate`",
    ("GenerateSpec", "tokenizer"): "the `tokenizer.json`",
    ("ReplicaPlacement", "replica_index"): "from 0",
    ("ReplicaPlacement", "node"): "the node of the cluster; null on a single machine",
    ("ReplicaPlacement", "gpu_indices"): "the GPUs of that machine; empty: none",
    ("DeploymentPlan", "kind"): "`onnx_serving` or `remote_pool`",
    ("DeploymentPlan", "deployment"): "its name, which requests use as `model`",
    ("DeploymentPlan", "source"): "where it was declared",
    ("DeploymentPlan", "replicas"): "one entry for each",
    ("DeploymentPlan", "serving"): "capacity",
    ("DeploymentPlan", "idempotent"): "false: never retried",
    ("OnnxServingPlan", "model"): "the `.onnx` file",
    ("OnnxServingPlan", "on_missing_provider"): "what happens when a provider is not there",
    ("OnnxServingPlan", "session"): "options of the session",
    ("OnnxServingPlan", "task"): "how inputs and outputs are read",
    ("RemotePoolPlan", "provider"): "who answers",
    ("RemotePoolPlan", "wire"): "the shape of requests and answers",
    ("RemotePoolPlan", "auth"): "how requests show the key",
    ("RemotePoolPlan", "task"): "how inputs and outputs are read",
    ("RemotePoolPlan", "rate_limits"): "null in it: no limit",
    ("RemotePoolPlan", "retry"): "when a failed request is sent again",
    ("RemotePoolPlan", "timeouts"): "how long to wait for the provider",
    ("RemotePoolPlan", "circuit_breaker"): "when a failing endpoint is left alone",
    ("RemotePoolPlan", "budget"): "null: none",
    ("GatewayPlan", "host"): "address to listen on",
    ("GatewayPlan", "port"): "port to listen on",
    ("GatewayPlan", "source"): "where the `gateway` block is; null: there is none",
    ("Type", "kind"): "what the value is",
    ("ChoiceType", "values"): "the texts that it may be",
    ("TensorType", "dtype"): "what its numbers are",
    ("ListType", "element"): "the type of each value",
    ("OptionalType", "inner"): "its type when it is there",
    ("RecordType", "fields"): "the type of each field by its name",
    ("RoutePlan", "kind"): "how a member is picked",
    ("RoutePlan", "source"): "where it was written",
    ("RoutePlan", "members"): "deployments and routes by name, in the order of the file",
    ("RoutePlan", "by"): "what the member is picked by",
    ("RoutePlan", "after"): "how long a member may take until its first chunk before the next one is asked",
    ("SplitPlan", "shares"): "100% together",
    ("SplitPlan", "key"): "what keeps requests together",
    ("ShareOf", "member"): "a deployment or a route",
    ("ShareOf", "share"): "how much of the requests it gets",
    ("RouteKey", "source"): "a header of the request, or a field of its body",
    ("RouteKey", "name"): "the name of the header or of the field",
    ("ParameterPlan", "name"): "its name",
    ("ParameterPlan", "type"): "its type",
    ("PipelinePlan", "source"): "where it was declared",
    ("PipelinePlan", "result"): "the type of what it gives",
    ("ExternPlan", "extern"): "its name, which nodes use",
    ("ExternPlan", "source"): "where it was declared",
    ("ExternPlan", "parameters"): "what it takes, in the order of the file",
    ("ExternPlan", "result"): "the type that what it gives must have",
    ("Node", "kind"): "how it comes by its value",
    ("IndexNode", "of"): "the node of which a part is taken",
    ("OperatorNode", "operands"): "the nodes that it takes",
    ("ListNode", "items"): "the nodes behind its values",
    ("RecordNode", "fields"): "the node behind each field",
    ("InterpolationNode", "values"): "the nodes behind its values",
    ("PromptNode", "template"): "Jinja2",
    ("BuiltinNode", "function"): "its name",
    ("ConvertNode", "of"): "the node with the JSON, or with a text that holds it",
    ("ConvertNode", "to"): "the type that it must have",
    ("ExternNode", "arguments"): "the node behind each parameter",
    ("ArmPlan", "block"): "the block that gives its value",
    ("MatchNode", "subject"): "the node whose value picks the arm",
    ("MatchNode", "arms"): "from top to bottom",
    ("IfNode", "condition"): "the node that decides",
    ("Plan", "schema"): "always `inferc.plan/1`; another value is another format",
    ("Plan", "gateway"): "the HTTP endpoint",
    ("Plan", "deployments"): "in the order of the file",
}
"""What fields mean whose class does not say it."""


def main() -> int:
    check = only_check(__doc__)
    pages = ((page := ROOT / name, rebuilt(page.read_text("utf-8"))) for name in PAGES)
    return status(list(put(pages, check)), check, "reference")


def rebuilt(text: str) -> str:
    """`text` with every marked table made anew."""
    return MARKED.sub(lambda found: f"{found[1]}\n{_table(found[2], found[3])}\n\n{found[5]}", text)


def _table(kind: str, what: str) -> str:
    name, _, option = what.partition(" ")
    if kind == "table":
        return _grid(*TABLES[name]())
    hidden = option.removeprefix("hide=").split(",") if option else []
    cls = CLASSES[name]
    attributes = [attribute for attribute in attrs.fields(cls) if attribute.name not in hidden]
    if kind == "keys":
        return _grid(["key", "value", "meaning"], [_key(cls, attribute) for attribute in attributes])
    return _grid(
        ["field", "type", "default", "meaning"], [_field(cls, attribute) for attribute in attributes]
    )


def _grid(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


# ---- fields of the language


def _field(cls: Any, attribute: Any) -> list[str]:
    name = attribute.name
    return [f"`{name}`", takes(cls, name), default_of(cls, name), _meaning(cls, attribute)]


def _meaning(cls: Any, attribute: Any) -> str:
    if "doc" in attribute.metadata:
        return str(attribute.metadata["doc"])
    for base in cls.__mro__:
        if (base.__name__, attribute.name) in MEANINGS:
            return MEANINGS[base.__name__, attribute.name]
    raise KeyError(f"{cls.__name__}.{attribute.name} has no meaning")


# ---- keys of the plan


def _key(cls: Any, attribute: Any) -> list[str]:
    hint = typing.get_type_hints(cls)[attribute.name]
    return [f"`{attribute.name}`", _json_type(hint), _meaning(cls, attribute)]


def _json_type(hint: Any) -> str:
    if hint in IN_JSON:
        return IN_JSON[hint]
    inner = [option for option in options(hint) if option is not NoneType]
    null = " or null" if NoneType in options(hint) else ""
    [only] = inner
    origin, arguments = typing.get_origin(only), typing.get_args(only)
    if only in IN_JSON:
        return IN_JSON[only] + null
    if only in SCALARS:
        return SCALARS[only] + null
    if origin is tuple:
        return f"list of {_json_type(arguments[0])}"
    if origin is dict:
        return {str: "object of texts", int: "object of integers"}.get(arguments[1], "object")
    if only is plan_types.Type:
        return f"type{null}"
    if issubclass(only, StrEnum):
        return ", ".join(f'`"{member}"`' for member in only) if len(only) <= 5 else "a word, as text"
    return f"object{null}"


# ---- other tables


def _inference() -> tuple[list[str], list[list[str]]]:
    rows = [[f"`{pattern}`", f"`{kind}`"] for pattern, kind in PATTERNS]
    return ["name of the model", "runtime"], [*rows, ["anything else", f"`{FALLBACK}`, with a note"]]


def _runtimes() -> tuple[list[str], list[list[str]]]:
    return ["runtime", "where", "speaks", "endpoint, when the file names none"], list(_runtime_rows())


def _runtime_rows() -> Iterator[list[str]]:
    for kind in RuntimeKind:
        if kind is RuntimeKind.CUDARC:
            continue
        if kind.transport is TransportKind.LOCAL:
            yield [f"`{kind}`", "this process", "ONNX Runtime", ""]
            continue
        if kind is RuntimeKind.CUSTOM:
            yield [f"`{kind}`", "the plugin decides", "the plugin decides", ""]
            continue
        assert kind.provider is not None
        endpoint = ENDPOINTS.get(kind.provider)
        wire = wire_of(kind.provider)
        yield [f"`{kind}`", "HTTP", f"`{wire}`", f"`{endpoint}`" if endpoint else "none: the file must"]


def _commands() -> tuple[list[str], list[list[str]]]:
    return ["command", "what it does"], [[f"`inferc {name}`", text] for name, text in COMMANDS.items()]


def _words() -> tuple[list[str], list[list[str]]]:
    shown = (
        kinds.JitterKind,
        kinds.Pooling,
        kinds.TooLongAction,
        kinds.Activation,
        kinds.MissingProviderAction,
        kinds.GraphOptimization,
        kinds.BudgetAction,
        kinds.UnavailableAction,
        kinds.GuardAction,
        kinds.UnsupportedAction,
        kinds.EffortLevel,
        kinds.VerbosityLevel,
        kinds.Isolation,
        kinds.TaskKind,
    )
    return ["words", "meaning"], [
        [", ".join(f"`{member}`" for member in cls), (cls.__doc__ or "").rstrip(".")] for cls in shown
    ]


def _errors() -> tuple[list[str], list[list[str]]]:
    rows = []
    for cls in _subclasses(RequestError):
        if "code" not in vars(cls):
            continue  # clients see no difference to the one that it is a kind of
        meaning = (cls.__doc__ or "").split("\n")[0].rstrip(".")
        retryable = "yes" if cls.retryable else "no"
        rows.append([str(cls.status), f"`{cls.type}`", f"`{cls.code}`", retryable, meaning])
    return ["status", "type", "code", "retryable", "meaning"], sorted(rows)


def _moving_on() -> tuple[list[str], list[list[str]]]:
    rows = [[f"`{cls.code}`", "yes", why] for cls, why in FAILS_OVER.items()]
    return ["error of a member", "next one asked", "because"], [
        *rows,
        *([f"`{cls.code}`", "no", why] for cls, why in STAYS.items()),
    ]


def _subclasses(cls: type[RequestError]) -> Iterator[type[RequestError]]:
    for inner in cls.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def _nodes() -> tuple[list[str], list[list[str]]]:
    rows = []
    shared = {attribute.name for attribute in attrs.fields(plan_nodes.Node)}
    for kind in NodeKind:
        cls: Any = NODE_CLASSES[kind]
        own = [attribute for attribute in attrs.fields(cls) if attribute.name not in shared]
        keys = "; ".join(f"`{attribute.name}`: {_meaning(cls, attribute)}" for attribute in own)
        rows.append([f"`{kind}`", (cls.__doc__ or "").split("\n\n")[0].replace("\n", " ").rstrip("."), keys])
    return ["kind", "what it does", "its own keys"], rows


def _builtins() -> tuple[list[str], list[list[str]]]:
    return ["function", "gives"], [[f"`{each.form}`", each.told] for each in BUILTINS.values()]


def _references() -> dict[str, Any]:
    """What the references of providers say of the fields of chats, by runtime."""
    return {
        path.stem: json.loads(path.read_text("utf-8"))["chat"]
        for path in sorted((ROOT / "tests/runtime/reference/tables").glob("*.json"))
    }


def _chat_fields() -> tuple[list[str], list[list[str]]]:
    """What becomes of each of OpenAI's fields at each provider that does not get it as it is."""
    columns = {"refused": 2, "left out": 3, "needless": 4}
    references = _references()
    rows = []
    for field in references["openai"]["takes"]:
        row: list[list[str]] = [[f"`{field}`"], [], [], [], []]
        for name, chat in references.items():
            fates = {
                **dict.fromkeys(chat["takes"], "same"),
                **chat.get("changed", {}),
                **chat.get("lacks", {}),
            }
            fate, _, _ = fates[field].partition(":")
            if fate != "same":
                told = f"{name}: `{fate.removeprefix('as ')}`" if fate.startswith("as ") else name
                row[columns.get(fate, 1)].append(told)
        rows.append([", ".join(cell) for cell in row])
    return ["field", "sent as", "refused", "left out", "not needed"], rows


def _passed_fields() -> tuple[list[str], list[list[str]]]:
    """What becomes of the fields of pictures, sounds, moderations and completions."""
    endpoints = {
        "images": "/images/generations",
        "edits": "/images/edits",
        "variations": "/images/variations",
        "speech": "/audio/speech",
        "transcriptions": "/audio/transcriptions",
        "translations": "/audio/translations",
        "moderations": "/moderations",
        "completions": "/completions",
    }
    tables = {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in sorted((ROOT / "tests/runtime/reference/tables").glob("*.json"))
    }
    rows = []
    for kind, path in endpoints.items():
        for name, said in tables.items():
            if kind not in said:
                continue
            section = said[kind]
            by_fate: dict[str, list[str]] = {}
            for field, fate in {**section.get("changed", {}), **section.get("lacks", {})}.items():
                by_fate.setdefault(fate.partition(":")[0].partition(" ")[0], []).append(f"`{field}`")
            own = (
                [] if name == "openai" else [f for f, value in section["takes"].items() if value is not None]
            )
            cells = (by_fate.get(column, ()) for column in ("refused", "left", "needless"))
            rows.append(
                [f"`{path}`", name, ", ".join(f"`{f}`" for f in own), *(", ".join(each) for each in cells)]
            )
    return ["endpoint", "provider", "its own fields", "refused", "left out", "not needed"], rows


def _endpoints() -> tuple[list[str], list[list[str]]]:
    """What models have at each provider by their task, and where batches go."""

    def listed(names: tuple[str, ...] | None, nothing: str) -> str:
        return ", ".join(f"`{each}`" for each in names or ()) or nothing

    rows = []
    for each in all_endpoints():
        name = f"{each.provider}, {each.service}" if each.service else str(each.provider)
        tasks = (listed(each.tasks.get(task), "") for task in ("chat", "embed", "rerank"))
        batched = "not known" if each.batched is None else listed(each.batched, "none")
        at = (
            f"`{each.batches_at}`"
            if "/" in each.batches_at and " " not in each.batches_at
            else each.batches_at
        )
        rows.append([name, *tasks, batched, at])
    return ["provider", "models that chat", "that embed", "that rank", "batches of", "sent to"], rows


def _own_fields() -> tuple[list[str], list[list[str]]]:
    """What each provider takes that is no field of OpenAI's, or has other values."""
    rows = []
    for name, chat in _references().items():
        own = [field for field, value in chat["takes"].items() if value is not None]
        if own and name != "openai":
            rows.append([f"`{name}`", ", ".join(f"`{field}`" for field in own), chat["source"]])
    return ["runtime", "fields", "read from"], rows


def _response_fields() -> tuple[list[str], list[list[str]]]:
    """What becomes of what a client of responses says, at each provider that is not asked in responses."""
    said = json.loads((ROOT / "tests/runtime/reference/responses.json").read_text("utf-8"))["fates"]
    columns = ("sent", "refused", "left out", "needless")
    rows = []
    for kind, names in said.items():
        for name, fate in names.items():
            by_fate: dict[str, list[str]] = {}
            for runtime, words in fate.items() if isinstance(fate, dict) else [("all", fate)]:
                for word in words.split(" or "):
                    by_fate.setdefault(word, []).append(runtime)
            rows.append([kind, f"`{name}`", *(", ".join(by_fate.get(column, ())) for column in columns)])
    return ["", "name", "sent", "refused", "left out", "not needed"], rows


def _changes() -> tuple[list[str], list[list[str]]]:
    """Up to which day the change log of each provider was followed, and what of it is open."""
    rows = []
    for path in sorted((ROOT / "tests/runtime/reference/changes").glob("*.json")):
        said = json.loads(path.read_text("utf-8"))
        heres = [([each] if isinstance(each, str) else each) for each in (e["here"] for e in said["entries"])]
        undone = [each.removeprefix("open: ") for here in heres for each in here if each.startswith("open: ")]
        left = [*filter(None, [said.get("missing")]), *undone]
        read = ", ".join(said["sources"])
        rows.append([f"`{path.stem}`", said["until"], f"{len(heres)}", read, "; ".join(left)])
    return ["provider", "until", "entries", "read from", "not had, or open"], rows


TABLES: dict[str, Callable[[], tuple[list[str], list[list[str]]]]] = {
    "chat_fields": _chat_fields,
    "own_fields": _own_fields,
    "passed_fields": _passed_fields,
    "endpoints": _endpoints,
    "response_fields": _response_fields,
    "changes": _changes,
    "inference": _inference,
    "runtimes": _runtimes,
    "commands": _commands,
    "words": _words,
    "errors": _errors,
    "moving_on": _moving_on,
    "nodes": _nodes,
    "builtins": _builtins,
}

if __name__ == "__main__":
    sys.exit(main())
