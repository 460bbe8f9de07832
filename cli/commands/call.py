"""`inferc call`: compile, start, answer one request, stop. No server."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from contextlib import aclosing

import attrs

from ..logs import configure_logging
from ..output import fail
from ..plans import Ready, add_plan, ready_plan

EXAMPLES = """\
  inferc call hello.infer embedder "a sentence"
  inferc call hello.infer gpt "Say hello."           # streamed as it comes
  echo "a sentence" | inferc call hello.infer embedder -
"""


def configure(parser: ArgumentParser) -> None:
    add_plan(parser)
    parser.add_argument("deployment", metavar="DEPLOYMENT", help="who answers")
    parser.add_argument(
        "input", metavar="TEXT", nargs="+", help="what to ask or embed; - reads standard input"
    )


def run(arguments: Namespace) -> int:
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    names = [plan.deployment for plan in ready.plan.deployments]
    if arguments.deployment not in names:
        from ...dsl.suggest import did_you_mean, every

        known = (
            did_you_mean(arguments.deployment, names) or f"there are {every(f'`{name}`' for name in names)}"
        )
        return fail(f"no deployment is called `{arguments.deployment}`: {known}")
    from ...runtime.errors import RequestError, StartError
    from ...runtime.loop import run_async

    texts = [sys.stdin.read().rstrip("\n") if text == "-" else text for text in arguments.input]
    configure_logging()
    try:
        return run_async(_answer(_only(ready, arguments.deployment), arguments.deployment, texts))
    except StartError as error:
        for problem in error.problems:
            fail(problem)
    except RequestError as error:
        return fail(error.message)
    return 1


def _only(ready: Ready, name: str) -> Ready:
    """A plan with the one deployment, and those that it may fall back to."""
    by_name = {plan.deployment: plan for plan in ready.plan.deployments}
    wanted: list[str] = []
    following: str | None = name
    while following is not None and following not in wanted:
        wanted.append(following)
        following = by_name[following].serving.on_capacity_exhausted.target
    plans = tuple(plan for plan in ready.plan.deployments if plan.deployment in wanted)
    return attrs.evolve(ready, plan=attrs.evolve(ready.plan, deployments=plans))


async def _answer(ready: Ready, name: str, texts: list[str]) -> int:
    from ...compiler.plan import TaskKind
    from ...runtime.executor import Executor
    from ...runtime.replica import ChatChunk, ChatRequest, EmbedChunk, EmbedRequest, Request

    executor = Executor(ready.plan, ready.base)
    [plan] = [plan for plan in ready.plan.deployments if plan.deployment == name]
    request: Request = EmbedRequest(tuple(texts))
    if plan.task_kind is not TaskKind.EMBED:
        messages = [{"role": "user", "content": text} for text in texts]
        request = ChatRequest({"model": name, "messages": messages, "stream": True}, stream=True)
    await executor.start()
    try:
        async with aclosing(executor.stream(name, request)) as chunks:
            async for chunk in chunks:
                match chunk:
                    case EmbedChunk():
                        for vector in chunk.vectors.tolist():
                            print(json.dumps([round(value, 6) for value in vector]))
                    case ChatChunk():
                        print(_text(chunk.data), end="", flush=True)
        if isinstance(request, ChatRequest):
            print()
    finally:
        await executor.stop()
    return 0


def _text(data: bytes) -> str:
    """The text that one chunk of a stream adds."""
    choices = json.loads(data).get("choices") or []
    return "".join(choice.get("delta", {}).get("content") or "" for choice in choices)
