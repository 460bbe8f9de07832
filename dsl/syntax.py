"""The syntax tree of a `.infer` file: frozen nodes with positions.

Every node knows where it stands (`start` and `end`, character offsets); two nodes are equal when
they say the same, wherever they stand.
"""

from __future__ import annotations

from .expressions import (
    Arm as Arm,
    AsType as AsType,
    Bad as Bad,
    Binary as Binary,
    Block as Block,
    Body as Body,
    Boolean as Boolean,
    CallExpression as CallExpression,
    Comprehension as Comprehension,
    Expression as Expression,
    Field as Field,
    Group as Group,
    Identifier as Identifier,
    IfElse as IfElse,
    Index as Index,
    ListExpression as ListExpression,
    Match as Match,
    Member as Member,
    NamedArgument as NamedArgument,
    Node as Node,
    Number as Number,
    Parameter as Parameter,
    Prompt as Prompt,
    Reference as Reference,
    Slice as Slice,
    Text as Text,
    TypeDimensions as TypeDimensions,
    TypeExpression as TypeExpression,
    TypeGeneric as TypeGeneric,
    TypeLiteral as TypeLiteral,
    TypeName as TypeName,
    TypeOptional as TypeOptional,
    TypeRecord as TypeRecord,
    TypeUnion as TypeUnion,
    Unary as Unary,
    WithOptions as WithOptions,
)
from .record import frozen

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
