"""Triton's `config.pbtxt`: models that ONNX Runtime runs, and ensembles of them."""

from __future__ import annotations

from ...draft import Draft
from ...foreign import Node
from ...origin import Origin
from ...pbtxt_file import read_pbtxt
from .ensembles import ensemble
from .models import model

LISTS = frozenset(
    {"input", "output", "dims", "shape", "instance_group", "gpus", "profile", "resources", "step", "io"}
    | {"preferred_batch_size", "batch_input", "batch_output", "target_name", "source_input", "versions"}
    | {"gpu_execution_accelerator", "cpu_execution_accelerator", "graph_spec", "secondary_devices"}
    | {"model_warmup", "control_input", "control", "state", "initial_state", "agents"}
    | {"int32_false_true", "fp32_false_true", "bool_false_true", "op_library_filename"}
)
"""The repeated fields of `model_config.proto`."""

MAPS = frozenset(
    {"parameters", "inputs", "input_map", "output_map", "metric_tags", "cc_model_filenames"}
    | {"priority_queue_policy"}
)
"""Its fields that are maps."""

_SIGNS = ("platform", "backend", "ensemble_scheduling", "max_batch_size", "default_model_filename")


def parse(text: str) -> Node:
    """A file as values. Raises ImportFailed."""
    return read_pbtxt(text, LISTS, MAPS)


def recognises(root: Node) -> bool:
    """Whether this is the configuration of a model for Triton."""
    return any(sign in root.entries for sign in _SIGNS) and not root.get("deployment")


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put a whole file into the draft."""
    if root.text("platform") == "ensemble" or root.get("ensemble_scheduling") is not None:
        ensemble(root, draft, origin)
    else:
        model(root, draft, origin)
