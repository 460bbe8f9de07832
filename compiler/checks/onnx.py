"""Local deployments are held against their models, with what looks into models loaded only for that."""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import TransportKind
from ..program import Program


def check(program: Program, found: Diagnostics) -> None:
    """Every local deployment must fit the model that it names."""
    local = [
        (declared, deployment)
        for declared, deployment in program.deployments
        if deployment.effective_runtime.transport is TransportKind.LOCAL and deployment.model.strip()
    ]
    if local:
        from .onnx_models import check_models

        check_models(local, program.models, found)
