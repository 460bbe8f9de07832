"""How a deployment's inputs and outputs are read: one class per task, with that task's settings."""

from __future__ import annotations

from .fields import MOST_TOKENS, above, at_least, doc
from .kinds import Activation, Aggregation, Decoding, InputType, Pooling, TaskKind, TooLongAction, VectorKind
from .record import frozen

_TOKENIZER = "path to a `tokenizer.json`; local models need it"


@frozen(slots=False)
class Task:
    """A task without settings of its own; `kind` says which."""

    kind: TaskKind


@frozen(slots=False)
class EmbedTask(Task):
    """Texts in, one vector per text out."""

    tokenizer: str | None = doc(_TOKENIZER, default=None)
    pooling: Pooling = doc("how token vectors become one vector", default=Pooling.MEAN)
    normalize: bool = doc("scale vectors to length 1", default=True)
    max_length: int | None = at_least(
        1, "longest text in tokens; unset: as the tokenizer says", at_most=MOST_TOKENS, default=None
    )
    on_too_long: TooLongAction = doc(
        "what happens to a longer text: its end is cut off, or it is refused", default=TooLongAction.TRUNCATE
    )
    dimensions: int | None = at_least(
        1,
        "how many numbers of each vector are given, the first ones; only for models trained for it",
        default=None,
    )
    vectors: VectorKind = doc(
        "`dense`: one vector per text; `sparse`: a weight for each token of the vocabulary, as SPLADE; "
        "`multi`: a vector for each token, as ColBERT",
        default=VectorKind.DENSE,
    )
    query_prompt: str = doc("stands before each text that is a query", default="")
    document_prompt: str = doc("stands before each text that is a document", default="")
    input_type: InputType = doc("what a text is when a request does not say", default=InputType.NONE)
    query_length: int | None = at_least(
        1,
        "with `vectors = multi`: tokens of each query; shorter ones are filled up with the tokenizer's mask, "
        "which has vectors, too, as ColBERT's; unset: as many as a query has",
        at_most=MOST_TOKENS,
        default=None,
    )
    attends_expansion: bool = doc(
        "whether the tokens of a query look at what it is filled up with", default=False
    )
    kind: TaskKind = TaskKind.EMBED


@frozen(slots=False)
class RerankTask(Task):
    """A query and documents in, one score per document out."""

    tokenizer: str | None = doc(_TOKENIZER, default=None)
    max_length: int | None = at_least(
        1,
        "most tokens of query and document together, longer documents are cut; unset: as the tokenizer says",
        at_most=MOST_TOKENS,
        default=None,
    )
    activation: Activation | None = doc(
        "what makes a score out of the model's number, or of the second of two; the order is that of the "
        "numbers themselves; unset: `sigmoid`, or `softmax` of two",
        default=None,
    )
    kind: TaskKind = TaskKind.RERANK


@frozen(slots=False)
class Labels:
    """What the classes of a classifier are called: a list of names, or a file that holds them."""

    names: tuple[str, ...] = ()
    file: str | None = None


@frozen(slots=False)
class ClassifyTask(Task):
    """Texts or a tensor in, the labels that fit best out, with a score each."""

    tokenizer: str | None = doc(
        "path to a `tokenizer.json`: texts are classified; unset: tensors are", default=None
    )
    max_length: int | None = at_least(
        1,
        "longest text in tokens, longer ones are cut; unset: as the tokenizer says",
        at_most=MOST_TOKENS,
        default=None,
    )
    labels: Labels | None = doc(
        "names of the classes in the model's order: a list, a file with one on each line, or a JSON file "
        "with a list or `id2label`; unset: their numbers",
        default=None,
    )
    activation: Activation = doc(
        "what makes scores out of the model's numbers; `sigmoid`: several labels may fit",
        default=Activation.SOFTMAX,
    )
    top_k: int | None = at_least(1, "how many labels are given, the best ones; unset: all", default=None)
    aggregation: Aggregation | None = doc(
        "for a model that labels each token: how tokens become spans, as in `transformers`; unset: whole "
        "texts have labels",
        default=None,
    )
    decoding: Decoding | None = doc(
        "for a model that reads a line or a sound in steps and labels each: how they become a text, which is "
        "then the label; the first of `labels` is the blank; unset: a row has labels",
        default=None,
    )
    kind: TaskKind = TaskKind.CLASSIFY


@frozen(slots=False)
class GenerateTask(Task):
    """A text in, its continuation out, token by token. Requests may ask for other sampling."""

    tokenizer: str | None = doc(_TOKENIZER, default=None)
    chat_template: str | None = doc(
        "path to a Jinja2 template of a chat, or to a `tokenizer_config.json` that holds one; "
        "unset: one line per message",
        default=None,
    )
    encoder: str | None = doc(
        "path to the encoder of a model that has one, such as T5; `model` is then its merged decoder",
        default=None,
    )
    decoder_start: str = doc("token that answers of such a model begin with", default="<pad>")
    max_length: int | None = at_least(
        1,
        "most tokens of prompt and answer together, as the model was trained; unset: no limit",
        at_most=MOST_TOKENS,
        default=None,
    )
    max_new_tokens: int = at_least(1, "most tokens of an answer", at_most=MOST_TOKENS, default=256)
    temperature: float = at_least(0, "0: always the likeliest token; higher: more variety", default=1.0)
    top_k: int | None = at_least(
        1, "draw from so many of the likeliest tokens; unset: from all", default=None
    )
    top_p: float = above(
        0, "draw from the likeliest tokens that make up this share together", at_most=1, default=1.0
    )
    stop: tuple[str, ...] = doc("texts that end an answer, and are left out of it", default=())
    eos: tuple[str, ...] = doc(
        'tokens that end an answer, such as `["</s>"]`; unset: the usual ones, where the tokenizer has them',
        default=(),
    )
    kind: TaskKind = TaskKind.GENERATE


TASK_CLASSES: dict[TaskKind, type[Task]] = dict.fromkeys(TaskKind, Task) | {
    TaskKind.EMBED: EmbedTask,
    TaskKind.RERANK: RerankTask,
    TaskKind.CLASSIFY: ClassifyTask,
    TaskKind.GENERATE: GenerateTask,
}
