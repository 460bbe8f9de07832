"""A folder for the files of one test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..support.projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
