"""Texts to token ids, with a `tokenizer.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..errors import BadRequest, StartError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

QUICK_CHARACTERS = 1000
"""Texts up to this length together are tokenised in well under a millisecond."""


@frozen
class Tokens:
    """One text: its token ids, and which segment each belongs to. Not padded."""

    ids: Sequence[int]
    type_ids: Sequence[int]

    def __len__(self) -> int:
        return len(self.ids)


class TextEncoder:
    """Turns texts into tokens; cuts longer texts. Used from any thread.

    max_length: in tokens; None is as the tokenizer says.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int | None) -> None:
        said = tokenizer.truncation or {}
        tokenizer.no_padding()
        if max_length is not None:
            tokenizer.enable_truncation(max_length, **{k: v for k, v in said.items() if k != "max_length"})
        self.max_length: int | None = max_length or said.get("max_length")
        self._tokenizer = tokenizer

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, in their order. Raises BadRequest."""
        try:
            encodings = self._tokenizer.encode_batch_fast(list(texts))
        except (UnicodeError, TypeError):
            # Only a lone half of a surrogate pair can do this: JSON can carry one, UTF-8 cannot.
            raise BadRequest("the input is not valid Unicode text", param="input") from None
        tokens = [Tokens(encoding.ids, encoding.type_ids) for encoding in encodings]
        for index, each in enumerate(tokens):
            if not len(each):
                raise BadRequest(f"input {index} has no tokens: send some text", param="input")
        return tokens


def load_tokenizer(path: Path, owner: str) -> Tokenizer:
    """The tokenizer in the file at `path`. Raises StartError."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise StartError(
            f"{owner} reads text, which needs the package tokenizers: run `pip install 'inferc[embed]'`"
        ) from None
    made: Any = Tokenizer
    try:
        return made.from_file(str(path))  # type: ignore[no-any-return]
    except Exception as error:
        raise StartError(f"{owner}: its tokenizer {path} is no tokenizer.json: {error}") from None
