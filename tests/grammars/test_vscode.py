"""The extension as it is handed out: one file that holds all it needs and nothing else."""

from __future__ import annotations

import json
import os
import re
import struct
import zipfile

import pytest

from inferc.dsl.version import __version__

from .engines import VSCODE

VSIX = VSCODE / "out" / "infer.vsix"


@pytest.fixture(scope="module")
def packed() -> zipfile.ZipFile:
    if not VSIX.exists():
        reason = "the extension is not built: run `make editors`"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return zipfile.ZipFile(VSIX)


def test_the_extension_holds_its_files_and_nothing_else(packed: zipfile.ZipFile) -> None:
    assert sorted(packed.namelist()) == [
        "[Content_Types].xml",
        "extension.vsixmanifest",
        "extension/LICENSE.txt",
        "extension/icon.png",
        "extension/language-configuration.json",
        "extension/out/extension.js",
        "extension/package.json",
        "extension/readme.md",
        "extension/snippets/infer.json",
        "extension/syntaxes/infer.tmLanguage.json",
    ]


def test_the_grammar_in_the_extension_is_the_generated_one(packed: zipfile.ZipFile) -> None:
    name = "syntaxes/infer.tmLanguage.json"
    assert packed.read(f"extension/{name}") == (VSCODE / name).read_bytes()


def test_the_program_needs_no_module_but_those_of_the_editor(packed: zipfile.ZipFile) -> None:
    code = packed.read("extension/out/extension.js").decode()
    needed = set(re.findall(r'\brequire\("([^"]+)"\)', code))
    built_in = {"child_process", "crypto", "fs", "net", "os", "path", "url", "util"}
    assert "vscode" in needed
    assert {name.removeprefix("node:") for name in needed} - {"vscode"} <= built_in


def test_every_file_that_the_manifest_names_is_there(packed: zipfile.ZipFile) -> None:
    manifest = json.loads(packed.read("extension/package.json"))
    offers = manifest["contributes"]
    named = [
        manifest["main"],
        manifest["icon"],
        *(one["configuration"] for one in offers["languages"]),
        *(one["path"] for kind in ("grammars", "snippets") for one in offers[kind]),
    ]
    for name in named:
        assert f"extension/{name.removeprefix('./')}" in packed.namelist()


def test_the_marketplace_is_told_what_it_shows(packed: zipfile.ZipFile) -> None:
    icon = packed.read("extension/icon.png")
    width, height = struct.unpack(">II", icon[16:24])
    assert icon.startswith(b"\x89PNG\r\n\x1a\n")
    assert width == height >= 128
    shown = packed.read("extension.vsixmanifest").decode()
    for part in (
        "Icons.Default",
        "Content.License",
        "Content.Details",
        "Branding.Color",
        "Programming Languages",
    ):
        assert part in shown
    assert b"Apache License" in packed.read("extension/LICENSE.txt")
    manifest = json.loads(packed.read("extension/package.json"))
    readme = packed.read("extension/readme.md").decode()
    for command in manifest["contributes"]["commands"]:
        assert f"| Infer: {command['title']} |" in readme


def test_the_extension_has_the_version_of_inferc() -> None:
    assert json.loads((VSCODE / "package.json").read_text("utf-8"))["version"] == __version__


def test_no_registry_is_written_into_the_list_of_pinned_packages() -> None:
    locked = json.loads((VSCODE / "package-lock.json").read_text("utf-8"))["packages"]
    assert [name for name, entry in locked.items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in locked.items() if name)
