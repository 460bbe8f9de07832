"""The most that one request can take: calls of models, tokens, dollars and seconds.

It follows what the executor does when all goes wrong, one rule after the other: all attempts of a deployment
at all of its keys, all members of a route, the dearer arm of a match. Where something has no limit, neither
has what it is a part of, unless a deadline ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf

from attrs import evolve

from ...dsl.kinds import CapacityKind, TaskKind
from ..plan import (
    MOST_CALLS_AT_ONCE,
    AttemptNode,
    BuiltinNode,
    CallNode,
    CascadePlan,
    ConstantNode,
    DeploymentPlan,
    ExternNode,
    HedgePlan,
    IfNode,
    ListNode,
    MapNode,
    MatchNode,
    Node,
    PipelinePlan,
    Plan,
    Price,
    RemotePoolPlan,
    RetryPolicy,
    RoutePlan,
    ToolPlan,
)
from ..plan.abilities import takes_over
from ..plan.dataflow import blocks_of, step_of, taken_by
from ..plan.reach import members_of, names_of
from ..plan.service_tiers import WrittenTiers, has_unknown_price, tier_factors
from .bound import NOTHING, Bound, Part, either, total, until

LONGEST_LIMIT = 60.0
"""Seconds that an attempt waits for a rate limit or a circuit."""
LONGEST_RETRIES = 120.0
"""Seconds that a request waits between its attempts, all together."""
STEP_BACKOFF = 10.0
"""The longest of these waits for the tries of a step."""
LATE = 0.25
"""A time limit may end what it is for so many seconds late: bounds are those of the limits themselves."""
ASKS_PER_MEMBER = 2
"""How often a route asks on average, at most, for each of its members."""


def bounds_of(plan: Plan) -> dict[str, Part]:
    """Of each name that clients can use."""
    found = _Bounds(plan)
    timeout = plan.gateway.timeout
    parts = {name: found.of(name) for name in names_of(plan)}
    if timeout is None:
        return parts
    return {name: until(part, float(timeout), "gateway { timeout }") for name, part in parts.items()}


class _Bounds:
    def __init__(self, plan: Plan) -> None:
        self._deployments = {each.deployment: each for each in plan.deployments}
        self._routes = {each.route: each for each in plan.routes}
        self._pipelines = {each.pipeline: each for each in plan.pipelines}
        self._externs = {each.extern: each for each in plan.externs}
        self._known: dict[str, Part] = {}

    def of(self, name: str) -> Part:
        """Of a deployment, a route or a pipeline; none of them leads back to itself."""
        part = self._known.get(name)
        if part is None:
            if name in self._deployments:
                part = self._deployment(self._deployments[name])
            elif name in self._routes:
                part = self._route(self._routes[name])
            else:
                part = self._pipeline(self._pipelines[name])
            self._known[name] = part
        return part

    # ---- deployments

    def _deployment(self, plan: DeploymentPlan) -> Part:
        part = _pool(plan) if isinstance(plan, RemotePoolPlan) else _local(plan)
        following = takes_over(plan)
        if following is None:
            return part
        other = self.of(following)
        what = f"{part.what}; or `{following}`, when it is full"
        per_search = max(part.per_search, other.per_search)
        return Part(plan.deployment, what, part.bound.or_else(other.bound), (other,), per_search=per_search)

    # ---- routes

    def _route(self, plan: RoutePlan) -> Part:
        parts = tuple(self.of(member) for member in members_of(plan))
        bounds = [part.bound for part in parts]
        count = len(parts)
        if isinstance(plan, HedgePlan):
            bound = total(bounds)
            latest = float(plan.after) * (count - 1) + max(each.seconds for each in bounds)
            what = f"{plan.kind}: all {count} members, each {plan.after} after the one before"
            bound = evolve(bound, seconds=min(latest, bound.seconds))
        elif isinstance(plan, CascadePlan):
            bound, what = total(bounds), f"{plan.kind}: all {count} members, one after the other"
        else:
            asks = ASKS_PER_MEMBER * count
            bound = either(bounds).times(asks)
            what = f"{plan.kind}: {asks} members are asked, since one may be asked again once it is free"
        return Part(plan.route, what, bound, parts, per_search=max(each.per_search for each in parts))

    # ---- pipelines

    def _pipeline(self, plan: PipelinePlan) -> Part:
        steps = _Steps(plan, self.of, self._extern, self._longest)
        bound = steps.block("")
        return Part(plan.pipeline, "pipeline: all of its steps", bound, tuple(steps.calls))

    def _longest(self, extern: str) -> float:
        return float(self._externs[extern].timeout)

    def _extern(self, node: ExternNode) -> Bound:
        longest = self._longest(node.extern) if node.timeout is None else node.timeout
        return Bound(seconds=float(longest) * (node.retries + 1) + _waits(node.retries, STEP_BACKOFF))


class _Steps:
    """The steps of one pipeline."""

    def __init__(
        self,
        plan: PipelinePlan,
        of: Callable[[str], Part],
        extern: Callable[[ExternNode], Bound],
        longest: Callable[[str], float],
    ) -> None:
        """longest: how long a call of an extern takes."""
        self._of = of
        self._longest = longest
        self._extern = extern
        self._nodes = {node.name: node for node in plan.nodes}
        self._blocks: dict[str, list[Node]] = {}
        for node in plan.nodes:
            self._blocks.setdefault(node.block, []).append(node)
        self.calls: list[Part] = []
        """What is called, in the order of the plan."""

    def block(self, name: str) -> Bound:
        """All of its nodes; those that do not depend on each other run at the same time."""
        total, ends = NOTHING, dict[str, float]()
        for node in self._blocks.get(name, ()):
            bound = self._node(node)
            begins = max((ends.get(each, 0.0) for each in self._taken(node)), default=0.0)
            ends[node.name] = begins + bound.seconds
            total += bound
        return evolve(total, seconds=max(ends.values(), default=0.0))

    def _taken(self, node: Node) -> set[str]:
        """The nodes whose values `node`, or a block that it runs, takes; a block may be one of them."""
        taken = {*taken_by(node).values(), *blocks_of(node)}
        for block in blocks_of(node):
            for each in self._blocks.get(block, ()):
                taken |= self._taken(each)
        return taken

    def _node(self, node: Node) -> Bound:
        match node:
            case CallNode():
                return self._call(node)
            case ExternNode():
                return self._extern(node)
            case MatchNode():
                return either([self.block(arm.block) for arm in node.arms])
            case IfNode():
                return self.block(node.then).or_else(self.block(node.otherwise))
            case AttemptNode():
                return self.block(node.first) + self.block(node.otherwise)
            case MapNode():
                return self._map(node)
        return NOTHING

    def _call(self, node: CallNode) -> Bound:
        target, parts = self._of(node.target), []
        rounds = node.max_rounds if node.tools else 0
        answers = rounds + 1 + (1 if node.repair else 0)
        bound = target.bound.times(answers * (node.retries + 1))
        parts.append(target)
        seconds = bound.seconds + _waits(node.retries, STEP_BACKOFF) * (answers if node.tools else 1)
        if node.tools:
            tools = [self._tool(each) for each in node.tools]
            dearest = either([each.bound for each in tools])
            bound += dearest.times(rounds * MOST_CALLS_AT_ONCE)
            seconds += dearest.seconds * rounds if dearest.seconds else 0
            parts += tools
        if node.timeout is not None:
            seconds = min(seconds, float(node.timeout))
        bound = evolve(bound, seconds=seconds)
        why = [f"`{node.target}`"]
        why += [f"{node.retries + 1} tries"] if node.retries else []
        why += [f"up to {rounds} rounds of {MOST_CALLS_AT_ONCE} calls of its tools"] if node.tools else []
        why += ["asked again once where the answer does not fit"] if node.repair else []
        self.calls.append(Part(step_of(node), ", ".join(why), bound, tuple(parts)))
        return bound

    def _tool(self, tool: ToolPlan) -> Part:
        if not tool.is_extern:
            return self._of(tool.target)
        bound = Bound(seconds=self._longest(tool.target))
        return Part(tool.target, "extern: as long as its timeout", bound)

    def _map(self, node: MapNode) -> Bound:
        before = len(self.calls)
        each, count = self.block(node.each), self._length(node.over)
        bound = each.times(count)
        rounds = inf if count == inf else ceil(count / node.limit)
        bound = evolve(bound, seconds=each.seconds * rounds if each.seconds else 0)
        if len(self.calls) > before:
            inner = tuple(self.calls[before:])
            del self.calls[before:]
            often = f"{count:g} times" if count < inf else "for each of a list whose length is not known"
            self.calls.append(Part(step_of(node), often, bound, inner))
        return bound

    def _length(self, name: str) -> float:
        """Of a list; infinite where nobody knows."""
        match self._nodes.get(name):
            case ListNode(items=items):
                return len(items)
            case ConstantNode(value=list() | tuple() as items):
                return len(items)
            case BuiltinNode(function="sort" | "reverse", arguments=(of, *_)):
                return self._length(of)
        return inf


def _pool(plan: RemotePoolPlan) -> Part:
    """Every attempt, at every replica: a key that is refused or used up passes the request on to the next."""
    replicas, retries = len(plan.replicas), plan.retry.max_retries if plan.idempotent else 0
    attempts = (retries + 1) * replicas
    what = f"{attempts} attempt{'s' if attempts > 1 else ''}"
    if attempts > 1:
        tries = f"1 + {retries} retr{'y' if retries == 1 else 'ies'}"
        what += f": {tries}" if replicas == 1 else f": ({tries}) × {replicas} replicas"
    serving = plan.serving
    queue = float(serving.queue_timeout) if serving.on_capacity_exhausted.kind is CapacityKind.QUEUE else 0.0
    waits = _retry_waits(plan.retry if plan.idempotent else None)
    seconds = queue + waits + attempts * (LONGEST_LIMIT + float(plan.timeouts.total))
    one = _one_call(plan)
    per_search = _open_searches(plan)
    bound = evolve(one.times(attempts), seconds=seconds)
    if plan.task is TaskKind.EMBED and plan.capabilities.most_inputs is not None:
        what += f", for every {plan.capabilities.most_inputs} texts"
        bound = Bound(inf, inf, inf, inf)
    return Part(plan.deployment, what, bound, per_search=per_search)


def _open_searches(plan: RemotePoolPlan) -> float:
    """The price of a search, where the provider sets no bound to how many an answer takes."""
    if plan.task is not TaskKind.CHAT or plan.price is None or plan.capabilities.most_searches is not None:
        return 0.0
    return float(plan.price.per_search or 0)


def _one_call(plan: RemotePoolPlan) -> Bound:
    """The dearest request that the model takes, with its longest answer."""
    context = plan.capabilities.context_window or inf
    answer = min(_longest_answer(plan), context)
    tokens = context if plan.task is TaskKind.CHAT else inf
    price = plan.price
    if price is None:
        return Bound(1, tokens, inf)
    prompt = [
        price.input,
        price.cached_input,
        price.cache_write,
        price.cache_write_1h,
        price.audio_input,
        price.image_input,
    ]
    dearest = max(float(each) for each in prompt if each is not None)
    made = float(max(price.output, price.audio_output or price.output, price.image_output or price.output))
    dollars = _product(_times_by_tier(plan, price), _product(tokens, dearest) + _product(answer, made))
    if plan.task is TaskKind.RERANK:  # of any number of documents
        dollars += _product(inf, float(price.per_search or 0) * 1e6)
    elif plan.capabilities.most_searches:
        dollars += plan.capabilities.most_searches * float(price.per_search or 0) * 1e6
    return Bound(1, tokens, dollars / 1e6)


def _times_by_tier(plan: RemotePoolPlan, price: Price) -> float:
    """How many times as much tokens cost in the tier of service that the file asks for.

    A cheaper one is not counted on where it is a default, and where not all tokens are cheaper there.
    """
    written = WrittenTiers.of(plan)
    tier = written.force or written.default
    if has_unknown_price(tier, price):
        return inf
    times = max(tier_factors(price).get(tier, (1.0, 1.0)))
    return times if written.force else max(1.0, times)


def _longest_answer(plan: RemotePoolPlan) -> float:
    """In tokens, of as many answers as the file lets a request ask for."""
    if plan.task is not TaskKind.CHAT:
        return 0.0
    forced = plan.request.force if plan.request is not None else None
    most = plan.capabilities.greatest_output or inf
    if forced is not None and forced.max_tokens is not None:
        most = min(most, forced.max_tokens)
    return most * (forced.n if forced is not None and forced.n is not None else 1)


def _local(plan: DeploymentPlan) -> Part:
    return Part(plan.deployment, "one run of a model on this machine", Bound(1, 0, 0, inf))


def _retry_waits(policy: RetryPolicy | None) -> float:
    return 0.0 if policy is None else _waits(policy.max_retries, float(policy.max_backoff))


def _waits(retries: int, longest: float) -> float:
    return min(retries * longest, LONGEST_RETRIES)


def _product(count: float, price: float) -> float:
    return count * price if price else 0.0
