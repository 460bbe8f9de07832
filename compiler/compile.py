"""From files to a plan, as a list of phases; each one stops only when the next could not work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ..dsl import syntax as s
from ..dsl.diagnostics import Diagnostic, Diagnostics, in_order
from ..dsl.parsing.parser import parse as parse_text
from ..dsl.record import frozen
from ..dsl.secret_lines import without_secrets
from ..dsl.secrets.texts import SECRET_ADVICE, holds_key
from ..dsl.suggest import did_you_mean
from .blocks.merge import Merger
from .checks import CHECKS, CHECKS_OF_ONE
from .declare import DECLARED, Declared, Declarer
from .evaluation.evaluate import Evaluator
from .globals import GlobalBlocks
from .guessed_syntax import without_followers
from .incremental.memory import Memory
from .incremental.results import Kind
from .modules import FileKey, Loader, Module, ParseText, ReadText, read_file
from .obligations import asked_of
from .onnx_model.model_files import ModelFiles
from .program import Program
from .repeats import without_repeats
from .scope import VALUES, Scope, Symbol
from .scopes import build_scopes
from .suppress import without_allowed

if TYPE_CHECKING:
    from .graph import Graph
    from .plan import Plan


@frozen(eq=False, repr=False, slots=False)
class Checked:
    """What checking found; `program` is None when the file could not be read at all."""

    program: Program | None
    modules: tuple[Module, ...]
    diagnostics: tuple[Diagnostic, ...]
    missing: tuple[Path, ...] = ()
    """Files that are imported and could not be read."""

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(diagnostic.is_error for diagnostic in self.diagnostics)


@frozen(eq=False, repr=False, slots=False)
class Opened:
    """A file with all that it imports, as read, and what their names mean; to be checked once.

    missing: files that are imported and could not be read. found: what reading them found.
    """

    root: Module
    scopes: dict[int, Scope]
    """By the id of their module."""
    modules: tuple[Module, ...]
    missing: tuple[Path, ...]
    found: Diagnostics
    memory: Memory


def check_file(
    name: str,
    path: Path | None,
    *,
    text: str | None = None,
    settings: Mapping[str, Any] | None = None,
    read: ReadText = read_file,
    parse: ParseText = parse_text,
) -> Checked:
    """Check one file with all that it imports.

    name: what messages call the file. text: its contents, when they are not on disk. settings: values
    of parameters, by name. read, parse: for callers that keep files and their trees. Never raises for what
    the files say.
    """
    found = Diagnostics()
    opened = open_file(name, path, found, text=text, read=read, parse=parse)
    return check_opened(opened, settings) if opened is not None else Checked(None, (), tuple(found.items))


def open_file(
    name: str,
    path: Path | None,
    found: Diagnostics,
    *,
    text: str | None = None,
    read: ReadText = read_file,
    parse: ParseText = parse_text,
    memory: Memory | None = None,
    key: FileKey | None = None,
) -> Opened | None:
    """The first part of it; None when the file cannot be read. memory: what was found out in checks before,
    for callers that keep it; what an earlier check gave is then of no use any more."""
    loader = Loader(found, read, parse, key)
    root = loader.load_root(name, path, text)
    if root is None:
        return None
    memory = memory or Memory()
    memory.begin(found)
    scopes = build_scopes(loader.modules, found, memory)
    return Opened(root, scopes, tuple(loader.modules), tuple(loader.missing), found, memory)


def check_opened(opened: Opened, settings: Mapping[str, Any] | None = None) -> Checked:
    """The second part."""
    program = _check(opened, settings or {})
    names = {declared.symbol.name.text for declared in program.declared}
    damages = {module.source: module.damage for module in opened.modules}
    said = without_repeats(in_order(without_followers(opened.found.items, damages)), names)
    shown = map(without_secrets, without_allowed(said))
    return Checked(program, opened.modules, tuple(shown), opened.missing)


def compile_checked(checked: Checked, base: Path) -> Plan:
    """The plan of a program without errors, to be written into the directory `base`."""
    from .lowering.lower import lower

    assert checked.ok
    assert checked.program is not None
    return lower(checked.program, base)


def _check(opened: Opened, settings: Mapping[str, Any]) -> Program:
    root, by_module, found, memory = opened.root, opened.scopes, opened.found, opened.memory
    memory.start()
    for names in by_module.values():
        names.used = set()  # somebody may have looked something up since it was opened
    scope = by_module[id(root)]
    _not_empty(root, found)
    _check_settings(scope, by_module.values(), settings, found)
    evaluator = Evaluator(found, settings, memory)
    merger = Merger(found, memory)
    declarer = Declarer(found, memory, evaluator, merger)
    blocks = GlobalBlocks(found, evaluator, merger)
    outer = _with_gateway(scope, by_module.values())

    def each(*kinds: type) -> list[Symbol]:
        return [symbol for names in by_module.values() for symbol in names.each(*kinds)]

    for symbol in each(*VALUES):
        evaluator.value_of(symbol)
    declared = tuple(map(declarer.declare, each(s.DeploymentDeclaration)))
    models = ModelFiles()
    program = Program(
        root=scope,
        outer=outer,
        scopes=tuple(by_module.values()),
        declared=declared,
        nodes=blocks.nodes(outer),
        gateway=blocks.gateway(outer),
        models=models,
        graph=_graph(each(*_GRAPH), models, found, memory, evaluator, merger),
    )
    program = _with_tests(program, evaluator, found)
    for symbol in each(s.TemplateDeclaration):
        if symbol.name.text not in symbol.scope.used:
            declarer.check_template(symbol)
    for check in CHECKS:
        check(program, found)
    _look_at_each(program, memory, found)
    asked = tuple(asked_of(program)) if not found.has_errors else ()
    if asked:
        from .analysis.proofs import prove

        prove(program, asked, found)
    return program


_LOOKED_AT = Kind("deployment, looked at alone", says_again=True)


def _look_at_each(program: Program, memory: Memory, found: Diagnostics) -> None:
    """The checks of each deployment alone."""

    def look_at(symbol: Symbol) -> None:
        known = memory.known(DECLARED, symbol)
        assert known is not None
        declared: Declared = known.value
        assert declared.deployment is not None
        for check in CHECKS_OF_ONE:
            check(declared, declared.deployment, found)

    for declared, _ in program.deployments:
        memory.of(_LOOKED_AT, declared.symbol, look_at)


def _with_gateway(root: Scope, scopes: Iterable[Scope]) -> Scope:
    """The file whose gateway and cluster hold: the root, or what it tests, where it has none of its own."""

    def has(scope: Scope, *kinds: type[s.Declaration]) -> bool:
        return any(map(scope.module.each, kinds))

    if not has(root, s.TestDeclaration) or has(root, s.GatewayDeclaration, s.ClusterDeclaration):
        return root
    return next((each for each in scopes if has(each, s.GatewayDeclaration)), root)


def _with_tests(program: Program, evaluator: Evaluator, found: Diagnostics) -> Program:
    """`program` with the tests of its files; what checks them is loaded only where there are some."""
    if not any(each.module.each(s.TestDeclaration) for each in program.scopes):
        return program
    from .scenarios.check import ScenarioChecker

    deployments = {id(declared.symbol.node): deployment for declared, deployment in program.deployments}
    checker = ScenarioChecker(found, evaluator, deployments, [each.name for each in program.gateway.keys])
    return evolve(program, tests=tuple(test for scope in program.scopes for test in checker.check(scope)))


_GRAPH = (s.RouteDeclaration, s.PipelineDeclaration, s.TypeDeclaration, s.ExternDeclaration)


def _graph(
    symbols: list[Symbol],
    models: ModelFiles,
    found: Diagnostics,
    memory: Memory,
    evaluator: Evaluator,
    merger: Merger,
) -> Graph | None:
    """What is put together of deployments; its checks are loaded only where there is some of it."""
    if not symbols:
        return None
    from .graph import GraphChecker

    return GraphChecker(models, found, memory, evaluator, merger).check(symbols)


def _not_empty(root: Module, found: Diagnostics) -> None:
    if not root.declarations and not found.has_errors:
        found.error(
            "E0002",
            f"`{root.source.name}` declares nothing",
            root.span(len(root.source.text), len(root.source.text)),
            "expected a declaration",
            help="`inferc init` writes a first file; the smallest one holds "
            '`deployment name { model = "…" }`',
        )


def _check_settings(
    scope: Scope, scopes: Iterable[Scope], settings: Mapping[str, Any], found: Diagnostics
) -> None:
    """Every `--set` must name a parameter of the root file, or of one that it imports; none holds a key."""
    params = [symbol.name.text for each in scopes for symbol in each.each(s.ParamDeclaration)]
    for name, value in settings.items():
        if isinstance(value, str) and holds_key(value):
            message = f"the value that `{name}` is set to looks like a secret"
            found.error("E0306", message, None, help=SECRET_ADVICE)
        if name not in params:
            hint = did_you_mean(name, params) or (
                f"it has {', '.join(f'`{p}`' for p in dict.fromkeys(params))}"
                if params
                else "it has no parameters"
            )
            found.error("E0315", f"`{scope.module.source.name}` has no parameter `{name}`", None, help=hint)
