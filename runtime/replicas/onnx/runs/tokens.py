"""Texts to token ids, with a `tokenizer.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import Factory, field

from .....compiler.plan import TooLongAction
from .....compiler.plan.installing import pip_install
from .....compiler.plan.record import frozen
from ....requests.errors import BadRequest, ContextLengthExceeded, StartError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_QUICK_CHARACTERS = 1000

Text: TypeAlias = str | tuple[str, str]
"""A text, or two that are read together."""


@frozen
class Expansion:
    """ColBERT's: shorter texts are filled up to `length` with `mask`, which has a vector, too.

    is_attended: whether the other tokens look at it.
    """

    length: int
    mask: int
    is_attended: bool


@frozen
class Tokens:
    """One text: its token ids, and which segment each belongs to. Not padded.

    attended: how many of them all others look at, the first ones.
    """

    ids: Sequence[int]
    type_ids: Sequence[int]
    attended: int = field(default=Factory(lambda it: len(it.ids), takes_self=True))

    def __len__(self) -> int:
        return len(self.ids)


class TextEncoder:
    """Scheduler texts into tokens. Used from any thread.

    max_length: in tokens; None is as the tokenizer says. on_too_long: what becomes of longer texts.
    expansion: what becomes of shorter ones.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        max_length: int | None,
        on_too_long: TooLongAction = TooLongAction.TRUNCATE,
        expansion: Expansion | None = None,
    ) -> None:
        self._expansion = expansion
        said = tokenizer.truncation or {}
        tokenizer.no_padding()
        if on_too_long is TooLongAction.ERROR:
            tokenizer.no_truncation()
        elif max_length is not None:
            tokenizer.enable_truncation(max_length, **{k: v for k, v in said.items() if k != "max_length"})
        self.max_length: int | None = max_length or said.get("max_length")
        self._tokenizer = tokenizer

    @property
    def tokens(self) -> int:
        """How many tokens the tokenizer has."""
        size: int = self._tokenizer.get_vocab_size()
        return size

    def encode(self, texts: Sequence[Text], param: str, *, uncut: bool = False) -> list[Tokens]:
        """The tokens of each text, in their order. Raises BadRequest.

        param: the field of the request that holds the texts, as errors name it. uncut: a text that is too
        long is an error, whatever else becomes of such.
        """
        try:
            encodings = self._encode(texts)
        except (UnicodeError, TypeError):
            # Only a lone half of a surrogate pair can do this: JSON can carry one, UTF-8 cannot.
            raise BadRequest(f"the {param} is not valid Unicode text", param=param) from None
        tokens = [Tokens(encoding.ids, encoding.type_ids) for encoding in encodings]
        if uncut and (cut := [index for index, each in enumerate(encodings) if each.overflowing]):
            raise ContextLengthExceeded(
                f"{param} {cut[0]} has more than {self.max_length} tokens, which is the most", param=param
            )
        for index, each in enumerate(tokens):
            if not len(each):
                raise BadRequest(f"{param} {index} has no tokens: send some text", param=param)
            if self.max_length is not None and len(each) > self.max_length:
                raise ContextLengthExceeded(
                    f"{param} {index} has {len(each)} tokens, and the most is {self.max_length}", param=param
                )
        return tokens if self._expansion is None else [self._expanded(each) for each in tokens]

    def _expanded(self, tokens: Tokens) -> Tokens:
        assert self._expansion is not None
        missing = max(self._expansion.length - len(tokens), 0)
        ids, type_ids = [*tokens.ids, *[self._expansion.mask] * missing], [*tokens.type_ids, *[0] * missing]
        return Tokens(ids, type_ids, len(ids) if self._expansion.is_attended else len(tokens))

    def encodings(self, texts: Sequence[str]) -> list[Encoding]:
        """All that the tokenizer says of texts that it has encoded before."""
        return [self._tokenizer.encode(text) for text in texts]

    def _encode(self, texts: Sequence[Text]) -> list[Encoding]:
        # The threads that work on a batch stay awake for more, and take the cores from the model.
        if len(texts) > 1 and not are_quick(texts):
            return self._tokenizer.encode_batch_fast(list(texts))
        return [
            self._tokenizer.encode(text) if isinstance(text, str) else self._tokenizer.encode(*text)
            for text in texts
        ]


def are_quick(texts: Sequence[Text]) -> bool:
    """Whether `texts` are tokenised in well under a millisecond."""
    characters = sum(len(text) if isinstance(text, str) else sum(map(len, text)) for text in texts)
    return characters <= _QUICK_CHARACTERS


def load_tokenizer(path: Path, owner: str) -> Tokenizer:
    """The tokenizer in the file at `path`. Raises StartError."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise StartError(
            f"{owner} reads text, which needs the package tokenizers: run `{pip_install('embed')}`"
        ) from None
    made: Any = Tokenizer
    try:
        return made.from_file(str(path))  # type: ignore[no-any-return]
    except Exception as error:
        raise StartError(f"{owner}: its tokenizer {path} is no tokenizer.json: {error}") from None


def mask_of(tokenizer: Tokenizer, path: Path, owner: str) -> int:
    """The token that stands for what is missing. Raises StartError."""
    for name in ("[MASK]", "<mask>"):
        number: int | None = tokenizer.token_to_id(name)
        if number is not None:
            return number
    raise StartError(
        f"{owner}: `query_length` fills queries up with `[MASK]` or `<mask>`, and its tokenizer {path} has "
        "neither"
    )
