"""The nodes of expressions, types and bodies, and what all nodes of a syntax tree have; `syntax` has all."""

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


@frozen
class Parameter(Node):
    """`name: type`, in a signature or a record; `name: type with { … }` in a signature."""

    name: Identifier
    type: TypeExpression
    options: Body | None = None


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
