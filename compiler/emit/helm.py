"""A chart for Helm: the manifests for Kubernetes, with image, namespace and numbers of copies as values.

Source: Helm 3, chart API v2. Texts of the file can hold no expression of Helm's: `{{` is written so that it
stays.
"""

from __future__ import annotations

from ..plan import Plan
from .kubernetes import Writer
from .layout import project
from .quoting import environment, yaml_literal
from .workloads import Options


def helm(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The files of the chart by their paths."""
    # In whichever namespace it is installed: a name alone is looked for there.
    whole = project(name, plan, options, lambda work: f"http://{work}:8080")
    writer = Writer(whole, chart=True)
    files = {f"{work.name}.yaml": writer.workload(work) for work in whole.workloads} | writer.around()
    values = environment(yaml_literal).from_string(_VALUES)
    chart = environment(yaml_literal).from_string(_CHART)
    return {
        "Chart.yaml": chart.render(name=whole.name, version=plan.compiler),
        "values.yaml": values.render(
            image=options.image or f"{whole.name}:latest", workloads=whole.workloads
        ),
        **{f"templates/{path}": text for path, text in files.items()},
        **{f"plans/{work.plan_name}": work.plan_text for work in whole.workloads},
    }


_CHART = """\
apiVersion: v2
name: {{ name }}
description: Written by `inferc emit helm`
type: application
version: 0.1.0
appVersion: {{ version }}
"""

_VALUES = """\
# Best with a digest: name@sha256:…
image: {{ image }}
# Copies of what does not scale by itself.
replicas:
{% for work in workloads %}
  {{ work.name }}: {{ work.replicas }}
{% endfor %}
"""
