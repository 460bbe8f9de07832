"""How a local deployment's inputs and outputs are read: one class per task, as the executor needs it."""

from __future__ import annotations

from attrs import field

from ...dsl.kinds import (
    Activation,
    Aggregation,
    Decoding,
    InputType,
    Pooling,
    TaskKind,
    TooLongAction,
    VectorKind,
)
from ...dsl.record import frozen


@frozen
class FileRef:
    """A file the plan needs, with the contents it was compiled against."""

    path: str = field(metadata={"doc": "relative to the directory of the plan file"})
    sha256: str
    bytes: int


@frozen(kw_only=True)
class TaskSpec:
    """A task without settings of its own."""

    kind: TaskKind


@frozen(kw_only=True)
class EmbedSpec(TaskSpec):
    """Texts in, one vector per text out."""

    kind: TaskKind = TaskKind.EMBED
    tokenizer: FileRef
    pooling: Pooling
    normalize: bool
    max_length: int | None = field(metadata={"doc": "in tokens; null: as the tokenizer says"})
    on_too_long: TooLongAction = field(
        default=TooLongAction.TRUNCATE, metadata={"doc": "what happens to a longer text"}
    )
    dimensions: int | None = field(
        default=None, metadata={"doc": "how many numbers of each vector are given; null: all"}
    )
    vectors: VectorKind = field(
        default=VectorKind.DENSE, metadata={"doc": "what becomes of a text", "rare": True}
    )
    query_prompt: str = field(default="", metadata={"doc": "stands before each query", "rare": True})
    document_prompt: str = field(default="", metadata={"doc": "stands before each document", "rare": True})
    input_type: InputType = field(
        default=InputType.NONE, metadata={"doc": "what a text is when a request does not say", "rare": True}
    )
    query_length: int | None = field(
        default=None, metadata={"doc": "tokens that queries are filled up to; null: not at all", "rare": True}
    )
    attends_expansion: bool = field(
        default=False, metadata={"doc": "whether other tokens look at what is filled up", "rare": True}
    )


@frozen(kw_only=True)
class RerankSpec(TaskSpec):
    """A query and documents in, one score per document out."""

    kind: TaskKind = TaskKind.RERANK
    tokenizer: FileRef
    max_length: int | None = field(
        default=None, metadata={"doc": "of query and document together; null: as the tokenizer says"}
    )
    activation: Activation | None = field(
        default=None,
        metadata={"doc": "what makes a score; null: sigmoid of one number, softmax of two", "rare": True},
    )


@frozen(kw_only=True)
class ClassifySpec(TaskSpec):
    """Texts or a tensor in, the labels that fit best out."""

    kind: TaskKind = TaskKind.CLASSIFY
    tokenizer: FileRef | None = field(default=None, metadata={"doc": "null: tensors are classified"})
    max_length: int | None = field(
        default=None, metadata={"doc": "in tokens, longer texts are cut; null: as the tokenizer says"}
    )
    labels: tuple[str, ...] = field(
        default=(), metadata={"doc": "in the model's order; empty: labels are numbers"}
    )
    activation: Activation = field(
        default=Activation.SOFTMAX, metadata={"doc": "what makes scores out of the model's numbers"}
    )
    top_k: int | None = field(default=None, metadata={"doc": "how many labels are given; null: all"})
    aggregation: Aggregation | None = field(
        default=None,
        metadata={"doc": "how labelled tokens become spans; null: whole texts have labels", "rare": True},
    )
    decoding: Decoding | None = field(
        default=None,
        metadata={"doc": "how labels of steps become a text; null: rows have labels", "rare": True},
    )


@frozen(kw_only=True)
class GenerateSpec(TaskSpec):
    """A text in, its continuation out; sampling as it is when a request does not say."""

    kind: TaskKind = TaskKind.GENERATE
    tokenizer: FileRef
    chat_template: FileRef | None = field(
        default=None,
        metadata={"doc": "Jinja2, or a `tokenizer_config.json` with one; null: one line per message"},
    )
    encoder: FileRef | None = field(
        default=None,
        metadata={"doc": "the other half of a model that has one; null: it has none", "rare": True},
    )
    decoder_start: str = field(
        default="<pad>", metadata={"doc": "token that answers of such a model begin with", "rare": True}
    )
    max_length: int | None = field(
        default=None, metadata={"doc": "tokens of prompt and answer together; null: no limit"}
    )
    max_new_tokens: int = field(default=256, metadata={"doc": "most tokens of an answer"})
    temperature: float = field(default=1.0, metadata={"doc": "0: always the likeliest token"})
    top_k: int | None = field(default=None, metadata={"doc": "null: all tokens"})
    top_p: float = field(default=1.0, metadata={"doc": "1: all tokens"})
    stop: tuple[str, ...] = field(default=(), metadata={"doc": "texts that end an answer"})
    eos: tuple[str, ...] = field(
        default=(), metadata={"doc": "tokens that end an answer; empty: the usual ones of the tokenizer"}
    )


SPEC_CLASSES: dict[TaskKind, type[TaskSpec]] = dict.fromkeys(TaskKind, TaskSpec) | {
    TaskKind.EMBED: EmbedSpec,
    TaskKind.RERANK: RerankSpec,
    TaskKind.CLASSIFY: ClassifySpec,
    TaskKind.GENERATE: GenerateSpec,
}
