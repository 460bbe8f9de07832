"""A model that Triton's ONNX Runtime backend runs, as a deployment."""

from __future__ import annotations

from .....dsl.units import Duration, Size
from ....onnx_model.provider_options import options_of
from ...draft import Block, Deployment, Draft
from ...foreign import Node
from ...literals import Code
from ...origin import Origin
from ...report import Outcome
from ...tables import Kept, Lost, Table, To, Unfit, follow, number, positive, text, whole, words

_OWN = "the file of the model says what it takes and gives"
_QUEUE = "`serving { max_concurrent, on_capacity_exhausted }` says how many may wait and run"
_NOT_ONNX = "inferc runs ONNX models: export it, or leave it to Triton"

_MODES = {"FP16": "trt_fp16_enable", "INT8": "trt_int8_enable", "BF16": "trt_bf16_enable"}
_RENAMED = {
    "max_workspace_size_bytes": "trt_max_workspace_size",
    "int8_calibration_table_name": "trt_int8_calibration_table_name",
    "int8_use_native_calibration_table": "trt_int8_use_native_calibration_table",
}
"""Options of accelerators that Triton calls otherwise than ONNX Runtime."""

_CHOICES = {
    "cudnn_conv_algo_search": ("EXHAUSTIVE", "HEURISTIC", "DEFAULT"),
    "arena_extend_strategy": ("kNextPowerOfTwo", "kSameAsRequested"),
}
"""Options whose values are numbers in Triton."""


def _microseconds(node: Node) -> Duration:
    return Duration(float(number(node)) / 1_000_000)


def _sizes(node: Node) -> list[int]:
    return [positive(item) for item in node.items or (node,)]


def _level(node: Node) -> object:
    return words(**{"-1": "basic", "1": "extended", "2": "none"})(node)


def _parameter(draft: Draft, block: Block, node: Node) -> None:
    """An entry of `parameters`, which the backend reads as text."""
    name = node.path.rpartition("parameters.")[2].strip('"')
    value = node.get("string_value") or node
    rule = _PARAMETERS.get(name)
    if rule is not None:
        follow({"string_value": rule}, node, draft, block)
    elif name in options_of("cuda"):
        _option(draft, block, "cuda", name, value)
    draft.lost(node, "ONNX Runtime has no such option here", block.remarks)


_PARAMETERS: Table = {
    "intra_op_thread_count": To("runtime.session.intra_op_threads", whole),
    "inter_op_thread_count": To("runtime.session.inter_op_threads", whole),
    "enable_mem_pattern": To("runtime.session.memory_pattern", lambda node: str(node.value) in ("1", "true")),
    "execution_mode": Lost("operators run one after the other, each on all threads"),
}

_MODEL: Table = {
    "name": Kept(),
    "platform": Kept(),
    "backend": Kept(),
    "runtime": Kept(),
    "default_model_filename": Kept(),
    "input.**": Lost(_OWN),
    "output.**": Lost(_OWN),
    "max_batch_size": Lost("a request may have as many rows as the model takes; `batching` joins requests"),
    "dynamic_batching.preferred_batch_size": To("runtime.batching.preferred", _sizes),
    "dynamic_batching.max_queue_delay_microseconds": To("runtime.batching.max_delay", _microseconds),
    "dynamic_batching.preserve_ordering": Lost("answers come as they are ready, each to its own request"),
    "dynamic_batching.priority_levels": Kept(),
    "dynamic_batching.default_priority_level": Lost(
        "a request that names no `priority` waits for those that do"
    ),
    "dynamic_batching.default_queue_policy.**": Lost(_QUEUE),
    "dynamic_batching.priority_queue_policy.**": Lost(_QUEUE),
    "optimization.graph.level": To("runtime.session.graph_optimization", _level),
    "optimization.cuda.graphs": To("runtime.cuda.enable_cuda_graph", lambda node: node.value is True),
    "optimization.priority": Lost("models on one device have no priorities"),
    "optimization.input_pinned_memory.**": Lost("ONNX Runtime binds memory by itself"),
    "optimization.output_pinned_memory.**": Lost("ONNX Runtime binds memory by itself"),
    "parameters.*": _parameter,
    "instance_group.*.gpus": Lost("inferc places replicas itself, on the GPUs of CUDA_VISIBLE_DEVICES"),
    "instance_group.*.profile": Lost(
        "TensorRT's profiles are options: `tensorrt { trt_profile_min_shapes = … }`"
    ),
    "version_policy.**": Lost("a file names one version of a model: two versions are two deployments"),
    "sequence_batching.**": Lost("requests know nothing of each other: keep state in the client"),
    "response_cache.enable": Lost("tensors are not cached"),
    "model_transaction_policy.decoupled": Lost("each request has one answer"),
    "model_warmup.**": Lost("`warm_up` runs with values that are made up, in these shapes"),
}


def model(root: Node, draft: Draft, origin: Origin) -> None:
    """One model, where ONNX Runtime runs it."""
    platform, backend = root.text("platform") or "", root.text("backend") or ""
    file = root.text("default_model_filename") or "model.onnx"
    is_onnx = platform.startswith("onnxruntime") or backend == "onnxruntime"
    lies = origin.folder / "1"
    is_other = not file.endswith(".onnx") or (lies.is_dir() and not (lies / file).is_file())
    if not is_onnx and (platform or backend or is_other):
        draft.lost(root, _NOT_ONNX)
        return
    name = root.text("name") or origin.folder.name
    made = Deployment(name=name, nodes=(root,))
    draft.deployments.append(made)
    made.runtime("ort")
    if not is_onnx and not (lies / file).is_file():
        says = "no backend is named, and no model lies here: ONNX is taken"
        draft.changed(root.get("name") or root.get("max_batch_size"), says, made.remarks)
    add_model(made, "1", file, draft, origin)
    _accelerators(root, made, draft)
    _instances(root, made, draft)
    _batching(root, made, draft)
    _warm_up(root, made, draft)
    _labels(root, made, draft, origin)
    follow(_MODEL, root, draft, made)
    if not made.block("runtime").items:
        del made.items["runtime"]


def add_model(made: Deployment, version: str, file: str, draft: Draft, origin: Origin, *above: str) -> None:
    """The path of the model's file, in the folder of its version."""
    written = origin.written(*above, version, file)
    made.put("model", written)
    if origin.left(written):
        made.runtime("ort").put("outside_project", True)


def _accelerators(root: Node, made: Deployment, draft: Draft) -> None:
    """Execution providers and their options."""
    found = root.get("optimization", "execution_accelerators")
    gpu = found.get("gpu_execution_accelerator") if found is not None else None
    for item in gpu.items if gpu is not None else ():
        name = item.text("name")
        if name not in ("tensorrt", "cuda"):
            draft.lost(item, "ONNX Runtime has `tensorrt`, `cuda` and `cpu` here", made.remarks)
            continue
        draft.kept(item.get("name"))
        if name == "tensorrt":
            made.put("runtime.providers", [Code("tensorrt"), Code("cuda")], item)
        parameters = item.get("parameters")
        for key, value in (parameters.entries if parameters is not None else {}).items():
            if key == "precision_mode":
                mode = _MODES.get(str(value.value))
                if mode is not None:
                    made.put(f"runtime.tensorrt.{mode}", True, value)
                draft.kept(value)
            else:
                _option(draft, made, name, _RENAMED.get(key, key), value)
    others = found.get("cpu_execution_accelerator") if found is not None else None
    if others is not None:
        draft.lost(others, "ONNX Runtime has `tensorrt`, `cuda` and `cpu` here", made.remarks)


def _option(draft: Draft, block: Block, provider: str, name: str, node: Node) -> None:
    """An option of an execution provider, with the unit that its type has here."""
    known = options_of(provider).get(name)
    if known is None:
        draft.lost(node, f"ONNX Runtime's {provider} has no option `{name}`", block.remarks)
        return
    path, kind, written = ("runtime", provider, name), known.type, str(node.value)
    try:
        if kind == "flag":
            value: object = written in ("1", "true", "True")
        elif kind == "size":
            value = Size(whole(node))
        elif kind == "milliseconds":
            value = Duration(whole(node) / 1000)
        elif kind == "number":
            value = number(node)
        elif name in _CHOICES and written.isdigit() and int(written) < len(_CHOICES[name]):
            value = _CHOICES[name][int(written)]
        else:
            value = text(node)
    except Unfit as unfit:
        draft.lost(node, str(unfit), block.remarks)
        return
    block.put(path, value, node)
    draft.kept(node)


def _instances(root: Node, made: Deployment, draft: Draft) -> None:
    """Copies, on which kind of device."""
    groups = root.get("instance_group")
    items = groups.items if groups is not None else ()
    total = 0
    for item in items:
        kind, count = item.get("kind"), item.get("count")
        try:
            total += positive(count) if count is not None else 1
        except Unfit as unfit:
            draft.lost(count, str(unfit), made.remarks)
        word = str(kind.value) if kind is not None else "KIND_AUTO"
        if word == "KIND_GPU":
            made.put("gpus", 1, *([kind] if kind is not None else []))
            if not made.has("runtime.providers"):
                made.put("runtime.providers", [Code("cuda")])
            draft.kept(kind)
            listed = item.get("gpus")
            many = len(listed.items) if listed is not None else 0
            if many > 1 and count is not None and isinstance(count.value, int):
                total += count.value * (many - 1)
        elif word == "KIND_CPU":
            made.put("runtime.providers", [Code("cpu")], *([kind] if kind is not None else []))
            draft.kept(kind)
        else:
            draft.changed(kind, "on the CPU, unless `gpus = 1` says otherwise", made.remarks)
    counts = [node for item in items if (node := item.get("count")) is not None]
    if total and counts:
        made.put("replicas", total, *counts)
        for node in counts:
            if made.has("gpus") and total > 1:
                says = "here each replica has a GPU of its own; in Triton they share those that are listed"
                draft.changed(node, says, made.remarks)
            else:
                draft.kept(node)


def _batching(root: Node, made: Deployment, draft: Draft) -> None:
    most, dynamic = root.get("max_batch_size"), root.get("dynamic_batching")
    if dynamic is None:
        return
    if most is not None and isinstance(most.value, int) and most.value > 0:
        made.put("runtime.batching.max_size", most.value, most)
        draft.kept(most)
    if dynamic.get("max_queue_delay_microseconds") is None:
        made.put("runtime.batching.max_delay", Duration(0))
    if dynamic.is_leaf:
        draft.kept(dynamic)


def _warm_up(root: Node, made: Deployment, draft: Draft) -> None:
    """Shapes to run before the first request: one for each input, or a list of them."""
    warm_ups, most = root.get("model_warmup"), root.get("max_batch_size")
    is_batched = most is not None and most.value != 0
    shapes: dict[str, list[list[int]]] = {}
    nodes: dict[str, list[Node]] = {}
    for item in warm_ups.items if warm_ups is not None else ():
        size = item.get("batch_size")
        if size is None or size.value == 0:
            draft.lost(item, "Triton passes over what has no `batch_size`", made.remarks)
            continue
        batch = [size.value] if is_batched and isinstance(size.value, int) else []
        inputs = item.get("inputs")
        for name, given in (inputs.entries if inputs is not None else {}).items():
            dims = given.get("dims")
            numbers = [each.value for each in dims.items] if dims is not None else []
            whole_numbers = [each for each in numbers if isinstance(each, int)]
            shapes.setdefault(name, []).append([*batch, *whole_numbers])
            nodes.setdefault(name, []).extend(each for each in (dims, size) if each is not None)
            draft.kept(dims, given.get("data_type"), given.get("zero_data"), given.get("random_data"))
            if (data := given.get("input_data_file")) is not None:
                draft.lost(data, "`warm_up` runs with values that are made up, in these shapes", made.remarks)
        draft.kept(size, item.get("name"))
        if (count := item.get("count")) is not None:
            draft.lost(count, "each shape is run once", made.remarks)
    for name, several in shapes.items():
        made.put(("runtime", "warm_up", name), several[0] if len(several) == 1 else several, *nodes[name])


def _labels(root: Node, made: Deployment, draft: Draft, origin: Origin) -> None:
    """The labels of a classifier."""
    outputs = root.get("output")
    for output in outputs.items if outputs is not None else ():
        node = output.get("label_filename")
        if node is not None and isinstance(node.value, str):
            made.block("task").label = "classify"
            made.put("task.labels", origin.written(node.value), node)
            says = "here the model is a classifier, which answers with labels and scores"
            draft.report.mark(Outcome.CHANGED, node, says)
            draft.overrule(Outcome.CHANGED, node, says, made.remarks)
