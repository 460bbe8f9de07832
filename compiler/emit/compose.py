"""A Compose file: a service for the gateway, one for each model, and Redis where money is counted.

Source: the Compose specification; `$` in a text is written `$$`.
"""

from __future__ import annotations

from ..plan import Plan
from .dockerfile import dockerfile
from .layout import project
from .quoting import compose_literal, environment
from .workloads import Options, Workload


def compose(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The files by their paths."""
    whole = project(name, plan, options, lambda work: f"http://{work}:8080")
    text = (
        environment(compose_literal)
        .get_template("compose.yaml.j2")
        .render(
            name=whole.name,
            workloads=whole.workloads,
            models=whole.models,
            stateful=whole.gateway.is_stateful,
            volumes=[
                *(f"{service(work)}-cache" for work in whole.models if work.is_launched),
                *(("state",) if whole.gateway.is_stateful else ()),
            ],
            image=options.image or f"{whole.name}:latest",
            service=service,
            check=check,
        )
    )
    plans = {f"plans/{work.plan_name}": work.plan_text for work in whole.workloads}
    return {"compose.yaml": text, **plans, **dockerfile(name, plan, options)}


def service(work: Workload) -> str:
    """What a workload is called."""
    return "gateway" if work.is_gateway else work.name


def check(work: Workload) -> str:
    """A program that fails while the workload is not ready."""
    if work.asks_certificate:
        return f"import socket; socket.create_connection(('127.0.0.1', {work.port}), 4)"
    if work.is_tls:
        return (
            "import ssl, urllib.request as r; c = ssl._create_unverified_context(); "
            f"r.urlopen('https://127.0.0.1:{work.port}/readyz', timeout=4, context=c)"
        )
    return f"import urllib.request as r; r.urlopen('http://127.0.0.1:{work.port}/readyz', timeout=4)"
