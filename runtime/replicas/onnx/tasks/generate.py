"""The task `generate`: chats and texts continued by a causal language model."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from .....compiler.plan import GenerateSpec
from ....dialects.chats import body_for
from ....dialects.field_check import FieldCheck
from ....dialects.openai.requests import texts_in
from ....dialects.openai.text_answers import TextAnswers
from ....requests.answer import ChatChunk, Chunk
from ....requests.errors import BadRequest, ContextLengthExceeded, StartError
from ....requests.request import ChatRequest, CompletionRequest, Request
from ....requests.usage import Usage
from ..generate.choice import Choice
from ..generate.decoder import Answer, Decoder
from ..generate.encoder import Encoder
from ..generate.forms import Forms
from ..generate.merged import merged
from ..generate.options import FIELDS, MAX_ANSWERS, Options, read_options
from ..generate.prompts import ChatTemplate
from ..generate.sampling import GREEDY, Sampler
from ..generate.signature import LOGITS, read_generate_signature
from ..generate.text_stream import Writing
from ..generate.texts import Detokenizer, StopFinder
from ..model import OnnxModel
from ..queue.runner import Stopper
from ..runs.batching_trial import reason_to_run_alone
from ..runs.tokens import load_tokenizer
from ..sessions.model_files import find_file
from ..sessions.providers import has_cuda_graphs
from ..signature import outputs_of

log = logging.getLogger(__name__)

_USUAL_ENDS = (
    "<|endoftext|>",
    "</s>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<eos>",
    "<end_of_turn>",
)

_SAME_LENGTH: tuple[tuple[int, ...], ...] = ((0, 1, 2, 1), (1, 2, 0, 0), (2, 2, 1, 0), (0, 0, 1, 2))
_LENGTHS: tuple[tuple[int, ...], ...] = ((0, 1, 2, 1), (1,), (2, 1, 0, 0, 1, 2, 2), (1, 2))
"""Texts, as tokens, to try company with."""


_NO_IDS = "the model has a tokenizer of its own, send texts instead of token ids"


class GenerateTask:
    """Answers `ChatRequest`s and `CompletionRequest`s.

    A run of the model gives the next token of one answer; with batching, of all that are being written.
    """

    def __init__(self, model: OnnxModel, spec: GenerateSpec) -> None:
        if has_cuda_graphs(model.plan.providers):
            raise StartError(
                f"{model.owner}: CUDA graphs need inputs of fixed sizes, and the past of a text grows with "
                "each token: remove `enable_cuda_graph` and `trt_cuda_graph_enable`"
            )
        self._model = model
        self._spec = spec
        signature = read_generate_signature(model.session, model.owner, has_encoder=spec.encoder is not None)
        self._decoder = Decoder(model.session, signature, model.device, model.owner)
        self._encoder: Encoder | None = None
        if spec.encoder is not None:
            encoder = find_file(spec.encoder, model.base_dir, "encoder", model.owner)
            self._encoder = Encoder(encoder, model.session, model.owner)
        path = find_file(spec.tokenizer, model.base_dir, "tokenizer", model.owner)
        self._tokenizer = load_tokenizer(path, model.owner)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        template = spec.chat_template
        self._template = ChatTemplate(
            find_file(template, model.base_dir, "chat template", model.owner) if template else None,
            model.owner,
            has_encoder=self._encoder is not None,
        )
        self._start = self._start_token()
        self._ends = self._end_tokens()
        self._forms = Forms(self._tokenizer, sorted(self._ends), model.owner)
        self._compare_vocabularies()
        batching = model.plan.batching
        self._runner = model.runner(self._decoder.step, batching, is_loop=True)
        self._can_pad = False
        self._fields = FieldCheck(FIELDS, model.owner)

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        answer = self._answer(Sampler(GREEDY), (0,))
        for _ in range(2):
            self._decoder.step([answer], stopper)
        batching, decoder = self._model.plan.batching, self._decoder
        if batching is None or batching.max_size == 1 or self._encoder is not None:
            return ()

        texts = _SAME_LENGTH[: batching.max_size]
        why = reason_to_run_alone([texts], decoder.go_on, self._model, stopper, "texts of one length")
        if why is not None:
            self._runner = self._model.runner(decoder.step, None, is_loop=True)
            return (f"{self._model.owner}: its texts take turns, whatever `batching` says: {why}",)
        texts = _LENGTHS[: batching.max_size]
        self._can_pad = decoder.knows_padding and not reason_to_run_alone(
            [texts], decoder.go_on, self._model, stopper, "texts of any length"
        )
        if not self._can_pad:
            log.info("%s: only texts of the same length share a step of this model", self._model.owner)
        return ()

    def left_out(self, request: Request) -> tuple[str, ...]:
        assert isinstance(request, ChatRequest | CompletionRequest)
        return self._fields.check(body_for(request, self._fields.who))

    async def close(self) -> None:
        await self._runner.close()

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        """The answer to a request that wants no stream. Raises RequestError."""
        async with aclosing(self.stream(request, deadline)) as chunks:
            return await anext(chunks)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The answer, whole or as it comes. Raises RequestError."""
        assert isinstance(request, ChatRequest | CompletionRequest)
        self.left_out(request)
        options = await self._model.in_thread(partial(read_options, request.body, self._spec))
        prompts = await self._model.in_thread(partial(self._prompts, request, options))
        choices = await self._model.in_thread(partial(self._choices, request, options, prompts))
        replies = TextAnswers.to(request)
        async with aclosing(merged([self._written(choice, deadline) for choice in choices])) as pieces:
            async for choice, text in pieces:
                if request.stream and (text or not (choice.is_shown or choice.offer)):
                    logprobs = choice.logprobs()
                    first, choice.is_shown = not choice.is_shown, True
                    data = replies.piece(text, first=first, index=choice.index, logprobs=logprobs)
                    yield ChatChunk(data)
        usage = Usage(sum(map(len, prompts)), sum(choice.writing.tokens for choice in choices))
        if not request.stream:
            whole = [
                replies.choice(
                    choice.text,
                    choice.reason,
                    index=choice.index,
                    calls=choice.calls(),
                    logprobs=choice.logprobs(),
                )
                for choice in choices
            ]
            yield ChatChunk(replies.whole_of(whole, usage), usage)
            return
        for choice in choices:
            calls, rest = choice.calls(), choice.rest()
            if calls or rest:
                data = replies.piece(rest, first=not choice.is_shown, index=choice.index, calls=calls)
                yield ChatChunk(data, more=True)
            is_last = choice is choices[-1]
            more = options.with_usage or not is_last
            yield ChatChunk(replies.end(choice.reason, index=choice.index), more=more)
        yield ChatChunk(replies.usage(usage) if options.with_usage else b"", usage)

    async def _written(
        self, choice: Choice, deadline: float | None
    ) -> AsyncGenerator[tuple[Choice, str], None]:
        """The text of one answer, token by token; before it, its prompt, where that is to be told again."""
        if choice.echo:
            yield choice, choice.echo
        while choice.writing.reason is None:
            company = self._decoder.company(choice.answer, padded=self._can_pad)
            token = await self._runner.submit(choice.answer, rows=1, bucket=company, deadline=deadline)
            yield choice, choice.take(token)

    def _choices(
        self, request: ChatRequest | CompletionRequest, options: Options, prompts: Sequence[Sequence[int]]
    ) -> list[Choice]:
        """All answers at their start. Raises BadRequest."""
        asked = options.form or (options.offer.form() if options.offer is not None else None)
        if len(prompts) * options.answers > MAX_ANSWERS:
            message = (
                f"prompts and `n` ask for {len(prompts) * options.answers} answers, of {MAX_ANSWERS} at most"
            )
            raise BadRequest(message, param="n")
        choices: list[Choice] = []
        echo = texts_in(request.body, "prompt") if request.body.get("echo") else ("",) * len(prompts)
        for prompt in prompts:
            most = min(options.max_tokens, self._room(len(prompt), _param(request)))
            for number in range(options.answers):
                form = self._forms.make(asked) if asked is not None else None
                sampler = Sampler(options.sampling.of_answer(number), form, options.told)
                writing = Writing(Detokenizer(self._tokenizer), StopFinder(options.stop), self._ends, most)
                choice = Choice(
                    len(choices), self._answer(sampler, prompt), writing, self._tokenizer, options.offer
                )
                choice.is_chat = isinstance(request, ChatRequest)
                choice.echo = echo[len(choices) // options.answers]
                choices.append(choice)
        return choices

    def _prompts(self, request: ChatRequest | CompletionRequest, options: Options) -> list[Sequence[int]]:
        """The tokens of each prompt. Raises BadRequest."""
        if isinstance(request, ChatRequest):
            text = self._template.render(request.body["messages"], options.offer, request.turns)
            return [self._tokens(request, text, add_special=not self._template.writes_special_tokens)]
        texts = texts_in(request.body, "prompt", _NO_IDS)
        return [self._tokens(request, text, add_special=True) for text in texts]

    def _tokens(
        self, request: ChatRequest | CompletionRequest, text: str, *, add_special: bool
    ) -> Sequence[int]:
        """The tokens to continue. Raises BadRequest."""
        param = _param(request)
        try:
            ids: Sequence[int] = self._tokenizer.encode(text, add_special_tokens=add_special).ids
        except (UnicodeError, TypeError):
            raise BadRequest(f"the {param} is not valid Unicode text", param=param) from None
        if not ids:
            raise BadRequest(f"the {param} has no tokens: send some text", param=param)
        return ids

    def _answer(self, sampler: Sampler, prompt: Sequence[int]) -> Answer:
        """A text that continues `prompt`, or, of a model with an encoder, one about it."""
        if self._encoder is None:
            return Answer(sampler, prompt)
        return Answer(sampler, (self._start,), encoded=self._encoder.encode(prompt))

    def _room(self, prompt: int, param: str) -> int:
        """How many tokens an answer may have after a prompt of so many. Raises ContextLengthExceeded."""
        limit = self._spec.max_length
        if limit is None:
            return sys.maxsize
        if self._encoder is not None and prompt <= limit:
            return limit
        if prompt >= limit:
            raise ContextLengthExceeded(
                f"{self._model.owner}: the prompt has {prompt} tokens; prompt and answer together have at "
                f"most {limit}",
                param=param,
            )
        return limit - prompt

    def _compare_vocabularies(self) -> None:
        """A tokenizer with more tokens than the model fails for the rare ones only: say so at once."""
        [logits] = [info for info in outputs_of(self._model.session) if info.name == LOGITS]
        known, tokens = logits.shape[-1] if logits.shape else None, self._tokenizer.get_vocab_size()
        if known is not None and tokens > known:
            log.warning(
                "%s: its tokenizer has %d tokens, and its model knows %d: is it the tokenizer that belongs "
                "to the model?",
                self._model.owner,
                tokens,
                known,
            )

    def _start_token(self) -> int:
        """The token that answers begin with, where the model has an encoder. Raises StartError."""
        token = self._tokenizer.token_to_id(self._spec.decoder_start)
        if token is None and self._encoder is not None:
            name = self._spec.decoder_start
            raise StartError(f"{self._model.owner}: its tokenizer has no token `{name}`: set `decoder_start`")
        return token or 0

    def _end_tokens(self) -> frozenset[int]:
        found = {name: self._tokenizer.token_to_id(name) for name in self._spec.eos or _USUAL_ENDS}
        unknown = [name for name, token in found.items() if token is None]
        if self._spec.eos and unknown:
            raise StartError(f"{self._model.owner}: its tokenizer has no token `{unknown[0]}`, as `eos` says")
        return frozenset(token for token in found.values() if token is not None)


def _param(request: ChatRequest | CompletionRequest) -> str:
    """The field of the request that holds the text."""
    return "messages" if isinstance(request, ChatRequest) else "prompt"
