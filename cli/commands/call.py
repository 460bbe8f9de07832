"""`inferc call`: compile, start what one name needs, answer one request, stop. No server."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

import attrs

from ...compiler.plan import Plan, RemotePoolPlan
from ...compiler.plan.open_names import OpenNames, is_pattern
from ...compiler.plan.reach import names_of, only
from ..logs import configure_logging
from ..output import fail
from ..plans import Ready, add_exec, add_plan, add_state, allow_exec, ready_plan, state_of

EXAMPLES = """\
  inferc call hello.infer embedder "a sentence"
  inferc call hello.infer gpt "Say hello."           # streamed as it comes
  inferc call shop.infer reply "Where is my parcel?" --trace
  inferc call shop.infer triage data=@photo.png limit=3
  echo "a sentence" | inferc call hello.infer embedder -
"""


def configure(parser: ArgumentParser) -> None:
    add_plan(parser)
    parser.add_argument("name", metavar="NAME", help="who answers: a deployment, a route or a pipeline")
    parser.add_argument(
        "input",
        metavar="TEXT",
        nargs="*",
        help="what to ask, embed or classify; for a pipeline, also name=value, or name=@file for what is in "
        "a file; - reads standard input",
    )
    parser.add_argument(
        "--json",
        metavar="JSON",
        help="parameters as a JSON object: of a pipeline, or of the request to a model",
    )
    add_state(parser)
    add_exec(parser)
    parser.add_argument("--trace", action="store_true", help="show what each step took: time, tokens, cost")


def run(arguments: Namespace) -> int:
    allow_exec(arguments)
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    name, names = arguments.name, names_of(ready.plan)
    asked = name if name in names else _with_many_models(ready.plan, name)
    if asked is None:
        from ...dsl.suggest import did_you_mean, every

        known = did_you_mean(name, names) or f"there are {every(f'`{each}`' for each in names)}"
        return fail(f"no deployment, route or pipeline is called `{name}`: {known}")
    from ...runtime.concurrency.event_loop import run_async
    from ...runtime.concurrency.native_work import end_process
    from ...runtime.requests.errors import RequestError, StartError
    from ..calling.inputs import InputError, read_inputs
    from ..calling.run import answer

    part = attrs.evolve(ready, plan=only(ready.plan, asked))
    configure_logging()
    try:
        inputs = read_inputs(part.plan, name, arguments.input, arguments.json, sys.stdin)
        state = state_of(arguments.state, part)
        return end_process(run_async(answer(part, name, inputs, state=state, trace=arguments.trace)))
    except InputError as error:
        return fail(str(error), status=2)
    except StartError as error:
        for problem in error.problems:
            fail(problem)
    except RequestError as error:
        fail(error.message)
        _show_place(ready, error)
    return end_process(1)


def _with_many_models(plan: Plan, name: str) -> str | None:
    """Who is asked for `any/some-model`, where clients say a part of the name; None where nobody is."""
    before, names = name.partition("/")[0], names_of(plan)
    members = only(plan, before).deployments
    is_open = any(isinstance(each, RemotePoolPlan) and each.is_wildcard for each in members)
    found = OpenNames(filter(is_pattern, names), (before,) if is_open else ()).find(name)
    return found[0] if found is not None else None


def _show_place(ready: Ready, error: Exception) -> None:
    """Where the step is that failed, when its file is there."""
    from ..calling.excerpt import excerpt_of

    for step in getattr(error, "steps", ()):
        sys.stderr.write(excerpt_of(ready.base, step.file, step.line, step.column))
