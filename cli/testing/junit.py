"""Outcomes as JUnit's XML, which every CI system reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from ...dsl.diagnostics import Diagnostic
from ...runtime.simulation.tests import Outcome

Played = tuple[Outcome, float, Sequence[Diagnostic]]
"""A test, how long it really took, and what is wrong with it."""


def junit(files: Iterable[tuple[str, Sequence[Played]]], seed: int) -> str:
    """One suite for each file."""
    root = ElementTree.Element("testsuites")
    for name, played in files:
        failed = sum(not outcome.passed for outcome, _, _ in played)
        suite = ElementTree.SubElement(
            root, "testsuite", name=name, tests=str(len(played)), failures=str(failed)
        )
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", name="seed", value=str(seed))
        for outcome, took, found in played:
            case = ElementTree.SubElement(
                suite, "testcase", classname=name, name=outcome.title, time=f"{took:.3f}"
            )
            for each in found:
                element = ElementTree.SubElement(case, "failure", message=each.message, type=each.code)
                label = each.primary.text if each.primary is not None else ""
                element.text = "\n".join((label, *each.notes))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
