"""The syntax tree of a `.infer` file: frozen nodes with positions.

Every node knows where it stands (`start` and `end`, character offsets); two nodes are equal when
they say the same, wherever they stand.
"""

from __future__ import annotations

from attrs import field

from .record import frozen
from .units import Quantity


@frozen
class Node:
    """Something that stands in a file."""

    start: int = field(eq=False, repr=False)
    end: int = field(eq=False, repr=False)


@frozen
class Identifier(Node):
    """A name where it is declared, or the name of a field."""

    text: str


# ---- expressions


@frozen
class Expression(Node):
    """Something that has a value."""


@frozen
class Bad(Expression):
    """Where a value should be and none could be read; the mistake is already reported."""


@frozen
class Number(Expression):
    """A number, with or without a unit."""

    value: int | float | Quantity


@frozen
class Text(Expression):
    """A text: plain parts, and between them the names that stood between `${` and `}`."""

    parts: tuple[str | Reference, ...]


@frozen
class Boolean(Expression):
    """`true` or `false`."""

    value: bool


@frozen
class Reference(Expression):
    """A bare or quoted name: an enum word, or something declared elsewhere."""

    name: str
    quoted: bool = False


@frozen
class Member(Expression):
    """`base.name`."""

    base: Expression
    name: Identifier


@frozen
class Slice(Expression):
    """`first:last` between brackets; None stands for the start, or the end, of what is sliced."""

    first: Expression | None
    last: Expression | None


@frozen
class Index(Expression):
    """`base[0]`, `base["name"]`, `base[1:3, :]`."""

    base: Expression
    indices: tuple[Expression, ...]


@frozen
class CallExpression(Expression):
    """`function(arguments)`."""

    function: Expression
    arguments: tuple[Expression, ...]


@frozen
class NamedArgument(Expression):
    """`name = value` inside a call."""

    name: Identifier
    value: Expression


@frozen
class ListExpression(Expression):
    """`[a, b]`."""

    items: tuple[Expression, ...]


@frozen
class Comprehension(Expression):
    """`[element for variable in iterable]`."""

    element: Expression
    variable: Identifier
    iterable: Expression


@frozen
class Group(Expression):
    """`(inner)`."""

    inner: Expression


@frozen
class Unary(Expression):
    """`-x` or `!x`."""

    operator: str
    operand: Expression


@frozen
class Binary(Expression):
    """Two operands and the operator between them; `else` is the operator that binds least."""

    operator: str
    left: Expression
    right: Expression
    length: int = field(default=1, eq=False, repr=False)
    """How many operators stand in a row, this one the last."""


@frozen
class WithOptions(Expression):
    """`call with { timeout = 2s }`."""

    inner: Expression
    options: Body


@frozen
class AsType(Expression):
    """`call as Verdict`."""

    inner: Expression
    type_name: Identifier


@frozen
class Prompt(Expression):
    """`prompt "…"`: a template; its text is never interpolated by the language."""

    template: str


@frozen
class Arm(Node):
    """`patterns => value` inside a match."""

    patterns: tuple[Expression, ...]
    value: Expression


@frozen
class Match(Expression):
    """`match subject { arms }`."""

    subject: Expression
    arms: tuple[Arm, ...]


@frozen
class IfElse(Expression):
    """`if condition { then } else { otherwise }`."""

    condition: Expression
    then: Expression
    otherwise: Expression


# ---- types


@frozen
class TypeExpression(Node):
    """A type, as written."""


@frozen
class TypeName(TypeExpression):
    """`text`, `Verdict`, or `shared.Verdict`."""

    name: str
    module: str | None = None


@frozen
class TypeGeneric(TypeExpression):
    """`list<text>` or `tensor<f32, [batch, 384]>`."""

    name: str
    arguments: tuple[TypeExpression, ...]


@frozen
class TypeDimensions(TypeExpression):
    """`[batch, 384]`: symbolic and fixed dimensions; None where one is wrong."""

    dimensions: tuple[str | int | None, ...]


@frozen
class TypeLiteral(TypeExpression):
    """`"refund"`: the type of just this text."""

    value: str


@frozen
class TypeRecord(TypeExpression):
    """`{ label: text }`."""

    fields: tuple[Parameter, ...]


@frozen
class TypeOptional(TypeExpression):
    """`T?`."""

    inner: TypeExpression


@frozen
class TypeUnion(TypeExpression):
    """`"a" | "b"`."""

    options: tuple[TypeExpression, ...]


# ---- bodies


@frozen
class Body(Node):
    """What stands between `{` and `}`; `damaged` when a part of it could not be read, `unclosed`
    when its `}` is missing."""

    items: tuple[Field | Block, ...]
    damaged: bool = field(default=False, eq=False, repr=False)
    unclosed: bool = field(default=False, eq=False, repr=False)


@frozen
class Field(Node):
    """`name = value`."""

    name: Identifier
    value: Expression


@frozen
class Block(Node):
    """`name { … }`, `name label { … }` or `name label("argument") { … }`."""

    name: Identifier
    label: Identifier | None
    arguments: tuple[Expression, ...] | None
    body: Body


# ---- routes


@frozen
class RouteMember(Node):
    """A deployment or another route, by name."""

    target: Expression


@frozen
class RouteList(Node):
    """`fallback [a, b]`, `balance [a, b] by …`, `hedge [a, b] after …`, `cascade [a, b] accept …`."""

    strategy: Identifier
    members: tuple[Route, ...]
    option: Identifier | None = None
    value: Expression | None = None


@frozen
class Share(Node):
    """`target: percentage` inside a split."""

    target: Expression
    share: Expression


@frozen
class RouteSplit(Node):
    """`split { a: 95%, b: 5% } by …`."""

    strategy: Identifier
    shares: tuple[Share, ...]
    option: Identifier | None = None
    value: Expression | None = None


Route = RouteMember | RouteList | RouteSplit


# ---- declarations


@frozen
class Declaration(Node):
    """Something at the top of a file."""


@frozen
class ImportAs(Declaration):
    """`import "x.infer" as x`."""

    path: Text
    alias: Identifier


@frozen
class ImportNames(Declaration):
    """`import { a, b } from "x.infer"`."""

    names: tuple[Identifier, ...]
    path: Text


@frozen
class ParamDeclaration(Declaration):
    """`param name: type = default`."""

    name: Identifier
    type: TypeExpression | None
    default: Expression | None


@frozen
class LetDeclaration(Declaration):
    """`let name = value`."""

    name: Identifier
    type: TypeExpression | None
    value: Expression


@frozen
class TemplateDeclaration(Declaration):
    """`template name from a, b { … }`."""

    name: Identifier
    bases: tuple[Expression, ...]
    body: Body


@frozen
class DeploymentDeclaration(Declaration):
    """`deployment name from a, b { … }`."""

    name: Identifier
    bases: tuple[Expression, ...]
    body: Body


@frozen
class RouteDeclaration(Declaration):
    """`route name = … with { … }`."""

    name: Identifier
    route: Route
    options: Body | None = None


@frozen
class Parameter(Node):
    """`name: type`, in a signature or a record; `name: type with { … }` in a signature."""

    name: Identifier
    type: TypeExpression
    options: Body | None = None


@frozen
class Step(Node):
    """`name = value` in a pipeline, or `return value` without a name."""

    name: Identifier | None
    value: Expression


@frozen
class PipelineDeclaration(Declaration):
    """`pipeline name(parameters) -> result { steps }`.

    options: what stands among the steps and is none, such as `carries` and `bounds`.
    """

    name: Identifier
    parameters: tuple[Parameter, ...]
    result: TypeExpression
    steps: tuple[Step, ...]
    options: tuple[Field | Block, ...] = ()


PIPELINE_OPTIONS = ("carries", "bounds")
"""Names of values among the steps of a pipeline that are those of its options."""


@frozen
class TypeDeclaration(Declaration):
    """`type name = …`."""

    name: Identifier
    type: TypeExpression


@frozen
class ExternDeclaration(Declaration):
    """`extern name(parameters) -> result = python("module:function")`."""

    name: Identifier
    parameters: tuple[Parameter, ...]
    result: TypeExpression
    implementation: Expression


@frozen
class ClusterDeclaration(Declaration):
    """`cluster { node a { gpus = 8 } }`."""

    body: Body


@frozen
class GatewayDeclaration(Declaration):
    """`gateway { bind = "…" }`."""

    body: Body


# ---- tests


@frozen
class Phrase(Node):
    """What a world says of something: `gpt fails 503 for 10m`, `gpt { … }`, `prompt = 500 tokens`.

    words: what follows the subject and its value, in the order in which it stands there.
    """

    subject: Expression
    value: Expression | None = None
    words: tuple[Expression, ...] = ()
    phrases: tuple[Phrase, ...] | None = None


@frozen
class Statement(Node):
    """`expect condition`, `wait 30s`, or `ask pipeline(values)`."""

    name: Identifier
    value: Expression


@frozen
class Ask(Node):
    """`ask model "message" with { … }`."""

    name: Identifier
    target: Expression
    message: Text
    options: Body | None = None


@frozen
class Scene(Node):
    """`world { … }` and `load { … }`."""

    name: Identifier
    phrases: tuple[Phrase, ...]


@frozen
class TestDeclaration(Declaration):
    """`test "title" { … }`."""

    __test__ = False

    name: Identifier
    statements: tuple[Statement | Ask | Scene, ...]
