"""For KServe: an InferenceService for each model, and the gateways as on Kubernetes.

Source: `serving.kserve.io/v1beta1` of KServe 0.20, mode Standard.
"""

from __future__ import annotations

from ..plan import Plan
from .checks import EmitError
from .kubernetes import Writer, cluster_project
from .workloads import Options

_SUFFIX = "-direct"
"""Behind the name of a model: the service at which gateways reach its pods."""


def kserve(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The manifests by their paths."""
    whole = cluster_project(name, plan, options, _SUFFIX)
    if not whole.models:
        raise EmitError(
            "the file runs no model itself: an InferenceService serves one; emit `kubernetes` instead"
        )
    writer = Writer(whole, suffix=_SUFFIX)
    files = {f"{whole.gateway.name}.yaml": writer.workload(whole.gateway)}
    files |= {f"{work.name}.yaml": writer.inference_service(work) for work in whole.models}
    scaled = {
        work: "" if work.is_gateway else "-predictor" for work in whole.workloads if writer.is_scaled(work)
    }
    files |= {f"{work.name}-scaling.yaml": writer.scaling(work, aim) for work, aim in scaled.items()}
    return {"kustomization.yaml": writer.kustomization(files), **files, **_optional(writer)}


def _optional(writer: Writer) -> dict[str, str]:
    optional = writer.optional()
    wanted = ("optional/monitor.yaml", "optional/adapter.values.yaml")
    return {path: optional[path] for path in wanted if path in optional}
