"""The graph of a pipeline, flat: nodes with names, which name the nodes whose values they take.

A node belongs to a block. The block `""` is the pipeline itself: its nodes run as soon as what they
take is there. Every other block is part of a node that decides whether it runs, or how often (`match`,
`if`, `map`, `attempt`); it has the name of the node that gives its value, and its nodes may take values
of the blocks around it. In the list, a node stands behind all that it takes, blocks before the node
that they are part of.
"""

from __future__ import annotations

from attrs import field

from ...dsl.fields import rare
from ...dsl.kinds import TaskKind, ToolErrors
from ...dsl.record import frozen
from ...dsl.units import Duration
from ...dsl.word_enum import WordEnum
from .types import Type

MOST_CALLS_AT_ONCE = 16
"""Calls of one answer of a model that are made; it is told of those that are not."""


class NodeKind(WordEnum):
    """How a node comes by its value."""

    CONSTANT = "constant"
    FIELD = "field"
    INDEX = "index"
    OPERATOR = "operator"
    LIST = "list"
    RECORD = "record"
    INTERPOLATION = "interpolation"
    PROMPT = "prompt"
    BUILTIN = "builtin"
    CONVERT = "convert"
    CALL = "call"
    EXTERN = "extern"
    MATCH = "match"
    IF = "if"
    MAP = "map"
    ATTEMPT = "attempt"


@frozen(kw_only=True)
class Node:
    """What all nodes say."""

    kind: NodeKind
    name: str = field(metadata={"doc": "of the step, or the step's with a number behind it"})
    block: str = field(default="", metadata={"doc": "the block it belongs to; empty: the pipeline itself"})
    type: str = field(metadata={"doc": "the type of its value, as a file writes it"})
    line: int = field(metadata={"doc": "where it was written, in the pipeline's file; counts from 1"})
    column: int = field(metadata={"doc": "counts from 1"})


@frozen(kw_only=True)
class ConstantNode(Node):
    """A value that is known when the plan is written."""

    kind: NodeKind = NodeKind.CONSTANT
    value: object = field(metadata={"doc": "any JSON value"})


@frozen(kw_only=True)
class FieldNode(Node):
    """One field of a record."""

    kind: NodeKind = NodeKind.FIELD
    of: str = field(metadata={"doc": "the node that gives the record"})
    field: str = field(metadata={"doc": "the name of the field"})


@frozen
class PlacePlan:
    """A place on one axis."""

    first: str | None = field(
        default=None, metadata={"doc": "the node behind the index, or the start of a slice; null: its start"}
    )
    last: str | None = field(default=None, metadata={"doc": "behind the end of a slice; null: its end"})
    is_slice: bool = field(default=False, metadata={"doc": "whether several places are taken"})


@frozen(kw_only=True)
class IndexNode(Node):
    """A part of a list, a text, bytes or a tensor; places below 0 count from the end."""

    kind: NodeKind = NodeKind.INDEX
    of: str
    places: tuple[PlacePlan, ...] = field(metadata={"doc": "on each of the first axes"})


@frozen(kw_only=True)
class OperatorNode(Node):
    """Arithmetic, comparison, logic; on tensors for each element. `&&` and `||` take both sides."""

    kind: NodeKind = NodeKind.OPERATOR
    operator: str = field(metadata={"doc": "as in the file; with one operand, `-` or `!`"})
    operands: tuple[str, ...]
    elementwise: bool = field(default=False, metadata={"doc": "whether an operand is a tensor"})


@frozen(kw_only=True)
class ListNode(Node):
    """A list of values."""

    kind: NodeKind = NodeKind.LIST
    items: tuple[str, ...]


@frozen(kw_only=True)
class RecordNode(Node):
    """A record, put together from its fields."""

    kind: NodeKind = NodeKind.RECORD
    fields: dict[str, str]


@frozen(kw_only=True)
class InterpolationNode(Node):
    """A text with values in it: a literal, a value, a literal, …, a literal."""

    kind: NodeKind = NodeKind.INTERPOLATION
    literals: tuple[str, ...] = field(metadata={"doc": "one more than `values`"})
    values: tuple[str, ...]


@frozen(kw_only=True)
class PromptNode(Node):
    """A Jinja2 template, rendered in a sandbox; values are data, never template source."""

    kind: NodeKind = NodeKind.PROMPT
    template: str
    variables: dict[str, str] = field(metadata={"doc": "the node behind each variable of the template"})


@frozen(kw_only=True)
class BuiltinNode(Node):
    """A function of the language, such as `cosine`."""

    kind: NodeKind = NodeKind.BUILTIN
    function: str
    arguments: tuple[str, ...] = field(metadata={"doc": "the nodes behind those without a name"})
    named: dict[str, str] = field(factory=dict, metadata={"doc": "the nodes behind those with a name"})


@frozen(kw_only=True)
class ConvertNode(Node):
    """JSON, or a text that holds it, read as a type: `answer as Verdict`. It fails when it does not fit."""

    kind: NodeKind = NodeKind.CONVERT
    of: str
    to: Type


@frozen
class ToolPlan:
    """A pipeline or an extern that a model may call."""

    target: str = field(metadata={"doc": "the name of the pipeline or the extern"})
    is_extern: bool = field(default=False, metadata={"doc": "false: it is a pipeline"})
    description: str = field(default="", metadata={"doc": "what the model is told of it: its doc comment"})


@frozen(kw_only=True)
class CallNode(Node):
    """A deployment, a route or a pipeline is asked.

    arguments, by task. chat, generate: `message` (text) or `messages` (JSON, OpenAI's list), and perhaps
    `system` (text) and `images` (an image, or a list of images). embed, classify: `input`, a text or a
    list of texts; classify without a tokenizer, and tensor: the model's inputs by name. rerank: `query` and
    `documents`. A pipeline: its parameters.
    """

    kind: NodeKind = NodeKind.CALL
    target: str = field(metadata={"doc": "the name of a deployment, a route or a pipeline"})
    task: TaskKind | None = field(metadata={"doc": "what the target does; null: it is a pipeline"})
    arguments: dict[str, str] = field(metadata={"doc": "the node behind each argument"})
    answer: Type | None = field(
        default=None,
        metadata={"doc": "the type that the answer is asked for as JSON and read as; null: its text"},
    )
    repair: bool = field(
        default=False, metadata={"doc": "an answer that does not fit is sent back once, with what is wrong"}
    )
    timeout: Duration | None = field(default=None, metadata={"doc": "null: the deadline of the request"})
    retries: int = field(
        default=0, metadata={"doc": "further tries beyond those of the deployment, when one may help"}
    )
    max_tokens: int | None = field(default=None, metadata={"doc": "of an answer; null: as the model does"})
    temperature: float | None = field(default=None, metadata={"doc": "null: as the model does"})
    tools: tuple[ToolPlan, ...] = rare("what the model may call; without it: nothing", default=())
    max_rounds: int = rare("how often it is asked again with what its tools gave", default=8)
    on_tool_error: ToolErrors = rare(
        "whether the model is told that a tool failed, or the call fails", default=ToolErrors.TELL
    )


@frozen(kw_only=True)
class ExternNode(Node):
    """Code of the user's is called."""

    kind: NodeKind = NodeKind.EXTERN
    extern: str = field(metadata={"doc": "its name among the externs of the plan"})
    arguments: dict[str, str]
    timeout: Duration | None = field(default=None, metadata={"doc": "null: the deadline of the request"})
    retries: int = field(default=0, metadata={"doc": "further tries when it fails"})


@frozen
class ArmPlan:
    """One case of a match."""

    values: tuple[object, ...] = field(metadata={"doc": "any of these; empty: everything else"})
    block: str


@frozen(kw_only=True)
class MatchNode(Node):
    """The first arm that fits runs."""

    kind: NodeKind = NodeKind.MATCH
    subject: str
    arms: tuple[ArmPlan, ...]


@frozen(kw_only=True)
class IfNode(Node):
    """One of two blocks runs."""

    kind: NodeKind = NodeKind.IF
    condition: str
    then: str = field(metadata={"doc": "a block"})
    otherwise: str = field(metadata={"doc": "a block"})


@frozen(kw_only=True)
class MapNode(Node):
    """A block runs for each value of a list; the results keep the list's order."""

    kind: NodeKind = NodeKind.MAP
    over: str = field(metadata={"doc": "the node that gives the list"})
    variable: str = field(metadata={"doc": "what the nodes of the block take one value of the list by"})
    each: str = field(metadata={"doc": "a block"})
    limit: int = field(metadata={"doc": "how many run at the same time"})


@frozen(kw_only=True)
class AttemptNode(Node):
    """A block runs, and another one when it fails or its value is missing: `f(x) else g(x)`."""

    kind: NodeKind = NodeKind.ATTEMPT
    first: str = field(metadata={"doc": "a block"})
    otherwise: str = field(metadata={"doc": "a block"})


NODE_CLASSES: dict[NodeKind, type[Node]] = {
    NodeKind.CONSTANT: ConstantNode,
    NodeKind.FIELD: FieldNode,
    NodeKind.INDEX: IndexNode,
    NodeKind.OPERATOR: OperatorNode,
    NodeKind.LIST: ListNode,
    NodeKind.RECORD: RecordNode,
    NodeKind.INTERPOLATION: InterpolationNode,
    NodeKind.PROMPT: PromptNode,
    NodeKind.BUILTIN: BuiltinNode,
    NodeKind.CONVERT: ConvertNode,
    NodeKind.CALL: CallNode,
    NodeKind.EXTERN: ExternNode,
    NodeKind.MATCH: MatchNode,
    NodeKind.IF: IfNode,
    NodeKind.MAP: MapNode,
    NodeKind.ATTEMPT: AttemptNode,
}
