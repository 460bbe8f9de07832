"""For KubeRay: a RayService, in which Ray Serve runs the models and the gateways of a file.

Sources: `ray.io/v1` of KubeRay 1.7, and the configuration of Ray Serve 2.60. Serve's own proxies are off:
clients reach the gateways by a Service of their own, and gateways the replicas at ports of their pods.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from ..plan import Plan
from ..plan.codec import dump_plan
from .checks import EmitError, check_size
from .kubernetes import Writer, cluster_project
from .quoting import Verbatim
from .workloads import Options, Project, Workload

RAY = "2.60.0"
"""The version of Ray in the image."""

BASE = "/srv/infer"
"""Where the plan and the files of models lie in each pod."""

_BUILDERS = "inferc.runtime.ray.application"


def rayservice(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The manifests by their paths."""
    whole = cluster_project(name, plan, options)
    if not whole.models:
        raise EmitError("the file runs no model itself, which is what Ray is for; emit `kubernetes` instead")
    gateway = evolve(plan.gateway, host="0.0.0.0", bind=None, port=whole.gateway.port, workers=1)
    text = json.dumps(json.loads(dump_plan(evolve(plan, gateway=gateway))), indent=2) + "\n"
    check_size(whole.name, text)
    served = evolve(whole.gateway, plan_text=text)
    writer = Writer(whole)
    files = {
        "rayservice.yaml": writer.render(
            "rayservice.yaml",
            name=whole.name,
            ray=RAY,
            gateway=served,
            models=whole.models,
            everyone=_everyone(whole),
            scales=any(each.range is not None for each in whole.models),
            serve_config=json.dumps(_serve_config(whole, served), indent=2) + "\n",
            resources=lambda work: f"'{json.dumps({_resource(work): 1})}'",
            base=BASE,
            node_probe=Verbatim("httpGet: { path: /api/local_raylet_healthz, port: 52365 }"),
        )
    }
    return {"kustomization.yaml": writer.kustomization(files), **files}


def _resource(work: Workload) -> str:
    """The resource of Ray that the pods of a workload have one of."""
    return f"inferc-{work.name}"


def _everyone(whole: Project) -> Workload:
    """What each pod gets of keys and settings: Ray may run anything of ours there."""
    every = whole.workloads
    return evolve(
        whole.gateway,
        secrets=tuple(sorted({name for each in every for name in each.secrets})),
        passed=tuple(sorted({name for each in every for name in each.passed})),
        secret_files=tuple(sorted({file for each in every for file in each.secret_files})),
        tokens=whole.gateway.tokens,
        settings=whole.settings,
    )


def _serve_config(whole: Project, gateway: Workload) -> dict[str, Any]:
    """What Serve runs. digest: of the plan, another one of which Serve takes for a change."""
    common: dict[str, object] = {
        "application": whole.name,
        "base": BASE,
        "plan": gateway.plan_name,
        "digest": gateway.digest,
    }
    models = [
        {
            "name": f"{whole.name}.{work.name}",
            "route_prefix": None,
            "import_path": f"{_BUILDERS}:model",
            "args": common
            | {
                "digest": work.digest,
                "deployment": work.deployment,
                "resource": _resource(work),
                "grace": work.grace,
                "load_timeout": work.start,
            },
        }
        for work in whole.models
    ]
    gateways = {
        "name": f"{whole.name}..gateways",
        "route_prefix": None,
        "import_path": f"{_BUILDERS}:gateways",
        "args": common
        | {
            "resource": _resource(gateway),
            "count": gateway.replicas,
            "grace": gateway.grace,
            "load_timeout": max(each.start for each in whole.workloads),
        },
    }
    return {"proxy_location": "Disabled", "applications": [*models, gateways]}
