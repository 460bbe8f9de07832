"""Steps start when their values are there, and end together; in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from inferc.compiler.plan import INT, TEXT, Duration, ListType
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.errors import (
    Backpressure,
    BadRequest,
    ContentFiltered,
    RateLimited,
    RequestTimeout,
    ServerError,
    StepFailed,
)
from inferc.runtime.requests.pipeline_call import PipelineCall

from ...support.flows import echo, now, pipeline_of, value_of
from ...support.members import Speaker
from ...support.pipelines import Graph, fallback

TEXTS = ListType(element=TEXT)


def test_steps_that_do_not_need_each_other_run_at_the_same_time() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message")
        graph.call("b", "gpt", message="message")
        graph.call("c", "gpt", message="message")
        graph.text("d", ("", "+", "+", ""), "a", "b", "c")
        graph.call("e", "gpt", message="d")
        gpt = echo()
        assert await value_of(pipeline_of(graph.pipeline("e"), gpt=gpt)) == "[[hi]+[hi]+[hi]]"
        assert (now(), gpt.most) == (2.0, 3)

    run_virtual(scenario())


def test_each_step_starts_as_soon_as_what_it_needs_is_there() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("quick", "quick", message="message")
        graph.call("slow", "slow", message="message")
        graph.call("after", "after", message="quick")
        graph.text("both", ("", "", ""), "slow", "after")
        after = echo()
        it = pipeline_of(graph.pipeline("both"), quick=echo(delay=1), slow=echo(delay=9), after=after)
        assert await value_of(it) == "[hi][[hi]]"
        assert after.started == [1.0]
        assert now() == 9

    run_virtual(scenario())


def test_the_result_does_not_wait_for_steps_that_nobody_needs() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("unused", "slow", message="message")
        graph.call("answer", "gpt", message="message")
        slow = echo(delay=100)
        assert await value_of(pipeline_of(graph.pipeline("answer"), slow=slow, gpt=echo())) == "[hi]"
        assert (now(), slow.running, slow.cancelled) == (1, 0, 1)

    run_virtual(scenario())


def test_a_step_whose_name_begins_with_an_underscore_is_waited_for() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("_log", "slow", message="message")
        graph.call("answer", "gpt", message="message")
        slow = echo(delay=100)
        assert await value_of(pipeline_of(graph.pipeline("answer"), slow=slow, gpt=echo())) == "[hi]"
        assert (now(), slow.cancelled) == (100, 0)

    run_virtual(scenario())


def test_a_result_may_be_a_parameter_or_a_constant() -> None:
    async def scenario() -> None:
        assert await value_of(pipeline_of(Graph().pipeline("message"))) == "hi"
        graph = Graph()
        graph.constant("return", 7)
        assert await value_of(pipeline_of(graph.pipeline("return", INT))) == 7

    run_virtual(scenario())


def test_one_value_may_be_taken_twice_by_one_step() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message")
        graph.text("twice", ("", " ", ""), "a", "a")
        assert await value_of(pipeline_of(graph.pipeline("twice"), gpt=echo())) == "[hi] [hi]"

    run_virtual(scenario())


# ---- match, if, else


def matching() -> Graph:
    graph = Graph()
    graph.call("a.1", "one", message="message", block="a.1")
    graph.call("a.2", "two", message="message", block="a.2")
    graph.match("a", "message", (("x", "y"), "a.1"), ((), "a.2"))
    return graph


@pytest.mark.parametrize(("message", "who"), [("x", "one"), ("y", "one"), ("z", "two")])
def test_only_the_arm_that_fits_runs(message: str, who: str) -> None:
    async def scenario() -> None:
        speakers = {"one": Speaker(("one",)), "two": Speaker(("two",))}
        it = pipeline_of(matching().pipeline("a"), **speakers)
        assert await value_of(it, message=message) == who
        assert [name for name, each in speakers.items() if each.started] == [who]

    run_virtual(scenario())


def test_true_is_not_one_and_one_is_not_true() -> None:
    async def scenario() -> None:
        graph = Graph()
        for name, value in (("r.1", "number"), ("r.2", "truth")):
            graph.constant(name, value, block=name)
        graph.match("r", "n", ((1,), "r.1"), ((True,), "r.2"))
        assert await value_of(pipeline_of(graph.pipeline("r", n=INT)), n=1) == "number"

    run_virtual(scenario())


def test_an_arm_may_be_a_step_of_the_pipeline_which_runs_whether_it_is_taken_or_not() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("slow", "slow", message="message")
        graph.constant("a.1", "quick", block="a.1")
        graph.match("a", "message", (("x",), "a.1"), ((), "slow"))
        it = pipeline_of(graph.pipeline("a"), slow=echo(delay=5))
        assert await value_of(it, message="z") == "[z]"
        assert now() == 5
        assert await value_of(it, message="x") == "quick"
        assert now() == 5  # what the arm does not need is not waited for

    run_virtual(scenario())


def test_blocks_in_blocks_take_values_of_all_blocks_around_them() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("base", "gpt", message="message")
        graph.constant("c", True)
        graph.text("a.3", ("in ", ""), "base", block="a.3")
        graph.constant("a.4", "no", block="a.4")
        graph.choose("a.1", "c", "a.3", "a.4", block="a.1")
        graph.constant("a.2", "never", block="a.2")
        graph.choose("a", "c", "a.1", "a.2")
        assert await value_of(pipeline_of(graph.pipeline("a"), gpt=echo())) == "in [hi]"

    run_virtual(scenario())


def attempting(**options: object) -> Graph:
    graph = Graph()
    graph.call("a.1", "gpt", message="message", block="a.1", options=options)
    graph.constant("a.2", "instead", block="a.2")
    graph.attempt("a", "a.1", "a.2")
    return graph


@pytest.mark.parametrize(
    "error", [ServerError("x"), ContentFiltered("x"), BadRequest("x"), RequestTimeout("x")]
)
def test_what_fails_is_replaced_by_what_stands_behind_else(error: Exception) -> None:
    async def scenario() -> None:
        it = pipeline_of(attempting().pipeline("a"), gpt=Speaker(broken=error))  # type: ignore[arg-type]
        assert await value_of(it) == "instead"

    run_virtual(scenario())


def test_what_succeeds_needs_no_replacement() -> None:
    async def scenario() -> None:
        assert await value_of(pipeline_of(attempting().pipeline("a"), gpt=echo())) == "[hi]"

    run_virtual(scenario())


def test_else_does_not_help_when_the_whole_request_has_no_time_left() -> None:
    async def scenario() -> None:
        it = pipeline_of(attempting().pipeline("a"), gpt=echo(delay=100))
        with pytest.raises(RequestTimeout):
            await value_of(it, deadline=5.0)
        assert now() == 5

    run_virtual(scenario())


def test_else_helps_when_the_time_of_the_step_is_over() -> None:
    async def scenario() -> None:
        gpt = echo(delay=100)
        it = pipeline_of(attempting(timeout=Duration(2)).pipeline("a"), gpt=gpt)
        assert await value_of(it, deadline=50.0) == "instead"
        assert (now(), gpt.running) == (2, 0)

    run_virtual(scenario())


def test_a_missing_value_is_replaced_too() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.constant("r", {"reason": None})
        graph.field("a.1", "r", "reason", block="a.1")
        graph.constant("a.2", "none given", block="a.2")
        graph.attempt("a", "a.1", "a.2")
        assert await value_of(pipeline_of(graph.pipeline("a"))) == "none given"

    run_virtual(scenario())


# ---- lists


def mapping(limit: int = 16) -> Graph:
    graph = Graph()
    graph.call("many.1", "gpt", message="many.x", block="many.1")
    graph.map("many", "xs", "many.x", "many.1", limit)
    return graph


def test_a_list_is_mapped_in_its_order_with_no_more_at_once_than_allowed() -> None:
    async def scenario() -> None:
        gpt = echo()
        it = pipeline_of(mapping(3).pipeline("many", TEXTS, xs=TEXTS), gpt=gpt)
        values = [str(number) for number in range(10)]
        assert await value_of(it, xs=values) == [f"[{each}]" for each in values]
        assert (gpt.most, now()) == (3, 4)

    run_virtual(scenario())


def test_an_empty_list_gives_an_empty_list() -> None:
    async def scenario() -> None:
        assert (
            await value_of(pipeline_of(mapping().pipeline("many", TEXTS, xs=TEXTS), gpt=echo()), xs=[]) == []
        )

    run_virtual(scenario())


def test_one_that_fails_ends_the_others_and_says_which_it_was() -> None:
    async def scenario() -> None:
        gpt = echo(delay=1)

        def says(body: dict[str, object]) -> str:
            if "3" in str(body["messages"]):
                raise ServerError("three")
            return "ok"

        gpt.says = says
        it = pipeline_of(mapping(2).pipeline("many", TEXTS, xs=TEXTS), gpt=gpt)
        with pytest.raises(ServerError, match=r"step `many\[3\]` of pipeline `p` \(test.infer:2:3\): three"):
            await value_of(it, xs=[str(number) for number in range(10)])
        assert len(gpt.started) <= 5
        assert gpt.running == 0

    run_virtual(scenario())


# ---- failures


def test_a_failed_step_ends_all_others_and_the_error_says_where_and_what_it_took() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("first", "gpt", message="message")
        graph.call("slow", "slow", message="message")
        graph.call("bad", "bad", message="first")
        graph.text("all", ("", "", ""), "slow", "bad")
        slow = echo(delay=100)
        it = pipeline_of(
            graph.pipeline("all"), gpt=echo(), slow=slow, bad=Speaker(broken=RateLimited("it is limited"))
        )
        with pytest.raises(RateLimited) as caught:
            await value_of(it, message="my secret")
        assert caught.value.message == (
            "step `bad` of pipeline `p` (test.infer:4:3): it is limited; "
            "it took `message`, text of 11 characters; spent so far: 1100 tokens, $0.002"
        )
        assert "secret" not in caught.value.message
        assert (now(), slow.running) == (2, 0)

    run_virtual(scenario())


def test_a_value_that_cannot_be_computed_is_a_failed_step() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.constant("zero", 0)
        graph.operator("bad", "/", "n", "zero")
        with pytest.raises(StepFailed, match=r"step `bad` of pipeline `p`.*it divides by zero"):
            await value_of(pipeline_of(graph.pipeline("bad", n=INT)), n=1)

    run_virtual(scenario())


def test_an_error_that_two_requests_share_names_each_step_once() -> None:
    """As when one batch of a local model fails for all that stood in it."""
    shared = ServerError("the batch failed")

    class Sharing(Speaker):
        async def stream(self, request, deadline):  # type: ignore[no-untyped-def]
            await asyncio.sleep(1)
            raise shared
            yield

    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message")
        it = pipeline_of(graph.pipeline("a"), gpt=Sharing())
        errors = await asyncio.gather(value_of(it), value_of(it), return_exceptions=True)
        for error in errors:
            assert str(error).startswith("step `a` of pipeline `p` (test.infer:2:3): the batch failed; ")

    run_virtual(scenario())
    assert shared.message == "the batch failed"


def test_a_step_that_would_start_with_no_time_left_does_not() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message")
        gpt = echo()
        with pytest.raises(RequestTimeout, match="no time was left to start it"):
            await value_of(pipeline_of(graph.pipeline("a"), gpt=gpt), deadline=0.0)
        assert not gpt.started

    run_virtual(scenario())


def test_a_step_has_its_own_time_and_never_more_than_the_request() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message", options={"timeout": Duration(10)})
        it = pipeline_of(graph.pipeline("a"), gpt=echo(delay=100))
        with pytest.raises(RequestTimeout, match=r"step `a` .* it took longer than its timeout of 10s"):
            await value_of(it)
        assert now() == 10
        with pytest.raises(RequestTimeout):
            await value_of(it, deadline=now() + 3)
        assert now() == 13

    run_virtual(scenario())


@pytest.mark.parametrize(("retries", "fails", "calls"), [(2, 1, 2), (2, 2, 3), (2, 3, 3), (0, 1, 1)])
def test_a_step_is_tried_again_as_often_as_it_says(retries: int, fails: int, calls: int) -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message", options={"retries": retries})
        gpt = echo(errors=[Backpressure("full") for _ in range(fails)])
        it = pipeline_of(graph.pipeline("a"), gpt=gpt)
        if fails < calls:
            assert await value_of(it) == "[hi]"
        else:
            with pytest.raises(Backpressure):
                await value_of(it)
        assert len(gpt.started) == calls

    run_virtual(scenario())


def test_what_cannot_succeed_is_not_tried_again() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message", options={"retries": 3})
        gpt = echo(errors=[ContentFiltered("no")])
        with pytest.raises(ContentFiltered):
            await value_of(pipeline_of(graph.pipeline("a"), gpt=gpt))
        assert len(gpt.started) == 1

    run_virtual(scenario())


def everything() -> Graph:
    """Every kind of step that waits."""
    graph = Graph()
    graph.call("first", "gpt", message="message")
    graph.call("many.1", "gpt", message="many.x", block="many.1")
    graph.list("xs", "first", "message", "first")
    graph.map("many", "xs", "many.x", "many.1", 2)
    graph.call("a.1", "bad", message="first", block="a.1")
    graph.call("a.2", "route", message="first", block="a.2")
    graph.attempt("a", "a.1", "a.2")
    graph.call("m.1", "gpt", message="a", block="m.1")
    graph.match("m", "a", ((), "m.1"))
    graph.builtin("text", "text", "many")
    graph.text("all", ("", "", ""), "text", "m")
    return graph


@pytest.mark.parametrize("after", [0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
def test_whoever_leaves_ends_everything_wherever_the_request_is(after: float) -> None:
    async def scenario() -> None:
        speakers = {"gpt": echo(), "bad": Speaker(broken=ServerError("x"), delay=2), "other": echo(delay=2)}
        it = pipeline_of(fallback("route", "bad", "other"), everything().pipeline("all"), **speakers)
        task = asyncio.create_task(value_of(it))
        await asyncio.sleep(after)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [each.running for each in speakers.values()] == [0, 0, 0]
        assert len(asyncio.all_tasks()) == 1

    run_virtual(scenario())


def test_all_of_it_gives_the_value() -> None:
    async def scenario() -> None:
        speakers = {"gpt": echo(), "bad": Speaker(broken=ServerError("x")), "other": echo()}
        it = pipeline_of(fallback("route", "bad", "other"), everything().pipeline("all"), **speakers)
        assert await value_of(it) == '["[[hi]]","[hi]","[[hi]]"][[[hi]]]'
        assert len(asyncio.all_tasks()) == 1

    run_virtual(scenario())


# ---- pipelines in pipelines


def test_a_pipeline_calls_another_and_its_steps_are_named_below_the_one_that_called() -> None:
    async def scenario() -> None:
        inner = Graph()
        inner.call("draft", "gpt", message="message")
        outer = Graph()
        outer.call("answer", "inner", task=None, message="message")
        it = pipeline_of(inner.pipeline("draft", name="inner"), outer.pipeline("answer"), gpt=echo())
        result = await it.run(PipelineCall({"message": "hi"}))
        assert result.value == "[hi]"
        assert [span.step for span in result.spans] == ["answer/draft"]

    run_virtual(scenario())


def test_a_failure_inside_names_both_steps() -> None:
    async def scenario() -> None:
        inner = Graph()
        inner.call("draft", "gpt", message="message")
        outer = Graph()
        outer.call("answer", "inner", task=None, message="message", options={"timeout": Duration(2)})
        it = pipeline_of(
            inner.pipeline("draft", name="inner"),
            outer.pipeline("answer"),
            gpt=Speaker(broken=ServerError("x")),
        )
        with pytest.raises(ServerError) as caught:
            await value_of(it)
        assert caught.value.message.startswith(
            "step `answer` of pipeline `p` (test.infer:2:3): "
            "step `draft` of pipeline `inner` (test.infer:2:3): x; "
        )
        assert [at.pipeline for at in caught.value.steps] == ["p", "inner"]

    run_virtual(scenario())
