"""Manifests for Kubernetes: a Deployment for the gateways, and one for each model that the file runs itself.

Sources: the API reference of Kubernetes 1.37 (apps/v1, autoscaling/v2, policy/v1, networking.k8s.io/v1), KEDA
2.20, Prometheus operator 0.93, Gateway API, and the Gateway API Inference Extension 1.6.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from ...dsl.kinds import ProviderKind, SecretSource
from ..plan import Plan, RemotePoolPlan
from .checks import check_nodes
from .endpoints import Endpoint
from .layout import project
from .prometheus import alerts
from .quoting import Verbatim, environment, helm_literal, yaml_literal
from .workloads import PRE_STOP, STATE, Options, Project, Workload


def kubernetes(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The manifests by their paths."""
    found = cluster_project(name, plan, options)
    writer = Writer(found)
    files = {f"{work.name}.yaml": writer.workload(work) for work in found.workloads}
    files |= writer.around()
    return {"kustomization.yaml": writer.kustomization(files), **files, **writer.optional()}


def cluster_project(name: str, plan: Plan, options: Options, suffix: str = "") -> Project:
    """What runs of `plan`, where each workload is reached by the name of its service. Raises EmitError."""
    return project(
        name, plan, options, lambda work: f"http://{work}{suffix}.{options.namespace}.svc.cluster.local:8080"
    )


class Writer:
    """Writes the manifests of a project. Raises EmitError.

    chart: they are templates of Helm's. suffix: behind the name of a model, where it is reached.
    """

    def __init__(self, whole: Project, *, chart: bool = False, suffix: str = "") -> None:
        check_nodes(whole.plan)
        self._project = whole
        self._options = whole.options
        self._templates = environment(helm_literal if chart else yaml_literal)
        options = whole.options
        image: object = options.image or f"{whole.name}:latest"
        namespace: object = options.namespace
        if chart:
            image, namespace = (
                Verbatim("{{ .Values.image | quote }}"),
                Verbatim("{{ .Release.Namespace | quote }}"),
            )
        self._common: dict[str, Any] = {
            "chart": chart,
            "image": image,
            "namespace": namespace,
            "labels": self._labels,
            "selector": self._selector,
            "probe": probe,
            "files": secret_files,
            "pre_stop": PRE_STOP,
            "state": STATE,
            "secret_name": f"{whole.name}-secrets",
            "settings_name": f"{whole.name}-settings",
            "files_name": f"{whole.name}-files",
            "scaler": options.scaler,
            "suffix": suffix,
        }
        self._chart = chart

    def workload(self, work: Workload) -> str:
        """Plan, Deployment, Service and PodDisruptionBudget of one."""
        replicas: object = work.replicas
        if self._chart:
            replicas = Verbatim("{{ index .Values.replicas %s }}" % yaml_literal(work.name))  # noqa: UP031
        return self.render(
            "workload.yaml", work=work, container="inferc", scaled=self.is_scaled(work), replicas=replicas
        )

    def around(self) -> dict[str, str]:
        """What holds for all of them, and needs nothing but Kubernetes."""
        whole = self._project
        files = {
            "network.yaml": self.render(
                "network.yaml",
                gateway=whole.gateway,
                models=whole.models,
                endpoints=whole.endpoints,
                egress=egress(whole.endpoints),
                goes_anywhere=whole.goes_anywhere,
            )
        }
        for work in whole.workloads:
            if self.is_scaled(work):
                files[f"{work.name}-scaling.yaml"] = self.scaling(work)
        return files

    def optional(self) -> dict[str, str]:
        """What needs more in the cluster, which each file names."""
        whole = self._project
        files = {
            "optional/monitor.yaml": self.render(
                "monitor.yaml",
                name=whole.name,
                gateway=whole.gateway,
                token=self._token(),
                has_auth=whole.plan.gateway.auth is not None,
                has_models=bool(whole.models),
                alerts=list(alerts(whole.plan)),
            ),
            "optional/route.yaml": self.render("route.yaml", gateway=whole.gateway),
        }
        if self._options.scaler == "hpa":
            files["optional/adapter.values.yaml"] = self.render("adapter.yaml")
        pools = {
            each.deployment
            for each in whole.plan.deployments
            if isinstance(each, RemotePoolPlan) and each.provider is ProviderKind.VLLM
        }
        for work in whole.models:
            if work.deployment in pools:
                files[f"optional/{work.name}-pool.yaml"] = self.render("inference_pool.yaml", work=work)
        return files

    def inference_service(self, work: Workload) -> str:
        """A model as KServe has it."""
        return self.render(
            "inference_service.yaml", work=work, container="kserve-container", scaled=self.is_scaled(work)
        )

    def kustomization(self, files: Mapping[str, str]) -> str:
        """What `kubectl apply -k` takes."""
        return self.render("kustomization.yaml", files=sorted(files))

    def scaling(self, work: Workload, aim: str = "") -> str:
        """What adds copies of it. aim: behind its name, that of the Deployment."""
        assert work.range is not None
        app = yaml_literal(work.name)
        return self.render(
            "scaling.yaml",
            work=work,
            aim=f"{work.name}{aim}",
            query=f"sum(inferc_requests_running{{service={app}}} + inferc_requests_waiting{{service={app}}})",
            prometheus="http://prometheus-operated.monitoring.svc:9090",
        )

    def is_scaled(self, work: Workload) -> bool:
        """Whether something adds copies of it."""
        return self._options.scaler != "none" and work.range is not None

    def _token(self) -> dict[str, str] | None:
        """The key of a Secret with what opens `/metrics` of gateways."""
        auth = self._project.plan.gateway.auth
        if auth is None or auth.source.is_fetched:
            return None
        if auth.source is SecretSource.ENV:
            return {"name": str(self._common["secret_name"]), "key": auth.name}
        return {"name": str(self._common["files_name"]), "key": self._project.gateway.secret_keys[auth.name]}

    def render(self, template: str, **values: object) -> str:
        """A template, filled in with what all of them are, and `values`."""
        return self._templates.get_template(f"{template}.j2").render({**self._common, **values})

    def _selector(self, work: Workload) -> dict[str, str]:
        return {"app.kubernetes.io/name": work.name, "app.kubernetes.io/instance": self._project.name}

    def _labels(self, work: Workload | None) -> dict[str, str]:
        whole = self._project
        common = {
            "app.kubernetes.io/part-of": whole.name,
            "app.kubernetes.io/managed-by": "inferc",
            "app.kubernetes.io/version": re.sub(r"[^A-Za-z0-9_.-]", "-", whole.plan.compiler)[:63],
        }
        if work is None:
            return {"app.kubernetes.io/name": whole.name, **common}
        kind = "gateway" if work.is_gateway else "model"
        return {**self._selector(work), "app.kubernetes.io/component": kind, **common}


def probe(path: str, work: Workload) -> Verbatim:
    """What a probe asks: the path, or, where only clients with a certificate may, whether anybody listens."""
    if work.asks_certificate:
        return Verbatim("tcpSocket: { port: http }")
    scheme = ", scheme: HTTPS" if work.is_tls else ""
    return Verbatim(f"httpGet: {{ path: {path}, port: http{scheme} }}")


def secret_files(work: Workload) -> list[dict[str, str]]:
    """Where each file with a secret stands in a container, and the key of the Secret that holds it."""
    made = {f"{each.folder}/{file}" for each in work.tokens for file, _ in each.tokens}
    return [
        {"path": file if file.startswith("/") else f"/srv/infer/{file}", "key": key}
        for file, key in work.secret_keys.items()
        if file not in made
    ]


def egress(endpoints: tuple[Endpoint, ...]) -> list[dict[str, Any]]:
    """Rules for where providers are: by address where that is known, else by port."""
    rules: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        to: list[dict[str, Any]] = []
        try:
            address = ipaddress.ip_address(each.host)
            to = [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}]
        except ValueError:
            if "." not in each.host or each.host.endswith((".svc", ".svc.cluster.local")):
                to = [{"namespaceSelector": {}}]
        rules[f"{each.port} {to}"] = {"port": each.port, "to": to}
    return list(rules.values())
