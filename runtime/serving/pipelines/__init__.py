"""Typed graphs of steps, run as their values come."""

from .build import build_pipelines, load_externs
from .externs import Extern
from .model import PipelineModel, total
from .pipeline import Event, Pipeline, Result
from .run import FinishedStep
from .schema import schema_of, schema_of_parameters
from .texts import json_of
from .threads import Threads
from .workers import PoolStatus, Workers

__all__ = [
    "Event",
    "Extern",
    "FinishedStep",
    "Pipeline",
    "PipelineModel",
    "PoolStatus",
    "Result",
    "Threads",
    "Workers",
    "build_pipelines",
    "json_of",
    "load_externs",
    "schema_of",
    "schema_of_parameters",
    "total",
]
