"""Programs that are made by chance: deployments, routes of routes, pipelines that call each other."""

from __future__ import annotations

from random import Random

from attrs import define, field

from inferc.compiler.plan.scenarios import FailurePlan, ProviderPlan, Spread

_MODELS = (
    ("gpt-4o-mini", "openai"),
    ("claude-sonnet-4-5", "anthropic"),
    ("gemini-2.5-flash", "gemini"),
)
_LEAF_ONLY = 3
"""How deep the parts of a step may be."""
_FAULTS = ("status", "unreachable", "cut", "slow", "stall", "malformed", "error", "no_choices")
_STATUSES = (400, 401, 403, 404, 408, 429, 500, 503, 529)


@define
class RandomProgram:
    """A file without mistakes. names: what can be asked for."""

    random: Random
    names: list[str] = field(factory=list)
    pipelines: list[str] = field(factory=list)
    text: str = ""
    is_calm: bool = False
    """Whether nothing fails and nothing is tried twice: what is left is what the steps ask."""

    @classmethod
    def of(cls, seed: int) -> RandomProgram:
        made = cls(Random(seed))
        made._write()
        return made

    def world(self) -> dict[str, ProviderPlan]:
        """How its providers behave."""
        return {name: self._provider(name) for name in self.names if name.startswith("d")}

    # ---- the file

    def _write(self) -> None:
        random, lines = self.random, list[str]()
        self.is_calm = random.random() < 0.3
        count = random.randint(2, 4)
        for number in reversed(range(count)):  # a fallback leads to those that are there already
            lines.append(self._deployment(number))
            self.names.append(f"d{number}")
        for number in range(random.randint(1, 3)):
            lines.append(f"route r{number} = {self._route()}")
            self.names.append(f"r{number}")
        lines.append('extern same(x: text) -> text = python("builtins:str") with { timeout = 5s }')
        for number in range(random.randint(1, 2)):
            lines.append(self._pipeline(number))
            self.names.append(f"p{number}")
            self.pipelines.append(f"p{number}")
        if random.random() < 0.2:
            lines.append(f"gateway {{ timeout = {random.choice([5, 60, 600])}s }}")
        self.text = "\n".join(lines)

    def _deployment(self, number: int) -> str:
        random = self.random
        model, runtime = random.choice(_MODELS)
        replicas = 1 if self.is_calm else random.choice([1, 1, 2, 3])
        keys = ", ".join(f'env("K{key}")' for key in range(replicas))
        inner = [f"api_key = [{keys}]"]
        once = random.random() < 0.2
        if not once:
            retries, longest = random.choice([0] if self.is_calm else [0, 0, 1, 3]), random.randint(1, 20)
            inner.append(f"retry {{ max_retries = {retries}, max_backoff = {longest}s }}")
        inner.append(f"timeouts {{ request = {random.randint(2, 9)}s, total = {random.randint(10, 40)}s }}")
        if random.random() < 0.3:
            inner.append(f"rate_limits {{ requests_per_minute = {random.choice([1, 5, 60])} }}")
        if random.random() < 0.3:
            inner.append("circuit_breaker { failure_threshold = 2, open_duration = 20s }")
        fields = [
            f'model = "{model}"',
            f"replicas = {replicas}",
            f"runtime {runtime} {{ {', '.join(inner)} }}",
        ]
        if once:
            fields.append("idempotent = false")
        if random.random() < 0.4:
            fields.append(f"request {{ force {{ max_tokens = {random.choice([10, 500])} }} }}")
        full = [f"max_concurrent = {random.choice([1, 2, 32])}"]
        full.append(self._when_full())
        fields.append(f"serving {{ {', '.join(full)} }}")
        return f"deployment d{number} {{\n  " + "\n  ".join(fields) + "\n}"

    def _when_full(self) -> str:
        what = self.random.choice(["queue", "reject", "fallback"])
        if what == "queue":
            return f"on_capacity_exhausted = queue, queue_timeout = {self.random.randint(1, 30)}s"
        if what == "fallback" and self.names:
            return f"on_capacity_exhausted = fallback({self.random.choice(self.names)})"
        return "on_capacity_exhausted = reject"

    def _route(self, depth: int = 0) -> str:
        random = self.random
        known = [name for name in self.names if name not in self.pipelines]
        members = random.sample(known, min(len(known), random.randint(1, 3)))
        if depth == 0 and random.random() < 0.3:
            members[0] = self._route(1)
        listed = ", ".join(members)
        kind = random.choice(["fallback", "balance", "hedge", "cascade", "split"])
        match kind:
            case "balance":
                return f"balance [{listed}] by {random.choice(['round_robin', 'least_busy', 'least_cost'])}"
            case "hedge" if len(members) > 1:
                return f"hedge [{listed}] after {random.choice([100, 1000, 9000])}ms"
            case "cascade" if len(members) > 1:
                return f"cascade [{listed}] accept it.tokens >= {random.choice([1, 5, 10_000])}"
            case "split" if len(members) == 2 and members[0] in known:
                return f'split {{ {members[0]}: 90%, {members[1]}: 10% }} by header("x-user")'
        return f"fallback [{listed}]"

    def _pipeline(self, number: int) -> str:
        steps = []
        values = ["message"]
        for step in range(self.random.randint(1, 3)):
            steps.append(f"  s{step} = {self._value(values)}")
            values.append(f"s{step}")
        steps.append(f'  _all = join([{", ".join(values)}], " ")')  # each step is used
        steps.append(f"  return {self._value(values)}")
        told = "## Finds what there is to find.\n"
        return f"{told}pipeline p{number}(message: text) -> text {{\n" + "\n".join(steps) + "\n}"

    def _value(self, values: list[str], depth: int = 0) -> str:
        random = self.random
        kinds = ["call"] if depth >= _LEAF_ONLY else ["call", "call", "map", "match", "if", "else", "extern"]
        match random.choice(kinds):
            case "map":
                texts = ", ".join(["message", '"a"', '"b"', '"c"'][: random.randint(1, 4)])
                each = self._value([f"x{depth}"], depth + 1)
                limit = f" with {{ limit = {random.randint(1, 3)} }}" if random.random() < 0.7 else ""
                return f'join([{each} for x{depth} in [{texts}]]{limit}, " ")'
            case "match":
                arms = [
                    f'"yes" => {self._value(values, depth + 1)}',
                    f"_ => {self._value(values, depth + 1)}",
                ]
                return f"match {random.choice(values)} {{ {', '.join(arms)} }}"
            case "if":
                first, other = self._value(values, depth + 1), self._value(values, depth + 1)
                return f'if {random.choice(values)} == "yes" {{ {first} }} else {{ {other} }}'
            case "else":
                return f"{self._call(values)} else {self._call(values)}"
            case "extern":
                return f"same({random.choice(values)}){self._options()}"
        return self._call(values)

    def _call(self, values: list[str]) -> str:
        random, target = self.random, self.random.choice(self.names)
        given = random.choice(values)
        if target in self.pipelines:
            return f"{target}({given}){self._options()}"
        tools = random.sample(["same", *self.pipelines], random.randint(1, 1 + len(self.pipelines)))
        if random.random() < 0.3:
            words = f"tools = [{', '.join(tools)}], max_rounds = {random.randint(1, 3)}"
            return f'{target}(prompt "{" ".join(tools)} {{{{ {given} }}}}") with {{ {words} }}'
        return f"{target}({given}){self._options()}"

    def _options(self) -> str:
        random, options = self.random, list[str]()
        if random.random() < 0.3:
            options.append(f"retries = {random.randint(1, 2)}")
        if random.random() < 0.3:
            options.append(f"timeout = {random.choice([3, 30, 300])}s")
        return f" with {{ {', '.join(options)} }}" if options else ""

    # ---- the world

    def _provider(self, name: str) -> ProviderPlan:
        random = self.random
        failures = () if self.is_calm or random.random() < 0.2 else self._failures()
        median = 0.1 if self.is_calm else random.choice([0.1, 1.0, 8.0, 30.0])
        return ProviderPlan(
            name,
            Spread(median, median * random.choice([1, 5])),
            rate=random.choice([1.0, 20.0, 1000.0]),
            answer=random.choice([None, 5, 200]),
            requests_per_minute=None if self.is_calm else random.choice([None, None, 2]),
            failures=failures,
        )

    def _failures(self) -> tuple[FailurePlan, ...]:
        random = self.random
        return tuple(
            FailurePlan(
                random.choice(_FAULTS),
                random.choice(_STATUSES),
                share=random.choice([0.2, 0.7, 0.9, 1.0]),
                retry_after=random.choice([None, None, 0.0, 5.0, 50.0, 5000.0]),
                after=random.randint(0, 3),
            )
            for _ in range(random.randint(1, 3))
        )
