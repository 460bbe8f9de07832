"""Importing a file of another system, and asking what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from attrs import frozen

from inferc.compiler.compile import check_file
from inferc.compiler.importers import Imported, Outcome, import_text
from inferc.compiler.provenance import effective_values
from inferc.dsl.formatting import format_source
from inferc.dsl.source import Source


@frozen
class Came:
    """What came over. values: those in effect, such as `chat.runtime.retry.max_retries`."""

    imported: Imported
    values: dict[str, str]

    @property
    def text(self) -> str:
        return self.imported.text

    def comments(self) -> str:
        """All comments, each on one line."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip().startswith("#")]
        return "\n".join(lines).replace("\n#   ", " ")

    def outcome(self, setting: str) -> Outcome:
        return next(e.outcome for e in self.imported.report.entries() if e.setting == setting)

    def lost(self) -> set[str]:
        return {entry.setting for entry in self.imported.report.of(Outcome.LOST)}

    def changed(self) -> set[str]:
        return {entry.setting for entry in self.imported.report.of(Outcome.CHANGED)}


Import = Callable[..., Came]


@pytest.fixture
def bring(tmp_path: Path) -> Import:
    """`bring("config.yaml", text)`: the file imported; what is written is formatted, and passes."""

    def run(name: str, text: str, **others: str) -> Came:
        for other, contents in others.items():
            (tmp_path / other.replace("__", ".")).write_text(dedent(contents), "utf-8")
        imported = import_text(dedent(text), name, tmp_path, tmp_path / "out.infer")
        checked = check_file("out.infer", tmp_path / "out.infer", text=imported.text)
        errors = [each.code for each in checked.diagnostics if each.is_error]
        assert {*errors} <= {"E0501"}, imported.text
        assert format_source(Source("out.infer", imported.text, None)).text == imported.text
        assert checked.program is not None
        values = {
            ".".join((deployment, *each.path)): str(each.value)
            for deployment, inner in (() if errors else effective_values(checked.program))
            for each in inner
        }
        return Came(imported, values)

    return run
