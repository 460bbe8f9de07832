"""What Docker's Compose, kubectl and Helm make of the files: `make manifests` brings them, and runs this."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from .conftest import FILE, HOSTILE, RANGE, Emit, written
from .test_validators import CORE

pytestmark = pytest.mark.skipif("TOOLS" not in os.environ, reason="TOOLS names no folder with their programs")

HOSTILE_FILE = FILE.replace('"gpt-4o-mini"', written(HOSTILE)).replace('"--port"', written(HOSTILE))

_RENDER = """\
import json, sys
from helm_python import Chart, lint
found = lint(sys.argv[1])
assert not found["errors"], found
print(json.dumps(Chart.load(sys.argv[1]).render({}, name="here", namespace="there")))
"""


def tool(name: str, *arguments: str, **environment: str) -> str:
    """What a program says."""
    done = subprocess.run(
        [f"{os.environ['TOOLS']}/{name}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def texts_of(documents: list[dict[str, Any]]) -> list[str]:
    """The models, and the words of commands, in the plans of ConfigMaps."""
    plans = [
        json.loads(plan)
        for each in documents
        if each["kind"] == "ConfigMap"
        for plan in each["data"].values()
    ]
    deployments = [each for plan in plans for each in plan["deployments"]]
    commands = [each["launch"]["command"] for each in deployments if each.get("launch")]
    return [each["model"] for each in deployments] + [word for command in commands for word in command]


@pytest.mark.parametrize("text", [FILE, RANGE, HOSTILE_FILE])
def test_compose_reads_the_file(emitted: Emit, tmp_path: Path, text: str) -> None:
    folder = put(tmp_path, emitted("compose", text))
    variables = {"OPENAI_API_KEY": "k", "TOKEN": "t"}
    said = tool("docker-compose", "-f", f"{folder}/compose.yaml", "config", "--format", "json", **variables)
    services = json.loads(said)["services"]
    assert set(services) == {"gateway", "llama", "digits-model", "redis"}
    assert services["gateway"]["environment"]["OPENAI_API_KEY"] == "k"


@pytest.mark.parametrize("target", ["kubernetes", "kserve"])
def test_kubectl_takes_them_together(emitted: Emit, tmp_path: Path, target: str) -> None:
    folder = put(tmp_path, emitted(target, HOSTILE_FILE))
    made = list(yaml.safe_load_all(tool("kubectl", "kustomize", str(folder))))
    assert texts_of(made).count(HOSTILE) == 2


@pytest.mark.parametrize("text", [RANGE, HOSTILE_FILE])
def test_helm_renders_the_chart(emitted: Emit, tmp_path: Path, text: str) -> None:
    folder = put(tmp_path / "prod", emitted("helm", text))
    rendered = json.loads(tool("python", "-c", _RENDER, str(folder)))
    made = [each for part in rendered.values() for each in yaml.safe_load_all(part) if each]
    for each in made:
        assert each["metadata"]["namespace"] == "there"
        if each["apiVersion"] in CORE:
            kubernetes_validate.validate(each, "1.37", strict=True)
    assert texts_of(made).count(HOSTILE) == (2 if text is HOSTILE_FILE else 0)
