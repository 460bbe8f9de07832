"""Opening an ONNX Runtime session that runs where the plan says, or saying why it does not."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import Factory, field

from .....compiler.plan import (
    ExecutionProvider,
    GraphOptimization,
    MissingProviderAction,
    OnnxServingPlan,
    ProviderSpec,
    ReplicaPlacement,
)
from .....compiler.plan.installing import pip_install
from .....compiler.plan.record import frozen
from ....requests.errors import StartError
from .cores import usable_physical_cores
from .failures import advice, first_line
from .model_files import find_file
from .native_output import FATAL, captured_native_output
from .optimized import OptimizedModels
from .providers import GPU_PROVIDERS, ORT_NAMES, TITLES, from_ort, ort_providers, why_missing
from .side_by_side import SideBySide

if TYPE_CHECKING:
    import onnxruntime

log = logging.getLogger(__name__)

# How long ONNX Runtime's threads stay awake for more work. Its own default, about a millisecond, takes the
# cores from the event loop and from other runs; without any, a run has to wake them again and again.
_SPIN_MICROSECONDS = "50"


@frozen
class OpenSession:
    """A session, the providers it really uses, in order, and what of it is not as it was asked for."""

    ort: onnxruntime.InferenceSession
    providers: tuple[ExecutionProvider, ...]
    warnings: tuple[str, ...] = ()
    side_by_side: SideBySide = field(default=Factory(lambda it: SideBySide(it.ort), takes_self=True))


def open_session(plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path) -> OpenSession:
    """Load the model of `plan`. Blocks for as long as that takes; one call at a time. Raises StartError."""
    owner = f"deployment `{plan.deployment}`"
    ort = import_onnxruntime(owner)
    path = find_file(plan.model, base_dir, "model", owner)
    for weights in plan.external_data:
        find_file(weights, base_dir, "external data", owner)
    wants_gpu = any(spec.name in GPU_PROVIDERS for spec in plan.providers)
    if not wants_gpu:
        opened = _open_or_explain(ort, path, plan, placement, plan.providers, base_dir, owner)
        return OpenSession(opened, from_ort(opened.get_providers()))
    libraries = preload_libraries()
    with captured_native_output() as printed:
        opened = _open_on_what_is_there(ort, path, plan, placement, base_dir, owner)
    log.debug("%s: ONNX Runtime said while loading:\n%s", owner, printed.text)
    providers = from_ort(opened.get_providers())
    installed = ort.get_available_providers()
    missing = [spec.name for spec in plan.providers if spec.name not in providers]
    warnings: list[str] = []
    if missing:
        reasons = [
            f"{owner} asks for {TITLES[name]} (providers = [{', '.join(s.name for s in plan.providers)}]), "
            f"which ONNX Runtime does not give: {why_missing(name, installed, libraries + printed.text)}"
            for name in missing
        ]
        if plan.on_missing_provider is MissingProviderAction.ERROR:
            raise StartError(*(f"{reason}; or set `on_missing_provider = warn`" for reason in reasons))
        real = ", ".join(TITLES[name] for name in providers)
        warnings += (f"{reason}; it runs on {real} instead" for reason in reasons)
    if len(placement.gpu_indices) > 1:
        idle = ", ".join(str(index) for index in placement.gpu_indices[1:])
        warnings.append(
            f"{owner}: one session uses one GPU: GPU {placement.gpu_indices[0]} works, {idle} stay idle; "
            "use `gpus = 1` and more `replicas`"
        )
    warnings += _ignored_options(opened, plan.providers, owner)
    for warning in warnings:
        log.warning("%s", warning)
    return OpenSession(opened, providers, tuple(warnings))


def open_beside(session: onnxruntime.InferenceSession, path: Path) -> onnxruntime.InferenceSession:
    """Another part of the model of `session`, on the same providers, with the same threads."""
    import onnxruntime

    said = session.get_session_options()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = said.intra_op_num_threads
    options.inter_op_num_threads = said.inter_op_num_threads
    options.graph_optimization_level = said.graph_optimization_level
    chosen = session.get_provider_options()
    make: Any = onnxruntime.InferenceSession
    opened: onnxruntime.InferenceSession = make(
        path, options, providers=[(name, chosen.get(name, {})) for name in session.get_providers()]
    )
    return opened


def _ignored_options(
    session: onnxruntime.InferenceSession, specs: Sequence[ProviderSpec], owner: str
) -> list[str]:
    """Options that ONNX Runtime did not take: it says nothing about those that it does not know."""
    taken = session.get_provider_options()
    return [
        f"{owner}: this ONNX Runtime's {TITLES[spec.name]} provider does not know the option `{option}`"
        for spec in specs
        for option in (*spec.options, *spec.paths)
        if ORT_NAMES[spec.name] in taken and option not in taken[ORT_NAMES[spec.name]]
    ]


def import_onnxruntime(owner: str) -> Any:
    """The package. owner: who needs it, as errors name it. Raises StartError."""
    # Since 1.29, what is on PyPI sends the names and hashes of models to its makers unless it is told not to.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise StartError(
            f"{owner} needs ONNX Runtime, which cannot be imported ({error}): run "
            f"`{pip_install('cpu')}`, or `{pip_install('gpu')}` for a GPU"
        ) from None
    return onnxruntime


@functools.cache
def preload_libraries() -> str:
    """Load CUDA and cuDNN from where pip puts them; what was printed about those that failed.

    Once is enough: what is loaded stays loaded.
    """
    import onnxruntime

    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is None:
        return ""
    with captured_native_output() as printed:
        try:
            preload()
        except Exception as error:  # whatever it is, the session will tell whether it matters
            log.debug("preload_dlls failed: %s", error)
    return printed.text


def _open_on_what_is_there(
    ort: Any, path: Path, plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path, owner: str
) -> onnxruntime.InferenceSession:
    """A session on as many of the providers as possible.

    A provider that only logs its failure is left out by ONNX Runtime; one that raises is left out here.
    """
    installed = ort.get_available_providers()
    specs = [spec for spec in plan.providers if ORT_NAMES[spec.name] in installed]
    while any(spec.name in GPU_PROVIDERS for spec in specs):
        try:
            return _open(ort, path, plan, placement, specs, base_dir)
        except Exception as error:
            # Printed into the captured output, where the reason for a missing provider is looked for.
            failing = next(spec for spec in specs if spec.name in GPU_PROVIDERS)
            print(f"{TITLES[failing.name]}: {error}")
            specs.remove(failing)
    return _open_or_explain(ort, path, plan, placement, specs, base_dir, owner)


def _open_or_explain(
    ort: Any,
    path: Path,
    plan: OnnxServingPlan,
    placement: ReplicaPlacement,
    specs: Sequence[ProviderSpec],
    base_dir: Path,
    owner: str,
) -> onnxruntime.InferenceSession:
    try:
        return _open(ort, path, plan, placement, specs, base_dir)
    except Exception as error:
        raise StartError(
            f"{owner}: ONNX Runtime {ort.__version__} cannot load {path}: {first_line(error)}{advice(error)}"
        ) from error


def _open(
    ort: Any,
    path: Path,
    plan: OnnxServingPlan,
    placement: ReplicaPlacement,
    specs: Sequence[ProviderSpec],
    base_dir: Path,
) -> onnxruntime.InferenceSession:
    options = ort.SessionOptions()
    if not any(spec.name in GPU_PROVIDERS for spec in specs):
        options.log_severity_level = FATAL  # what fails is raised, and told once
    # Its own default takes the cores of the machine, whatever a container may use, and ties threads to them.
    options.intra_op_num_threads = plan.session.intra_op_threads or usable_physical_cores()
    options.inter_op_num_threads = plan.session.inter_op_threads
    if plan.session.inter_op_threads > 1:
        options.execution_mode = ort.ExecutionMode.ORT_PARALLEL
    options.graph_optimization_level = getattr(
        ort.GraphOptimizationLevel, _LEVELS[plan.session.graph_optimization]
    )
    options.enable_mem_pattern = plan.session.memory_pattern
    options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
    for library in plan.custom_ops:
        owner = f"deployment `{plan.deployment}`"
        options.register_custom_ops_library(str(find_file(library, base_dir, "library of operators", owner)))
    providers = ort_providers(specs, placement, base_dir) or [(ORT_NAMES[ExecutionProvider.CPU], {})]

    def open_one(model: Path, options: Any) -> onnxruntime.InferenceSession:
        session = ort.InferenceSession(model, options, providers=providers, enable_fallback=0)
        session.disable_fallback()
        return session

    kept = OptimizedModels.of(plan, specs, base_dir)
    return kept.open(ort, path, specs, options, open_one) if kept else open_one(path, options)


_LEVELS = {
    GraphOptimization.NONE: "ORT_DISABLE_ALL",
    GraphOptimization.BASIC: "ORT_ENABLE_BASIC",
    GraphOptimization.EXTENDED: "ORT_ENABLE_EXTENDED",
    GraphOptimization.ALL: "ORT_ENABLE_ALL",
}
