"""Plans as JSON: deterministic bytes out, checked values in."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cattrs import BaseValidationError, Converter, transform_error
from cattrs.gen import make_dict_unstructure_fn

from ...dsl.convert import make_converter, register_by_kind
from ...dsl.files import read_regular
from ...dsl.json_text import json_text
from ...dsl.kinds import TaskKind
from ...dsl.mismatch import Mismatch
from ..onnx_model.signature import Dimension
from .capabilities import ByIdentity, Capabilities
from .model import (
    SCHEMA,
    DeploymentPlan,
    OnnxServingPlan,
    Plan,
    PlanKind,
    RemotePoolPlan,
)
from .nodes import NODE_CLASSES, Node, NodeKind
from .routes import ROUTE_CLASSES, RouteKind, RoutePlan
from .tasks import SPEC_CLASSES, TaskSpec
from .types import TYPE_CLASSES, Type, TypeKind
from .whole import faults_of

PLAN_CLASSES: dict[PlanKind, type[DeploymentPlan]] = {
    PlanKind.ONNX_SERVING: OnnxServingPlan,
    PlanKind.REMOTE_POOL: RemotePoolPlan,
}


@cache
def plan_converter() -> Converter:
    """What makes JSON of plans, and plans of JSON: who compiles a file and runs it needs none."""
    made = make_converter(text_for_words=True)
    register_by_kind(made, DeploymentPlan, PlanKind, PLAN_CLASSES)
    register_by_kind(made, TaskSpec, TaskKind, SPEC_CLASSES)
    register_by_kind(made, Type, TypeKind, TYPE_CLASSES)
    register_by_kind(made, Node, NodeKind, NODE_CLASSES)
    register_by_kind(made, RoutePlan, RouteKind, ROUTE_CLASSES)
    capabilities = make_dict_unstructure_fn(Capabilities, made, _cattrs_omit_if_default=True)
    written = ByIdentity()
    made.register_unstructure_hook(Capabilities, lambda each: dict(written.of(capabilities, each)))
    made.register_structure_hook_func(lambda kind: kind == Dimension, lambda value, _: _dimension(value))
    return made


def _dimension(value: object) -> Dimension:
    if value is None or isinstance(value, str) or type(value) is int:
        return value
    raise Mismatch("a whole number, text or null", value)


class PlanError(Exception):
    """A plan file that cannot be used; the message says which, why, and what to do."""


def dump_plan(plan: Plan) -> str:
    """`plan` as JSON text: the same plan gives the same bytes, keys in the order of the classes."""
    return json_text(plan_converter().unstructure(plan))


def parse_plan(text: str) -> Plan:
    """The plan that `dump_plan` wrote."""
    return plan_converter().structure(json.loads(text), Plan)


def load_plan(path: Path) -> Plan:
    """The plan in the file at `path`. Raises PlanError."""
    try:
        raw = json.loads(read_regular(path, _LARGEST).decode("utf-8"), parse_int=_whole_number)
    except FileNotFoundError:
        raise PlanError(f"{path}: there is no such file") from None
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PlanError(f"{path}: this is no plan: not UTF-8 text; {_AGAIN}") from None
    except json.JSONDecodeError as error:
        raise PlanError(
            f"{path}:{error.lineno}:{error.colno}: the plan is damaged: {error.msg.lower()}; {_AGAIN}"
        ) from None
    except RecursionError:
        raise PlanError(f"{path}: the plan is damaged: nested too deeply; {_AGAIN}") from None
    except OverflowError as error:
        raise PlanError(f"{path}: the plan is damaged: {error}; {_AGAIN}") from None
    _check_schema(path, raw)
    try:
        plan = plan_converter().structure(raw, Plan)
        reasons = list(faults_of(plan))
    except (BaseValidationError, ValueError, TypeError, KeyError) as error:
        reasons = _reasons(error)
    if reasons:
        more = [f"{len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else []
        raise PlanError(f"{path}: the plan is damaged: {'; '.join(reasons[:_SHOWN] + more)}; {_AGAIN}")
    return plan


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise OverflowError(f"a number of {len(digits)} digits")
    return int(digits)


_MOST_DIGITS = 300
"""What has no more of them fits a float."""
_LARGEST = 256 << 20
_SHOWN = 5
"""Reasons that are told why a plan is none."""
_AGAIN = "write it again with `inferc compile`"


def _check_schema(path: Path, raw: Any) -> None:
    found = raw.get("schema") if isinstance(raw, dict) else None
    if not isinstance(found, str):
        raise PlanError(f"{path}: this is no plan: it has no `schema`; {_AGAIN}")
    if found != SCHEMA:
        raise PlanError(f"{path}: its schema is `{found}`, this inferc reads `{SCHEMA}`; {_AGAIN}")


def _reasons(error: BaseException) -> list[str]:
    def describe(inner: BaseException, _: type | None) -> str:
        match inner:
            case KeyError(args=(name,)):
                return f"`{name}` is missing"
            case _:
                return str(inner)

    return transform_error(error, path="plan", format_exception=describe)
