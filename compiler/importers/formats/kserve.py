"""KServe's inference services, and the graphs in front of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from ..draft import Deployment, Draft, Route
from ..foreign import Node
from ..kubernetes import Resource, form, resources, rest
from ..origin import Origin
from ..secrets import names_secret
from ..servers import PORT
from ..tables import Kept, Lost, Table, To, Unfit, follow, milliseconds, positive, seconds
from .kserve_graphs import graph

_SCALING = "inferc starts as many replicas as the file says; Kubernetes may scale whole servers"
_PLACING = "where it runs is said where inferc itself is deployed"
_STORAGE = "inferc loads no models: put the files where `model` says"
_FORMATS = (
    "inferc runs ONNX models and servers that speak OpenAI's protocol: export it, or keep KServe for it"
)

_OLD_FORMATS: tuple[str, ...] = (
    *("onnx", "huggingface", "triton", "sklearn", "xgboost", "pytorch", "tensorflow"),
    *("lightgbm", "pmml", "paddle"),
)
"""Formats that may stand in place of `model`."""

_NAMES = ("model_name", "served_model_name")
"""Flags that say what clients call the model."""

_OWN_FLAGS = (*_NAMES, "model_id", "model_dir", "model", "backend", "http_port", "port", "host", "task")
"""Flags of KServe's own server for Hugging Face models; all others are those of vLLM."""

_MORE_FLAGS = "VLLM_ADDITIONAL_ARGS"
"""The variable that holds further flags for vLLM, as a shell reads them."""

_MOUNTED = "/mnt/models"
"""Where KServe puts what `storageUri` names."""

_REMOTE: Table = {
    "timeout": To("runtime.timeouts.total", seconds, "here from sending to the last byte"),
}

_PREDICTOR: Table = {
    "maxReplicas": Lost(_SCALING),
    "scaleTarget": Lost(_SCALING),
    "scaleMetric": Lost(_SCALING),
    "scaleMetricType": Lost(_SCALING),
    "autoScaling.**": Lost(_SCALING),
    "containerConcurrency": To("serving.max_concurrent", positive),
    "timeout": Lost("ONNX models have the deadline of their request: `gateway { timeout = … }`"),
    "batcher.**": Lost("the server joins requests by itself"),
    "tolerations": Lost(_PLACING),
    "nodeSelector.**": Lost(_PLACING),
    "affinity.**": Lost(_PLACING),
    "serviceAccountName": Lost(_PLACING),
    "*.storageUri": Lost(_STORAGE),
    "*.storage.**": Lost(_STORAGE),
    "containers": Lost("inferc starts the server itself, with `launch { command = […] }`"),
    "*.protocolVersion": Lost("the gateway speaks OpenAI's API and the Open Inference Protocol for all"),
    "*.modelFormat.name": Kept(),
    "*.modelFormat.version": Lost("the file of a model says which version it has"),
    "*.runtime": Lost("the runtime follows from the format"),
    "*.resources.requests.nvidia.com/gpu": Lost("the limit counts"),
    "*.resources.**": Lost(_PLACING),
    "logger.**": Lost("inferc logs no contents"),
    "canaryTrafficPercent": Lost("write a second deployment, and `split { new: 10%, old: 90% }`"),
}


_LANGUAGE_MODEL: Table = {
    "model.uri": Lost(_STORAGE),
    "model.lora.**": Lost("adapters are flags of the server: `--enable-lora`, `--lora-modules`"),
    "replicas": To("replicas", positive),
    "router.**": Lost("a route of inferc says who is asked: `balance [a, b] by least_busy`"),
    "prefill.**": Lost("one server does both parts of an answer: leave this to llm-d"),
    "worker.**": Lost("a server runs on one machine: leave this to llm-d"),
    "parallelism.**": Lost("write the server's own flags"),
    "scaling.**": Lost(_SCALING),
    "baseRefs": Lost("what others say is not looked up: write it here"),
    "template.containers": Lost(_PLACING),
    "template.**": Lost(_PLACING),
}


def recognises(root: Node) -> bool:
    """Whether there are inference services, or graphs of them."""
    kinds = ("InferenceService", "InferenceGraph", "LLMInferenceService")
    return any(each.kind in kinds for each in resources(root))


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put all resources into the draft."""
    found = resources(root)
    form(found, draft)
    called: dict[str, str] = {}
    for each in found:
        if each.kind == "InferenceService":
            _service(each, called, draft)
        elif each.kind == "LLMInferenceService":
            _language_model(each, called, draft)
    for each in found:
        if each.kind == "InferenceGraph":
            graph(each, draft)
    for name, target in called.items():
        if name == draft.free_name(name):
            draft.routes.append(Route(name, target))
    rest(found, draft)


def _service(service: Resource, called: dict[str, str], draft: Draft) -> None:
    predictor = service.spec.get("predictor")
    if predictor is None:
        return
    key = next((each for each in ("model", *_OLD_FORMATS) if each in predictor.entries), None)
    body = predictor.get(key) if key is not None else None
    kind = body.text("modelFormat", "name") if key == "model" and body is not None else key
    containers = predictor.get("containers")
    if body is None and containers is not None and containers.items:
        body = containers.items[0]
        kind = "vllm" if "vllm" in (body.text("image") or "") else None
    made = Deployment(name=service.name, nodes=(service.node,))
    if body is None or kind not in ("onnx", "huggingface", "vllm"):
        draft.lost(service.node, _FORMATS)
        return
    draft.deployments.append(made)
    draft.kept(service.node.get("metadata", "name"))
    _replicas(predictor, made, draft)
    _gpus(body, made, draft)
    if kind == "onnx":
        _onnx(service.name, predictor, made, draft)
    else:
        _server(body, made, called, draft)
        follow(_REMOTE, Node(predictor.path, predictor.line, _only(predictor, "timeout")), draft, made)
        if made.has("runtime.timeouts.total"):
            made.put("runtime.timeouts.request", made.value("runtime.timeouts.total"))
    follow(_PREDICTOR, predictor, draft, made)
    for name in ("transformer", "explainer"):
        other = service.spec.get(name)
        if other is not None:
            says = "code around a model is a pipeline with an `extern`"
            draft.lost(other, says, made.remarks)
    metadata = service.node.get("metadata")
    if metadata is not None:
        draft.lost(metadata, "it is for Kubernetes alone", made.remarks)


def _language_model(service: Resource, called: dict[str, str], draft: Draft) -> None:
    """A server of vLLM, as llm-d runs it: its container, behind what the resource says of it."""
    made = Deployment(name=service.name, nodes=(service.node,))
    draft.deployments.append(made)
    model, replicas = service.spec.get("model"), service.spec.get("replicas")
    containers = service.spec.get("template", "containers")
    listed = containers.items if containers is not None else ()
    main = next((each for each in listed if each.text("name") == "main"), None)
    body = {**main.entries} if main is not None else {}
    flags: list[str] = []
    for name, flag in (("tensor", "--tensor-parallel-size"), ("pipeline", "--pipeline-parallel-size")):
        if (node := service.spec.get("parallelism", name)) is not None:
            flags += [flag, str(node.value)]
            draft.kept(node)
    if (variables := body.get("env")) is not None:
        own = [each for each in variables.items if each.text("name") == _MORE_FLAGS and each.text("value")]
        for each in own:
            flags += _words(each.text("value") or "")
            draft.kept(each)
        body["env"] = Node(variables.path, variables.line, [e for e in variables.items if e not in own])
    if model is not None and (uri := model.get("uri")) is not None:
        body["storageUri"] = uri
    container = Node("", service.node.line, body)
    _gpus(container, made, draft)
    _server(container, made, called, draft, flags)
    if model is not None and (named := model.text("name")) is not None and named != made.name:
        called[named] = made.name
    draft.kept(service.node.get("metadata", "name"), model.get("name") if model is not None else None)
    if replicas is not None and replicas.value == 0:
        draft.changed(replicas, "inferc always has a replica", made.remarks)
    follow(_LANGUAGE_MODEL, service.spec, draft, made)
    draft.lost(service.node.get("metadata"), "it is for Kubernetes alone", made.remarks)


def _only(node: Node, *keys: str) -> dict[str, Node]:
    return {key: value for key, value in node.entries.items() if key in keys}


def _replicas(predictor: Node, made: Deployment, draft: Draft) -> None:
    least = predictor.get("minReplicas")
    if least is None:
        return
    if least.value == 0:
        draft.changed(least, "inferc always has a replica", made.remarks)
    else:
        follow({"minReplicas": To("replicas", positive)}, _pick(predictor, "minReplicas"), draft, made)


def _pick(node: Node, *keys: str) -> Node:
    """The same mapping with some of its entries alone."""
    return Node(node.path, node.line, _only(node, *keys))


def _gpus(body: Node, made: Deployment, draft: Draft) -> None:
    """GPUs of each replica, from the limits of its container."""
    for kind in ("limits", "requests"):
        given = body.get("resources", kind)
        for name, node in (given.entries if given is not None else {}).items():
            if not name.endswith("/gpu"):
                continue
            if made.has("gpus"):
                draft.lost(node, "the limit counts", made.remarks)
                continue
            try:
                made.put("gpus", positive(node), node)
                draft.kept(node)
            except Unfit as unfit:
                draft.lost(node, str(unfit), made.remarks)


def _onnx(name: str, predictor: Node, made: Deployment, draft: Draft) -> None:
    """A model that ONNX Runtime runs."""
    made.put("model", f"models/{name}/model.onnx")
    batcher = predictor.get("batcher")
    if batcher is None:
        return
    made.runtime("ort")
    follow(
        {
            "batcher.maxBatchSize": To("runtime.batching.max_size", positive),
            "batcher.maxLatency": To("runtime.batching.max_delay", milliseconds),
        },
        _pick(predictor, "batcher"),
        draft,
        made,
    )


def _server(
    body: Node, made: Deployment, called: dict[str, str], draft: Draft, more: Sequence[str] = ()
) -> None:
    """A language model behind a server of its own, which KServe's image starts with vLLM.

    called: what clients call deployments, which this one is added to. more: flags beside its own.
    """
    made.runtime("vllm")
    given = body.get("args")
    flags = _flags([*more, *(str(item.value) for item in (given.items if given is not None else ()))])
    stored = body.get("storageUri")
    is_hub = stored is not None and str(stored.value).startswith("hf://")
    written = str(stored.value) if is_hub and stored is not None else ""
    hub, _, revision = written.removeprefix("hf://").partition(":")
    named = [*(flags.get(each, "") for each in ("model_id", "model", "model_dir")), hub, _positional(body)]
    model = next((each for each in named if each and not (hub and each.rstrip("/") == _MOUNTED)), made.name)
    if model == hub:
        draft.kept(stored)
        flags |= {"revision": revision} if revision else {}
    called.update({flags[each]: made.name for each in _NAMES if flags.get(each)})
    made.put("model", model)
    command = ["vllm", "serve", model, "--port", PORT]
    for flag, value in flags.items():
        if flag not in _OWN_FLAGS:
            command += [f"--{flag.replace('_', '-')}", *([value] if value else [])]
    made.put("runtime.launch.command", command, *([given] if given is not None else []))
    if given is not None:
        says = "KServe's server is vLLM's own here, with the flags that it knows"
        draft.changed(given, says, made.remarks)
    _environment(body.get("env"), made, draft)
    for name in ("command", "image", "ports", "name"):
        if (node := body.get(name)) is not None:
            draft.lost(node, "inferc starts the server itself, with `launch { command = […] }`", made.remarks)


def _positional(body: Node) -> str:
    """The model in `vllm serve MODEL`, empty for none."""
    parts = [part for name in ("command", "args") if (part := body.get(name)) is not None]
    words = [str(item.value) for part in parts for item in part.items]
    place = words.index("serve") + 1 if "serve" in words else len(words)
    return words[place] if place < len(words) and not words[place].startswith("-") else ""


def _words(written: str) -> list[str]:
    """The words of a command line; as it stands where its quotes have no end."""
    try:
        return shlex.split(written)
    except ValueError:
        return written.split()


def _flags(arguments: list[str]) -> dict[str, str]:
    """`--name=value`, `--name value` and `--name` as a mapping, its names with `_`."""
    found: dict[str, str] = {}
    last = ""
    for argument in arguments:
        if match := re.match(r"--?([A-Za-z][\w-]*)(?:=(.*))?$", argument, re.DOTALL):
            last = match[1].replace("-", "_")
            found[last] = match[2] or ""
        elif last:
            found[last] = argument
    return found


def _environment(variables: Node | None, made: Deployment, draft: Draft) -> None:
    """Variables of the server: texts stand in the file, secrets come from the environment of inferc."""
    passed: list[str] = []
    sources: list[Node] = []
    for item in variables.items if variables is not None else ():
        name, value, source = item.text("name"), item.get("value"), item.get("valueFrom")
        if not name:
            continue
        is_told = value is not None and isinstance(value.value, str | int | float)
        if value is not None and is_told and not names_secret(name):
            made.put(("runtime", "launch", "env", name), str(value.value), item)
            draft.kept(item)
        else:
            passed.append(name)
            sources.append(item)
            draft.kept(item.get("name"))
            says = f"inferc passes {name} of its own environment on: set it there"
            draft.changed(source if source is not None else value, says, made.remarks)
    if passed:
        made.put("runtime.launch.pass_env", passed, *sources)
