"""What others say of the files: Kubernetes and Compose by their schemas, promtool, systemd, CRDs at hand.

`CRDS=folder` names a folder with CustomResourceDefinitions to check against.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ...support.rows import each_row
from .conftest import FILE, HOSTILE, RANGE, Emit, written, yaml_of

CORE = ("v1", "apps/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1")


def documents(files: dict[str, str]) -> list[dict[str, Any]]:
    return [
        each
        for name, text in files.items()
        if name.endswith(".yaml") and not name.endswith(".values.yaml")
        for each in yaml_of(text)
    ]


@pytest.mark.parametrize("scaler", ["hpa", "none"])
def test_kubernetes_takes_the_manifests(emitted: Emit, scaler: str) -> None:
    import kubernetes_validate

    checked = 0
    text = FILE if scaler == "none" else RANGE
    manifests = emitted("kubernetes", text, scaler=scaler)
    for each in [*documents(manifests), *documents(emitted("rayservice", text))]:
        if each["apiVersion"] in CORE:
            kubernetes_validate.validate(each, "1.37", strict=True)
            checked += 1
    assert checked >= 15


def test_compose_takes_the_file(emitted: Emit, tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(emitted("compose")["compose.yaml"], "utf-8")
    done = subprocess.run(
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": f"{Path(os.sys.executable).parent}:{os.environ['PATH']}"},
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
@pytest.mark.parametrize("name", ["gpt", HOSTILE])
def test_prometheus_takes_the_rules_and_each_of_them_goes_off(
    emitted: Emit, tmp_path: Path, name: str
) -> None:
    text = FILE.replace("deployment gpt", f"deployment {written(name)}").replace(
        ", gpt]", f", {written(name)}]"
    )
    for path, made in emitted("prometheus", text).items():
        (tmp_path / path).write_text(made, "utf-8")
    for kind, file in (("check", "rules.yaml"), ("test", "rules.test.yaml")):
        done = subprocess.run(
            ["promtool", kind, "rules", file],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "FAILED" not in done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_unit(emitted: Emit, tmp_path: Path) -> None:
    directory = "/srv"  # systemd takes none below `/dev`, where `tmp_path` may be
    [(name, text)] = emitted("systemd", directory=directory, program="/bin/true").items()
    (tmp_path / name).write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif("CRDS" not in os.environ, reason="CRDS names no folder with CustomResourceDefinitions")
@pytest.mark.parametrize("options", [{"scaler": "keda"}, {"scaler": "hpa"}])
def test_custom_resources_are_as_their_definitions_say(emitted: Emit, options: dict[str, Any]) -> None:
    schemas = dict(_definitions(Path(os.environ["CRDS"])))
    found = set()
    others = [*documents(emitted("kserve", RANGE)), *documents(emitted("rayservice", RANGE))]
    for each in [*documents(emitted("kubernetes", RANGE, **options)), *others]:
        kind = each["apiVersion"], each["kind"]
        if kind in schemas:
            jsonschema.Draft202012Validator(schemas[kind]).validate(each)
            found.add(each["kind"])
    expected = {
        "InferencePool",
        "HTTPRoute",
        "ServiceMonitor",
        "PrometheusRule",
        "InferenceService",
        "RayService",
    }
    assert found >= expected | ({"ScaledObject"} if options["scaler"] == "keda" else set())


def _definitions(folder: Path) -> Any:
    for path in folder.glob("*.yaml"):
        for crd in yaml_of(path.read_text("utf-8")):
            for version in (crd or {}).get("spec", {}).get("versions", ()):
                api = f"{crd['spec']['group']}/{version['name']}"
                yield (api, crd["spec"]["names"]["kind"]), _strict(version["schema"]["openAPIV3Schema"])


def _strict(schema: Any, top: bool = True) -> Any:
    """`schema` of OpenAPI as one of JSON Schema, which takes no property that it does not name."""
    if isinstance(schema, list):
        return [_strict(each, False) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("pattern"), str):  # as Go has it
        schema = schema | {"pattern": re.sub(r"^\^\(\?i\)", "(?i)^", schema["pattern"])}
    made = {key: _strict(value, False) for key, value in schema.items() if key not in ("default", "format")}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    is_closed = "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields")
    return {"additionalProperties": False, **made} if is_closed and not top else made


@each_row(("timeout", "written"), [("9h", "32405s"), ("2d", "49h"), ("30d", "721h")])
def test_a_route_says_how_long_an_answer_takes_in_five_digits(
    emitted: Emit, timeout: str, written: str
) -> None:
    """As the Gateway API's Duration (GEP-2257) wants it."""
    text = FILE.replace("bind =", f"timeout = {timeout}\n  bind =")
    [route] = [each for each in documents(emitted("kubernetes", text)) if each["kind"] == "HTTPRoute"]
    assert route["spec"]["rules"][0]["timeouts"]["request"] == written
