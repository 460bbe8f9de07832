"""docs/servers.md: what was tried with real servers, and what was seen, one section for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import Factory, define

PAGE = Path(__file__).parents[2] / "docs/servers.md"


@define
class Section:
    """What was seen of one server. rows: what was tried, and what was seen."""

    title: str
    version: str
    rows: list[tuple[str, str]] = Factory(list)


def write(sections: Mapping[str, Section]) -> None:
    """Put each section in the place of the one that is there."""
    text = PAGE.read_text()
    for name, section in sections.items():
        begins, ends = f"<!-- seen: {name} -->", "<!-- end -->"
        before, found, after = text.partition(begins)
        assert found, f"{PAGE} has no place for {name}"
        after = after.partition(ends)[2]
        text = f"{before}{begins}\n\n{_table(section)}\n\n{ends}{after}"
    PAGE.write_text(text)


def _table(section: Section) -> str:
    rows = [f"| {tried} | {seen} |" for tried, seen in section.rows]
    return "\n".join([f"{section.version}", "", "| what was tried | what was seen |", "| --- | --- |", *rows])
