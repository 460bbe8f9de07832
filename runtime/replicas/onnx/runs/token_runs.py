"""Texts through a model: tokenised, run with others of about their length, and put back in their order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy
from attrs import evolve
from numpy.typing import NDArray

from .....compiler.plan import Batching, FileRef, TooLongAction
from .....compiler.plan.record import frozen
from ....requests.errors import RequestError
from ..model import OnnxModel
from ..queue.runner import Stopper, run_all
from ..sessions.model_files import find_file
from ..signature import TokenSignature
from .batching_trial import reason_to_run_alone
from .length_groups import bucket, by_length
from .token_model import TokenModel
from .tokens import Expansion, Text, TextEncoder, Tokens, are_quick, load_tokenizer, mask_of

if TYPE_CHECKING:
    from tokenizers import Encoding

log = logging.getLogger(__name__)

MAX_ROWS = 32
"""Most rows in one run of a deployment without batching; a longer request takes several runs."""

_TEXTS = (
    "Good morning!",
    "a",
    "The quick brown fox jumps over the lazy dog.",
    "1 2 3",
    "warm up",
    "What is the capital of Norway?",
)
"""Texts of different lengths, to try company with."""

Floats: TypeAlias = NDArray[numpy.float32]
Rows: TypeAlias = Floats | list[Floats]
"""A row of numbers for each text; or, in a list, rows for each."""

Finish: TypeAlias = Callable[[Floats, NDArray[numpy.int64]], Rows]


@frozen
class _Unread:
    """Texts that are made into tokens by the run itself. param, uncut: as `TokenRuns.run` has them."""

    texts: Sequence[Text]
    param: str
    uncut: bool = False
    is_query: bool = False


@frozen
class _Part:
    """The rows of one caller, and how many tokens they were made from."""

    rows: Rows
    tokens: int


class TokenRuns:
    """A model that reads text. Belongs to one event loop.

    tokenizer: the file. max_length: in tokens; None is as the tokenizer says. finish: from an output of
    the model and the number of tokens of each row to what a caller gets, one row per text. query_length: in
    tokens, of each query, whatever its text; attends_expansion: whether what it is filled up with counts.
    """

    def __init__(
        self,
        model: OnnxModel,
        signature: TokenSignature,
        tokenizer: FileRef,
        max_length: int | None,
        finish: Finish,
        on_too_long: TooLongAction = TooLongAction.TRUNCATE,
        query_length: int | None = None,
        attends_expansion: bool = False,
    ) -> None:
        path = find_file(tokenizer, model.base_dir, "tokenizer", model.owner)
        limits = [limit for limit in (max_length, signature.length) if limit]
        batching = model.plan.batching
        self._model = model
        self._finish = finish
        self._tokens = TokenModel(model.long_run, signature, model.owner)
        self._encoder = TextEncoder(load_tokenizer(path, model.owner), min(limits, default=None), on_too_long)
        self._query_encoder = self._encoder
        if query_length is not None:
            tokenizer_ = load_tokenizer(path, model.owner)
            length = min([query_length, *limits])
            expansion = Expansion(length, mask_of(tokenizer_, path, model.owner), attends_expansion)
            self._query_encoder = TextEncoder(tokenizer_, length, on_too_long, expansion)
        if batching and signature.batch:
            batching = _at_most(batching, signature.batch)
        self._runner = model.runner(self._run, batching)
        self._batching = batching
        self._max_rows = batching.max_size if batching else signature.batch or MAX_ROWS

    def warm_up(self, text: Text, stopper: Stopper) -> Rows:
        """What a caller would get for `text`. Raises RequestError."""
        [part] = self._run([_Unread([text], "input")], stopper)
        self._try_last_token(stopper)
        return part.rows

    def try_company(self, stopper: Stopper, query: str | None = None) -> Sequence[str]:
        """Let texts share runs only if none changes what another one gets; why they do not, in words.

        query: what each text is read together with.
        """
        if self._max_rows == 1:
            return ()

        def run(texts: Sequence[Text], stopper: Stopper) -> Sequence[Floats]:
            rows = self._finish(*self._tokens.run(self._encoder.encode(texts, "input"), stopper))
            return [numpy.stack([each.mean(axis=0) for each in rows]) if isinstance(rows, list) else rows]

        texts = [text if query is None else (query, text) for text in _TEXTS[: self._max_rows]]
        why = reason_to_run_alone([texts], run, self._model, stopper, "texts")
        if why is None:
            return ()
        self._max_rows, self._batching = 1, None
        self._runner = self._model.runner(self._run, None)
        return (f"{self._model.owner}: its texts run one by one: {why}",)

    def _try_last_token(self, stopper: Stopper) -> None:
        """A tokenizer with more tokens than the model fails for the rare ones only: say so at once."""
        last = self._encoder.tokens - 1
        try:
            self._tokens.run([Tokens([last], [0])], stopper)
        except RequestError:
            log.warning(
                "%s: its tokenizer has tokens up to %d, and its model fails on that one: is it the tokenizer "
                "that belongs to the model?",
                self._model.owner,
                last,
            )

    async def encodings(self, texts: Sequence[str]) -> list[Encoding]:
        """The tokens of texts, with the places in them that they stand for."""
        return await self._model.in_thread(partial(self._encoder.encodings, texts))

    async def close(self) -> None:
        await self._runner.close()
        vars(self).pop("_finish", None)  # it may hold the task, which holds this; see `Runner.close`

    async def run(
        self,
        texts: Sequence[Text],
        param: str,
        deadline: float | None,
        *,
        uncut: bool = False,
        is_query: bool = False,
    ) -> tuple[Rows, int]:
        """A row for each of `texts`, in their order, and their tokens together. Raises RequestError.

        param: the field of the request that holds the texts, as errors name it. uncut: a text that is too
        long is an error, whatever else becomes of such. is_query: whether they are queries.
        """
        unread = _Unread(texts, param, uncut, is_query)
        if len(texts) == 1 and not self._batching:
            part = await self._runner.submit(unread, rows=1, bucket=None, deadline=deadline)
            rows, tokens = part.rows, part.tokens
        else:
            groups, runs = await self._groups(unread, deadline)
            parts = await run_all(runs)
            rows, tokens = (
                _in_order([each.rows for each in parts], groups),
                sum(each.tokens for each in parts),
            )
        bad = _first_without_numbers(rows)
        if bad is not None:
            raise RequestError(
                f"{self._model.owner}: the model gave no numbers (NaN or infinity) for {param} {bad}"
            )
        return rows, tokens

    async def _groups(
        self, unread: _Unread, deadline: float | None
    ) -> tuple[list[list[int]], list[Coroutine[None, None, _Part]]]:
        """Which of its texts run together, by their indices, and the runs."""
        is_quick = are_quick(unread.texts)
        tokens = self._read(unread) if is_quick else await self._model.in_thread(partial(self._read, unread))
        groups = by_length([len(each) for each in tokens], self._max_rows)
        return groups, [self._submit([tokens[i] for i in group], deadline) for group in groups]

    async def _submit(self, group: list[Tokens], deadline: float | None) -> _Part:
        longest = max(map(len, group))
        return await self._runner.submit(group, rows=len(group), bucket=bucket(longest), deadline=deadline)

    def _read(self, unread: _Unread) -> list[Tokens]:
        encoder = self._query_encoder if unread.is_query else self._encoder
        return encoder.encode(unread.texts, unread.param, uncut=unread.uncut)

    def _run(self, groups: Sequence[Sequence[Tokens] | _Unread], stopper: Stopper) -> list[_Part]:
        read = [self._read(group) if isinstance(group, _Unread) else group for group in groups]
        together = read[0] if len(read) == 1 else [row for group in read for row in group]
        rows = self._finish(*self._tokens.run(together, stopper))
        if len(read) == 1:
            return [_Part(rows, sum(each.attended for each in together))]
        parts: list[_Part] = []
        start = 0
        for group in read:
            parts.append(_Part(rows[start : start + len(group)], sum(each.attended for each in group)))
            start += len(group)
        return parts


def _at_most(batching: Batching, rows: int) -> Batching:
    """For a model whose runs have so many rows, whether they are filled or not."""
    preferred = tuple(size for size in batching.preferred if size <= rows)
    return evolve(batching, max_size=min(batching.max_size, rows), preferred=preferred)


def _first_without_numbers(rows: Rows) -> int | None:
    """Which row holds NaN or infinity."""
    if not isinstance(rows, list) and numpy.isfinite(rows).all():
        return None
    return next((index for index, row in enumerate(rows) if not numpy.isfinite(row).all()), None)


def _in_order(parts: list[Rows], groups: list[list[int]]) -> Rows:
    """The rows of `parts` where the indices in `groups` say they belong."""
    if len(groups) == 1 and len(groups[0]) == 1:
        return parts[0]
    if isinstance(parts[0], list):
        by_index = {
            index: row
            for part, group in zip(parts, groups, strict=True)
            for index, row in zip(group, part, strict=True)
        }
        return [by_index[index] for index in range(len(by_index))]
    rows = numpy.empty((sum(map(len, groups)), parts[0].shape[1]), numpy.float32)
    for part, group in zip(parts, groups, strict=True):
        rows[group] = part
    return rows
