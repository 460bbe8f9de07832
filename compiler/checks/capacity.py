"""What `on_capacity_exhausted = fallback(name)` leads to."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.kinds import CapacityKind
from ...dsl.wording import show_circle
from ..capabilities import context_window_of
from ..declare import Declared
from ..program import Program
from ..scope import report_unknown

_PATH = ("serving", "on_capacity_exhausted")


def check(program: Program, found: Diagnostics) -> None:
    """A fallback must be another deployment that answers the same requests."""
    targets: dict[str, str] = {}
    by_node = {id(declared.symbol.node): declared for declared in program.declared}
    for declared in program.declared:
        deployment = declared.deployment
        if deployment is None or deployment.serving.on_capacity_exhausted.kind is not CapacityKind.FALLBACK:
            continue
        target = _target(declared, by_node, found)
        if target is None or target.deployment is None:
            continue
        if not (declared.runtime_is_known and target.runtime_is_known):
            continue
        targets[deployment.name] = target.deployment.name
        _compare(declared, deployment, target.deployment, found)
    _cycles(program, targets, found)


def _target(declared: Declared, by_node: dict[int, Declared], found: Diagnostics) -> Declared | None:
    setting = declared.setting(*_PATH)
    if setting is None or not isinstance(setting.node.value, s.CallExpression):
        return None
    argument = setting.node.value.arguments[0]
    symbol = setting.scope.find_reference(argument)
    if symbol is None or not isinstance(symbol.node, s.DeploymentDeclaration):
        if symbol is None:
            report_unknown(setting.scope, argument, "deployment", found, s.DeploymentDeclaration)
        else:
            found.error(
                "E0209",
                f"`{symbol.name.text}` is a {symbol.kind}, not a deployment",
                setting.scope.span(argument),
                secondary=[Label(symbol.span, "declared here")],
                help="a fallback names a deployment",
            )
        return None
    return by_node.get(id(symbol.node))


def _compare(declared: Declared, deployment: Deployment, target: Deployment, found: Diagnostics) -> None:
    if target.name == deployment.name:
        found.error(
            "E0402",
            f"`{deployment.name}` falls back to itself",
            declared.span(*_PATH),
            "this deployment is the one that is full",
            help="name another deployment, or use `queue`",
        )
        return
    own, other = deployment.effective_task, target.effective_task
    if own is not other:
        found.error(
            "E0403",
            f"`{deployment.name}` answers `{own}` requests, `{target.name}` answers `{other}`",
            declared.span(*_PATH),
            "cannot take over",
            help=f"name a deployment whose task is `{own}`",
        )
        return
    window, other_window = context_window_of(deployment), context_window_of(target)
    if window is not None and other_window is not None and other_window < window:
        found.warning(
            "W0417",
            f"`{target.name}` takes fewer tokens than `{deployment.name}`",
            declared.span(*_PATH),
            f"{other_window:,} instead of {window:,} tokens",
            help="long requests that the one accepts fail at the other",
        )


def _cycles(program: Program, targets: dict[str, str], found: Diagnostics) -> None:
    """Fallbacks that lead back; each circle once."""
    by_name = {declared.symbol.name.text: declared for declared in program.declared}
    done: set[str] = set()
    for start in targets:
        path: dict[str, int] = {}
        name: str | None = start
        while name is not None and name not in done and name not in path:
            path[name] = len(path)
            name = targets.get(name)
        if name in path and len(path) - path[name] > 1:
            declared = by_name[name]
            found.error(
                "E0402",
                "these fallbacks lead back to where they start",
                declared.span(*_PATH),
                notes=[show_circle(list(path)[path[name] :])],
                help="let the last one `queue` or `reject`",
            )
        done.update(path)
