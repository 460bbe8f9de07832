"""What a file of the language will say, before it is text: blocks, routes, and comments beside them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from attrs import field

from ...dsl.record import define, frozen
from ...dsl.secrets.texts import holds_key
from .foreign import Node
from .literals import LOGIN, Code
from .report import Outcome, Remark, Report
from .strategy import Strategy, left_of


@frozen(eq=False)
class Field:
    """`name = value`. nodes: the settings that it stands for."""

    value: object
    nodes: tuple[Node, ...] = ()


@define(eq=False)
class Block:
    """`head label { … }`: fields and blocks as they were put, and comments. head: instead of its name."""

    label: str = ""
    items: dict[str, Field | Block] = field(factory=dict)
    remarks: list[Remark] = field(factory=list)
    head: str = ""

    def block(self, *path: str) -> Block:
        """The block at `path`, made where there is none."""
        found = self
        for key in path:
            inner = found.items.get(key)
            if not isinstance(inner, Block):
                inner = found.items[key] = Block()
            found = inner
        return found

    def put(self, path: str | Sequence[str], value: object, *nodes: Node) -> None:
        """Set the field at `path`, dotted, or its parts."""
        *outer, last = path.split(".") if isinstance(path, str) else path
        self.block(*outer).items[last] = Field(value, nodes)

    def value(self, path: str) -> object:
        """What the field at `path` was set to, None for nothing."""
        found: Field | Block | None = self
        for key in path.split("."):
            found = found.items.get(key) if isinstance(found, Block) else None
        return found.value if isinstance(found, Field) else None

    def label_of(self, name: str) -> str:
        """The word behind the name of an inner block, such as the kind of a runtime; empty for none."""
        found = self.items.get(name)
        return found.label if isinstance(found, Block) else ""

    def has(self, path: str) -> bool:
        return self.value(path) is not None

    def fields(self) -> Iterator[Field]:
        for item in self.items.values():
            if isinstance(item, Block):
                yield from item.fields()
            else:
                yield item


@define(eq=False)
class Deployment(Block):
    """A deployment. nodes: all that the source says of it, which is lost when it cannot be."""

    name: str = ""
    nodes: tuple[Node, ...] = ()
    doc: str = ""

    def runtime(self, label: str) -> Block:
        """The block of the runtime, which is of the kind `label`."""
        found = self.block("runtime")
        found.label = label
        return found


KEY_IN_IT = "it looks like a key or a password: name the variable or the file that holds it"

_ENDPOINT = "endpoint"


def _holds_secret(value: object) -> bool:
    """Whether a value that is written holds a key, or an address with a password."""
    return not isinstance(value, Code) and (holds_key(str(value)) or LOGIN.search(str(value)) is not None)


def _without_secrets(draft: Draft, block: Block, says: str) -> None:
    for key, item in list(block.items.items()):
        if isinstance(item, Block):
            _without_secrets(draft, item, says)
        elif key != _ENDPOINT and _holds_secret(item.value):
            draft.drop_field(block, key, says)


def _topmost(node: Node, leaves: set[str]) -> Iterator[Node]:
    """The fewest nodes that hold these settings below `node`, and no others."""
    own = [leaf.path for leaf in node.leaves()]
    if leaves.issuperset(own):
        yield node
    elif not leaves.isdisjoint(own):
        for inner in (*node.entries.values(), *node.items):
            yield from _topmost(inner, leaves)


@define(eq=False)
class Route:
    """`route name = …`. options: what stands behind `with`."""

    name: str
    strategy: Strategy | str
    nodes: tuple[Node, ...] = ()
    remarks: list[Remark] = field(factory=list)
    options: Block = field(factory=Block)


@define(eq=False)
class Passage:
    """Declarations as text, such as a pipeline. nodes: all that they stand for."""

    text: str
    nodes: tuple[Node, ...] = ()
    remarks: list[Remark] = field(factory=list)


@define(eq=False)
class Constant:
    """`let name = value`: what the source says once for all."""

    name: str
    value: object
    remarks: list[Remark] = field(factory=list)


@define(eq=False)
class Draft:
    """A whole file. title: what stands on its first line. told: comments of the whole file."""

    title: str
    report: Report = field(factory=Report)
    told: list[str] = field(factory=list)
    remarks: list[Remark] = field(factory=list)
    constants: list[Constant] = field(factory=list)
    deployments: list[Deployment] = field(factory=list)
    routes: list[Route] = field(factory=list)
    passages: list[Passage] = field(factory=list)
    gateway: Block = field(factory=Block)
    cluster: Block = field(factory=Block)
    _uses: Counter[str] | None = None
    _names: set[str] = field(factory=set)
    _named: tuple[int, int] = (0, 0)
    """How many deployments and routes `_names` has."""

    def kept(self, *nodes: Node | None) -> None:
        """These settings mean the same here."""
        for node in nodes:
            if node is not None:
                self.report.mark(Outcome.KEPT, node)

    def changed(self, node: Node | None, says: str, beside: list[Remark] | None = None) -> None:
        """This setting has the nearest meaning here; `says` what differs."""
        self._remark(Outcome.CHANGED, node, says, beside)

    def lost(self, node: Node | None, says: str, beside: list[Remark] | None = None) -> None:
        """Nothing stands for this setting here; `says` why, or what to do."""
        self._remark(Outcome.LOST, node, says, beside)

    def said(self) -> tuple[int, int]:
        """How much was said so far, to be given to `lost_whole`."""
        return len(self.report), len(self.remarks)

    def lost_whole(self, node: Node, says: str, since: tuple[int, int]) -> None:
        """What was begun has no place here after all: nothing of it is kept, whatever was said `since`."""
        entries, remarks = since
        self.report.forget_after(entries)
        del self.remarks[remarks:]
        self.lost(node, says)

    def _remark(self, outcome: Outcome, node: Node | None, says: str, beside: list[Remark] | None) -> None:
        if node is not None:
            fresh = self.report.mark(outcome, node, says)
            into = self.remarks if beside is None else beside
            into.extend(Remark(outcome, each, says) for each in _topmost(node, fresh))

    def overrule(self, outcome: Outcome, node: Node, says: str, beside: list[Remark]) -> None:
        """Say what became of a setting, whatever was said before."""
        self.report.overrule(outcome, [node], says)
        beside[:] = [each for each in beside if each.node is not node]
        if outcome is not Outcome.KEPT:
            beside.append(Remark(outcome, node, says))

    def variable(self, expression: Code, name: str) -> str:
        """The name of a constant that is a variable of the environment, to be put into a text."""
        known = next((each.name for each in self.constants if each.value == expression), None)
        if known is None:
            known = re.sub(r"\W", "_", name.lower()) or "address"
            known = f"_{known}" if known[:1].isdigit() else known
            self.constants.append(Constant(known, expression))
        return known

    def behind(self, address: Code, path: str) -> Code:
        """A path behind an address that comes from the environment, as `env("NAME")`."""
        _, _, named = address.partition('"')
        return Code(f'"${{{self.variable(address, named.partition(chr(34))[0])}}}{path}"')

    def free_name(self, wanted: str) -> str:
        """`wanted`, or with a number behind it where it is taken; what looks like a key is no name."""
        wanted = "model" if _holds_secret(wanted) else wanted
        taken = self.names_taken()
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        return name

    def names_taken(self) -> set[str]:
        """The names of deployments and routes; those that came since this was asked before are added."""
        deployments, routes = self._named
        self._names.update(each.name for each in self.deployments[deployments:])
        self._names.update(each.name for each in self.routes[routes:])
        self._named = len(self.deployments), len(self.routes)
        return self._names

    def _names_anew(self) -> None:
        """Something is gone, or is called otherwise."""
        self._names, self._named = set(), (0, 0)

    def drop(self, deployment: Deployment, says: str) -> None:
        """Leave a deployment out: its settings are lost, and the routes go on without it."""
        inside = {leaf.path for node in deployment.nodes for leaf in node.leaves()}
        others = self._in_no_field(list(deployment.fields()), kept=inside)
        self.deployments.remove(deployment)
        self._names_anew()
        self._lose([*deployment.nodes, *others], says)
        self.remarks.extend(each for each in deployment.remarks if each.node.path not in inside)
        self._forget(deployment.name, says)

    def drop_patterns(self, says: str) -> None:
        """Leave out what would answer for other names than its own."""
        for deployment in [each for each in self.deployments if "*" in each.name]:
            self.drop(deployment, says)
        for route in [each for each in self.routes if "*" in each.name]:
            self.drop_route(route, says)

    def drop_route(self, route: Route, says: str) -> None:
        """Leave a route out, and those that have no other member."""
        self.routes.remove(route)
        self._names_anew()
        self._lose(route.nodes, says)
        self._forget(route.name, says)

    def drop_member(self, route: Route, member: str, says: str) -> None:
        """Leave a member of a route out. A deployment that is left alone, and stands nowhere else, has the
        route's name."""
        assert isinstance(route.strategy, Strategy)
        left = route.strategy.without([member])
        assert left is not None
        route.strategy = left
        lists = [node for node in route.nodes if node.items] or route.nodes
        for node in lists:
            self.overrule(Outcome.CHANGED, node, f"{says}: `{route.name}` goes on without it", route.remarks)
        alone = [each for each in self.deployments if each.name == left]
        elsewhere = (each.strategy for each in self.routes if each is not route)
        names = {name for each in elsewhere for name in ([each] if isinstance(each, str) else each.names())}
        if alone and left not in names and not route.options.items:
            self.routes.remove(route)
            alone[0].name = route.name
            self._names_anew()
            alone[0].remarks.extend(route.remarks)

    def drop_passage(self, passage: Passage, says: str) -> None:
        """Leave declarations out that are text already."""
        self.passages.remove(passage)
        self._lose(passage.nodes, says)

    def drop_field(self, block: Block, key: str, says: str) -> None:
        """Leave a field or a block out."""
        item = block.items[key]
        fields = list(item.fields()) if isinstance(item, Block) else [item]
        nodes = [node for each in fields for node in each.nodes]
        self.report.overrule(Outcome.LOST, self._in_no_field(fields), says)
        del block.items[key]
        block.remarks = [each for each in block.remarks if each.node not in nodes]
        block.remarks.extend(Remark(Outcome.LOST, node, says) for node in nodes)

    def drop_secrets(self) -> None:
        """Leave out what looks like a key, wherever it stands; with an address, all that would go there."""
        for block in [*self.deployments, self.gateway]:
            endpoint = block.value("runtime.endpoint")
            if isinstance(block, Deployment) and not isinstance(endpoint, Code) and holds_key(str(endpoint)):
                self.drop(block, KEY_IN_IT)
            else:
                _without_secrets(self, block, KEY_IN_IT)

    def drop_unused(self) -> None:
        """Leave out the constants that no field names any more, and what only lost settings lean on."""
        says = "nothing is left that it counts for"
        blocks = [*self.deployments, self.gateway]
        values = [each.value for block in blocks for each in block.fields()]
        named = {word for value in values if isinstance(value, Code) for word in re.findall(r"\w+", value)}
        for constant in [each for each in self.constants if each.name not in named]:
            self.constants.remove(constant)
            for remark in constant.remarks:
                self.overrule(Outcome.LOST, remark.node, says, self.remarks)
        self._lose(self.report.left_alone(), says)

    def _in_no_field(self, gone: Iterable[Field], *, kept: Iterable[str] = ()) -> list[Node]:
        """The settings of fields that are gone, as far as no other field stands for them."""
        if self._uses is None:
            blocks = [
                *self.deployments,
                self.gateway,
                self.cluster,
                *(route.options for route in self.routes),
            ]
            self._uses = Counter(
                node.path for block in blocks for each in block.fields() for node in each.nodes
            )
        nodes = {node.path: node for each in gone for node in each.nodes}
        self._uses.subtract(node.path for each in gone for node in each.nodes)
        return [node for path, node in nodes.items() if self._uses[path] <= 0 and path not in kept]

    def _lose(self, nodes: Iterable[Node], says: str) -> None:
        self.report.overrule(Outcome.LOST, nodes, says)
        self.remarks.extend(Remark(Outcome.LOST, node, says) for node in nodes)

    def _forget(self, name: str, says: str) -> None:
        """Leave a name out of all routes."""
        for route in list(self.routes):
            left = left_of(route.strategy, {name})
            if left is None:
                self.drop_route(route, says)
            else:
                route.strategy = left
