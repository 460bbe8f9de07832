"""Models as ONNX Runtime rewrote them, kept on disk: the next start need not rewrite them again."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .....compiler.plan import ExecutionProvider, GraphOptimization, OnnxServingPlan, ProviderSpec
from .....compiler.plan.record import frozen
from ..cache_key import cache_key

if TYPE_CHECKING:
    import onnxruntime

    Open = Callable[[Path, Any], onnxruntime.InferenceSession]

log = logging.getLogger(__name__)

_INLINE_LIMIT = 1 << 30
"""Bytes of weights above which they go into a file of their own: a model file has at most 2 GiB."""

_ERRORS_ONLY = 3


@frozen
class OptimizedModels:
    """The folder of one plan's rewritten models."""

    folder: Path
    plan: OnnxServingPlan

    @classmethod
    def of(
        cls, plan: OnnxServingPlan, specs: Sequence[ProviderSpec], base_dir: Path
    ) -> OptimizedModels | None:
        """None without a cache in the plan, and with TensorRT, which keeps its engines itself."""
        folder = plan.session.optimized_model_cache
        if folder is None or any(spec.name is ExecutionProvider.TENSORRT for spec in specs):
            return None
        return (
            None
            if plan.session.graph_optimization is GraphOptimization.NONE
            else cls(base_dir / folder, plan)
        )

    def open(
        self, ort: Any, path: Path, specs: Sequence[ProviderSpec], options: Any, open_one: Open
    ) -> onnxruntime.InferenceSession:
        """A session on the kept model; on the one at `path`, which is kept then, if there is none.

        open_one: opens a model with options. A cache that cannot be read or written costs time, no more.
        """
        kept = self.folder / f"{cache_key(self.plan, specs, ort.__version__)}.onnx"
        if kept.is_file():
            full = options.graph_optimization_level
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            try:
                return open_one(kept, options)
            except Exception as error:
                log.warning("%s cannot be used, it is made again: %s", kept, error)
                options.graph_optimization_level = full
        return self._open_and_keep(kept, path, options, open_one)

    def _open_and_keep(
        self, kept: Path, path: Path, options: Any, open_one: Open
    ) -> onnxruntime.InferenceSession:
        part = kept.with_name(f".{kept.stem}.{os.getpid()}.onnx")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.touch()
        except OSError as error:
            log.warning("%s: no model can be kept there: %s", self.folder, error.strerror)
            return open_one(path, options)
        severity = options.log_severity_level
        try:
            options.optimized_model_filepath = str(part)
            options.log_severity_level = max(
                severity, _ERRORS_ONLY
            )  # it warns that what it writes is for this machine
            weights = self.plan.model.bytes + sum(file.bytes for file in self.plan.external_data)
            if weights > _INLINE_LIMIT or self.plan.external_data:  # or else it looks for them beside itself
                options.add_session_config_entry(
                    "session.optimized_model_external_initializers_file_name", f"{kept.stem}.data"
                )
            session = open_one(path, options)
            with contextlib.suppress(OSError):
                part.replace(kept)
            return session
        finally:
            options.optimized_model_filepath = ""
            options.log_severity_level = severity
            part.unlink(missing_ok=True)
