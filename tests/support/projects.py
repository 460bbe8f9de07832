"""Files of a user in a folder of their own: written, checked, and compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from inferc.compiler.compile import Checked, check_file, compile_checked
from inferc.compiler.plan import DeploymentPlan, OnnxServingPlan, Plan, RemotePoolPlan
from inferc.dsl.diagnostics import Diagnostic

MAIN = "main.infer"


@frozen
class Project:
    """A folder with `.infer` files in it."""

    folder: Path

    def write(self, name: str, contents: str | bytes) -> Path:
        """Put a file there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return path

    def check(self, text: str | None = None, name: str = MAIN, **options: Any) -> Checked:
        """Check the file `name`; `text` stands for what is in it."""
        return check_file(name, self.folder / name, text=text, **options)

    def findings(self, text: str | None = None, name: str = MAIN, **options: Any) -> list[Diagnostic]:
        """All that is said about the file."""
        return list(self.check(text, name, **options).diagnostics)

    def codes(self, text: str | None = None, name: str = MAIN, **options: Any) -> list[str]:
        return [item.code for item in self.findings(text, name, **options)]

    def plan(self, text: str | None = None, name: str = MAIN, base: str = ".", **options: Any) -> Plan:
        """The plan of a file that must have no error."""
        checked = self.check(text, name, **options)
        assert [item.message for item in checked.diagnostics if item.is_error] == []
        return compile_checked(checked, self.folder / base)

    def remote(self, text: str, **options: Any) -> RemotePoolPlan:
        """The plan of the one remote deployment in `text`."""
        [deployment] = self.plan(text, **options).deployments
        assert isinstance(deployment, RemotePoolPlan)
        return deployment

    def deployments(self, text: str, **options: Any) -> dict[str, DeploymentPlan]:
        """The plans of the deployments by name."""
        return {each.deployment: each for each in self.plan(text, **options).deployments}

    def onnx(self, text: str, **options: Any) -> OnnxServingPlan:
        """The plan of the one local deployment in `text`."""
        [deployment] = self.plan(text, **options).deployments
        assert isinstance(deployment, OnnxServingPlan)
        return deployment


def place(item: Diagnostic) -> str:
    """Where a finding points: file, line and column."""
    assert item.primary is not None
    source = item.primary.span.source
    line, column = source.position(item.primary.span.start)
    return f"{source.name}:{line}:{column}"


def chat(name: str, extra: str = "", bases: str = "") -> str:
    """A remote deployment on one line."""
    head = f"deployment {name} from {bases}" if bases else f"deployment {name}"
    return f'{head} {{ model = "gpt-4o-mini", runtime openai {{ api_key = env("KEY") }} {extra} }}\n'
