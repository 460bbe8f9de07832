"""Which tasks a model can do, judged by what it takes and gives."""

from __future__ import annotations

from collections.abc import Iterable

from ...dsl.kinds import Pooling, TaskKind, VectorKind
from ...dsl.record import frozen
from ...dsl.suggest import either, every
from ...dsl.tasks import ClassifyTask, EmbedTask, GenerateTask, Task
from .signature import DType, Signature, TensorSpec

INPUT_IDS, ATTENTION_MASK = "input_ids", "attention_mask"
TOKEN_TYPE_IDS, POSITION_IDS = "token_type_ids", "position_ids"
USE_CACHE_BRANCH, NUM_LOGITS_TO_KEEP = "use_cache_branch", "num_logits_to_keep"
ENCODER_STATES, ENCODER_MASK = "encoder_hidden_states", "encoder_attention_mask"
LOGITS = "logits"
PAST, PRESENT = "past_key_values.", "present."

_INTEGERS = (DType.I64, DType.I32)
_FLOATS = (DType.F32, DType.F16, DType.F64)
_NUMBERS = (*_FLOATS, *_INTEGERS, DType.I16, DType.I8, DType.U64, DType.U32, DType.U16, DType.U8)
_SENT = (DType.BF16, DType.BOOL, DType.TEXT)
_GENERATED = (DType.F32, DType.F16)
_WITH_PAST = "export it with its past: `optimum-cli export onnx --task %s-with-past`"
_MERGED = "it only goes on with a text: take the merged decoder beside it, `decoder_model_merged.onnx`"

_CLASSIC = "ai.onnx.ml"
"""The operators of what is no neural network, such as models of scikit-learn."""

_WITHOUT_ZIPMAP = (
    "convert it again: skl2onnx with `options={'zipmap': False}`, onnxmltools' LightGBM with `zipmap=False`; "
    "each estimator of a `MultiOutputClassifier` by itself"
)
_WITH_TENSORS = "no protocol carries sequences, maps and optionals: export it with a tensor there"


@frozen(slots=False)
class Misfit:
    """Why a model cannot do a task, and what would help."""

    reason: str
    help: str | None = None


@frozen(slots=False)
class Asked:
    """What a task asks of a model.

    reads_tokens: for `classify`, whether texts are classified, or else tensors. per_token: whether each token
    has labels, or each step of what is decoded. pooling: for `embed`. has_encoder: for `generate`, whether
    the model is the half that writes. decodes: for `classify`, whether steps become a text.
    """

    reads_tokens: bool = True
    per_token: bool = False
    pooling: Pooling = Pooling.MEAN
    has_encoder: bool = False
    decodes: bool = False

    @classmethod
    def by(cls, task: Task | None) -> Asked:
        """What the settings of a task ask for."""
        match task:
            case EmbedTask(vectors=VectorKind.MULTI):
                return cls()
            case EmbedTask():
                return cls(pooling=task.pooling)
            case ClassifyTask():
                decodes = task.decoding is not None
                per_token = task.aggregation is not None or decodes
                return cls(task.tokenizer is not None, per_token, decodes=decodes)
            case GenerateTask():
                return cls(has_encoder=task.encoder is not None)
        return cls(reads_tokens=False)


_USUAL = Asked()


def misfit(task: TaskKind, signature: Signature, asked: Asked = _USUAL) -> Misfit | None:
    """Why a model with this signature cannot do `task`; None if it can."""
    match task:
        case TaskKind.EMBED:
            return _tokens(signature) or _embedding(signature, asked.pooling)
        case TaskKind.RERANK:
            return _tokens(signature) or _scores(signature)
        case TaskKind.CLASSIFY:
            reads = _tokens if asked.reads_tokens else _tensors
            return reads(signature) or _classes(signature, asked)
        case TaskKind.GENERATE:
            return _causal(signature, asked.has_encoder)
        case _:
            return _tensors(signature)


def vectors(signature: Signature, pooling: Pooling) -> TensorSpec | None:
    """The output that embeddings are made of."""
    return _floats(signature, 2 if pooling is Pooling.NONE else 3)


def scores(signature: Signature, *, per_token: bool = False) -> TensorSpec | None:
    """The output of a classifier or reranker: floats, [batch, classes], or [batch, sequence, classes]."""
    return _floats(signature, 3 if per_token else 2)


def relevance(signature: Signature) -> TensorSpec | None:
    """The output of a reranker: floats [batch], [batch, 1], or [batch, 2], of which the second one counts."""
    floats = (each for each in signature.outputs if each.dtype in _FLOATS)
    return next((each for each in floats if each.shape and each.shape[1:] in ((), (1,), (2,))), None)


def takes_tokens(signature: Signature) -> bool:
    """Whether the model takes token ids, and no input that cannot be made of text."""
    return _tokens(signature) is None


def without_rows(signature: Signature) -> TensorSpec | None:
    """An input or output whose first dimension is not open: requests with tensors cannot share a run."""
    everything = (*signature.inputs, *signature.outputs)
    return next((each for each in everything if not each.shape or isinstance(each.shape[0], int)), None)


def _floats(signature: Signature, rank: int) -> TensorSpec | None:
    fitting = (each for each in signature.outputs if each.dtype in _FLOATS and _has_rank(each, rank))
    return next((each for each in fitting if not _is_by_token(each, signature)), None)


def _is_by_token(output: TensorSpec, signature: Signature) -> bool:
    """Whether it has one number for each token, such as those that say where an answer begins."""
    ids = signature.input(INPUT_IDS)
    if ids is None or ids.shape is None or output.shape is None or len(output.shape) != 2:
        return False
    return isinstance(output.shape[1], str) and ids.shape[1:] == output.shape[1:]


def _has_rank(spec: TensorSpec, rank: int) -> bool:
    return spec.shape is None or len(spec.shape) == rank


def _names(specs: Iterable[TensorSpec]) -> str:
    return every(f"`{spec.name}`" for spec in specs)


def _tokens(signature: Signature) -> Misfit | None:
    known = (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS, POSITION_IDS)
    absent = [name for name in (INPUT_IDS, ATTENTION_MASK) if signature.input(name) is None]
    if absent:
        return Misfit(f"it needs token inputs, and {_lacks(absent)}")
    tokens = [each for each in signature.inputs if each.name in known]
    others = [each for each in signature.inputs if each not in tokens and not _is_past(each)]
    if others:
        return Misfit(f"text does not give a value for {_names(others)}")
    wrong = [each for each in tokens if each.dtype not in _INTEGERS or not _has_rank(each, 2)]
    if wrong:
        return Misfit(f"token inputs are i64 or i32, [batch, sequence], and {_names(wrong)} is not")
    return None


def _is_past(spec: TensorSpec) -> bool:
    """Whether it holds what came before the text, and may be empty."""
    return spec.name.startswith(PAST) and spec.dtype in _GENERATED and _cache_sizes(spec)


def _cache_sizes(past: TensorSpec) -> bool:
    """Whether heads and size of a cache, [batch, heads, positions, size], are known."""
    heads = past.shape[1::2] if past.shape is not None and len(past.shape) == 4 else (None,)
    return all(isinstance(size, int) for size in heads)


def _lacks(names: list[str]) -> str:
    return f"the model has no {either(f'`{name}`' for name in names)}"


def _embedding(signature: Signature, pooling: Pooling) -> Misfit | None:
    found = vectors(signature, pooling)
    if found is not None and found.name == LOGITS and any(map(_is_past, signature.inputs)):
        return Misfit(f"its `{LOGITS}` say how a text goes on", "texts are written by `task generate`")
    if found is not None:
        return None
    if pooling is Pooling.NONE:
        reason = "`pooling = none` needs an output with one vector per text, floats [batch, dimensions]"
        pooled = vectors(signature, Pooling.MEAN)
        return Misfit(reason, "set `pooling = mean`, which makes one vector of all" if pooled else None)
    reason = (
        f"`pooling = {pooling}` needs an output with one vector per token, "
        "floats [batch, sequence, dimensions]"
    )
    whole = vectors(signature, Pooling.NONE)
    return Misfit(reason, f"`{whole.name}` is one vector per text: set `pooling = none`" if whole else None)


def _scores(signature: Signature) -> Misfit | None:
    if relevance(signature) is not None:
        return None
    wide = scores(signature)
    if wide is not None and wide.shape is not None:
        reason = f"`{wide.name}` gives {wide.shape[-1] or '?'} numbers per document, a reranker gives 1 or 2"
        return Misfit(reason, "scores by class are for `task classify`")
    return Misfit("it needs an output with one score per document, floats [batch, 1], [batch, 2] or [batch]")


def _classes(signature: Signature, asked: Asked) -> Misfit | None:
    per_token = asked.per_token
    if scores(signature, per_token=per_token) is not None:
        return None
    other = scores(signature, per_token=not per_token)
    if asked.decodes:
        reason = "decoding needs an output of floats [batch, steps, classes]"
        return Misfit(reason, f"`{other.name}` is for a whole row: remove `decoding`" if other else None)
    if per_token:
        reason = "labels of tokens need an output of floats [batch, sequence, classes]"
        return Misfit(reason, f"`{other.name}` is for whole texts: remove `aggregation`" if other else None)
    reason = "it needs an output with one number per class, floats [batch, classes]"
    by_token = next((each for each in signature.outputs if _is_by_token(each, signature)), None)
    if by_token is not None:
        return Misfit(f"{reason}, and `{by_token.name}` has one per token", "serve it with `task = tensor`")
    setting = "labels tokens: set `aggregation = simple`"
    if not asked.reads_tokens and not takes_tokens(signature):
        setting = "labels steps: set `decoding = ctc`"
    return Misfit(reason, f"`{other.name}` {setting}" if other else None)


def _causal(signature: Signature, has_encoder: bool) -> Misfit | None:
    known = (INPUT_IDS, ATTENTION_MASK, POSITION_IDS, TOKEN_TYPE_IDS)
    tokens = [each for each in signature.inputs if each.name in known]
    if signature.input(INPUT_IDS) is None:
        return Misfit(f"it needs token inputs, and {_lacks([INPUT_IDS])}")
    wrong = [each for each in tokens if each.dtype not in _INTEGERS]
    if wrong:
        return Misfit(f"token inputs are i64 or i32, and {_names(wrong)} is not")
    logits = next((each for each in signature.outputs if each.name == LOGITS), None)
    if logits is None or logits.dtype not in _GENERATED or not _has_rank(logits, 3):
        return Misfit(f"it needs an output `{LOGITS}`, f32 or f16 [batch, sequence, vocabulary]")
    past = [each for each in signature.inputs if each.name.startswith(PAST)]
    switches = [each for each in signature.inputs if _is_switch(each)]
    if has_encoder:
        if signature.input(ENCODER_STATES) is None:
            needs_none = signature.input(ENCODER_MASK) is None
            what = "remove `encoder`: the model needs none" if needs_none else _MERGED
            return Misfit(f"it has no input `{ENCODER_STATES}`", what)
        switches += [each for each in signature.inputs if each.name in (ENCODER_STATES, ENCODER_MASK)]
    others = [each for each in signature.inputs if each not in (*tokens, *past, *switches)]
    with_past = _WITH_PAST % ("text2text-generation" if has_encoder else "text-generation")
    if others:
        is_decoder_of_two = any(each.name.startswith("encoder_") for each in others)
        advice: str | None = None if past else with_past
        if is_decoder_of_two:
            has_states = signature.input(ENCODER_STATES) is not None
            advice = 'name the other half of the model: `encoder = "encoder_model.onnx"`' if past else None
            advice = advice if has_states or not past else _MERGED
        return Misfit(f"nothing gives a value for {_names(others)}", advice)
    if not past:
        return Misfit(f"it needs inputs `{PAST}*`: without a past, each token costs a whole text", with_past)
    return next((why for each in past if (why := _cache(each, signature))), None)


def _is_switch(spec: TensorSpec) -> bool:
    """Whether it says how a model is run: with a past or without, and how many logits are wanted."""
    kinds = {USE_CACHE_BRANCH: (DType.BOOL,), NUM_LOGITS_TO_KEEP: _INTEGERS}
    return spec.dtype in kinds.get(spec.name, ()) and (spec.shape is None or len(spec.shape) < 2)


def _cache(past: TensorSpec, signature: Signature) -> Misfit | None:
    present = PRESENT + past.name.removeprefix(PAST)
    if all(each.name != present for each in signature.outputs):
        return Misfit(f"`{past.name}` needs an output `{present}`, which it continues with")
    if past.dtype not in _GENERATED or not _cache_sizes(past):
        return Misfit(
            f"`{past.name}` must be f32 or f16 [batch, heads, sequence, size], heads and size fixed"
        )
    return None


def _tensors(signature: Signature) -> Misfit | None:
    everything = (*signature.inputs, *signature.outputs)
    strange = [each for each in everything if each.dtype is None]
    if strange:
        are = "is no tensor" if len(strange) == 1 else "are no tensors"
        is_zipmap = _CLASSIC in signature.opsets and all(each in signature.outputs for each in strange)
        return Misfit(f"{_names(strange)} {are}", _WITHOUT_ZIPMAP if is_zipmap else _WITH_TENSORS)
    if not signature.outputs:
        return Misfit("it gives nothing", "export it again, with its outputs")
    dtypes = {each.dtype for each in everything}
    if DType.BF16 in dtypes and any(each.dtype is DType.TEXT for each in signature.inputs):
        return Misfit("ONNX Runtime takes no texts where others of a model's values are bf16")
    unsent = [each for each in everything if each.dtype not in (*_NUMBERS, *_SENT)]
    if unsent:
        return Misfit(
            f"no protocol carries the type of {every(f'`{each}`' for each in unsent)}",
            "export it with a `Cast` there: to or from f32, for example",
        )
    return None
