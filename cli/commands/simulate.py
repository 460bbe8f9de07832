"""`inferc simulate`: play a long load against a file."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from ...compiler.compile import Checked, check_file, compile_checked
from ...compiler.plan import RemotePoolPlan, TaskKind
from ...dsl.units import Duration, parse_number, parse_quantity
from ..files import save
from ..logs import no_logs
from ..other_files import why_other
from ..output import add_format, fail, in_line, misuse, show
from ..progress import progress
from ..sources import add_settings
from ..tables import table

if TYPE_CHECKING:
    from ...compiler.plan import Plan
    from ...compiler.plan.scenarios import LoadPlan, ProviderPlan
    from ...runtime.simulation.loads import Arrival
    from ...runtime.simulation.predictions import Predicted
    from ...runtime.simulation.replays import Real
    from ...runtime.simulation.runs import Run

EXAMPLES = """\
  inferc simulate shop.infer                                  # the first load of its tests
  inferc simulate shop.infer --day --load assistant=200/s     # a working day with this peak
  inferc simulate shop.infer --sweep retry.max_retries=0..5
  inferc simulate shop.infer --replay access.jsonl --svg day.svg
"""

_DAY = 86_400.0
MOST_SEARCHES = 10_000
"""For one answer."""


class _Unfit(Exception):
    """A command line that says nothing that can be played."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an .infer file")
    parser.add_argument("--test", metavar="TEXT", help="play the load and the world of this test")
    parser.add_argument(
        "--load", action="append", default=[], metavar="NAME=RATE", help="such as assistant=20/s; repeatable"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--for", dest="length", metavar="TIME", help="how long, such as 8h (default: 1h)")
    length.add_argument("--day", action="store_true", help="24 hours; the rate is the peak of a working day")
    parser.add_argument("--prompt", type=int, metavar="TOKENS", help="of each prompt")
    parser.add_argument("--answer", type=int, metavar="TOKENS", help="of each answer")
    parser.add_argument(
        "--searches", type=int, metavar="N", help="searches of the web for each answer of a chat (default: 0)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="where all chance comes from")
    parser.add_argument(
        "--requests",
        type=int,
        metavar="N",
        help="of more requests, a sample of so many is played (default: 200,000; where limits are small, "
        "up to 300,000)",
    )
    parser.add_argument(
        "--sweep",
        metavar="SETTING=VALUES",
        help="compare, such as retry.max_retries=0..5, timeouts.request=5s,30s",
    )
    parser.add_argument("--replay", metavar="FILE", help="play the requests of an access log in JSON")
    parser.add_argument("--svg", metavar="FILE", help="draw it, too")
    add_settings(parser)
    add_format(parser)


def run(arguments: Namespace) -> int:
    if arguments.requests is not None and arguments.requests < 100:
        return misuse("--requests is at least 100")
    if arguments.format not in ("terminal", "json"):
        return misuse("a simulation is shown as text, or with --format json")
    if (why := why_other(arguments.file)) is not None:
        return fail(why)
    path = Path(arguments.file)
    checked = check_file(arguments.file, path, settings=dict(arguments.settings))
    errors = [each for each in checked.diagnostics if each.is_error]
    if errors:
        return show(errors, arguments)
    from ...runtime.concurrency.garbage_collection import collect_rarely
    from ...runtime.concurrency.virtual_time import Deadlock
    from ...runtime.requests.errors import StartError
    from ...runtime.simulation.replays import BadLog
    from ..simulating.sweeps import BadSweep

    collect_rarely()
    try:
        with no_logs():
            return _Command(arguments, checked, path).go()
    except (_Unfit, BadSweep) as error:
        return misuse(str(error))
    except BadLog as error:
        return fail(f"{arguments.replay}: {error}")
    except StartError as error:
        return max(fail(problem) for problem in error.problems)
    except Deadlock:
        return fail("a request waits for something that never comes")
    except OSError as error:
        if error.filename is None:
            raise
        return fail(f"{error.filename}: {error.strerror}")


class _Command:
    def __init__(self, arguments: Namespace, checked: Checked, path: Path) -> None:
        self._arguments = arguments
        self._checked = checked
        self._base = path.parent
        self._plan = compile_checked(checked, path.parent)
        self._world: dict[str, ProviderPlan] = {}
        self._real: Real | None = None
        self._searches = 0

    def go(self) -> int:
        """Play it, show it, and give the exit status."""
        load = self._load()
        if self._arguments.sweep is not None:
            return self._sweep(load)
        began = time.perf_counter()
        played = self._play(self._plan, load)
        others: list[Run] = []
        if self._real is not None:
            from ...runtime.simulation.predictions import runs_for

            seeds = range(1, runs_for(len(self._real.arrivals)))
            others = [self._play(self._plan, load, seed=self._arguments.seed + each) for each in seeds]
        took = time.perf_counter() - began
        status = 0
        if self._arguments.svg is not None:
            from ..simulating.svg import svg

            drawn = svg(played, f"{self._arguments.file}, simulated")
            status = save(Path(self._arguments.svg), drawn)
        self._show(played, others, took)
        return status

    def _play(
        self, plan: Plan, load: LoadPlan | Sequence[Arrival], detail: str = "", seed: int | None = None
    ) -> Run:
        from ...runtime.simulation.runs import Played, run

        arguments, played = self._arguments, Played()
        seed = arguments.seed if seed is None else seed
        with progress(
            "playing requests",
            lambda: (played.ended, played.expected, detail),
            quiet=arguments.format != "terminal",
        ):
            return run(plan, self._base, self._world, load, seed, arguments.requests, played)

    # ---- what is played

    def _load(self) -> LoadPlan | Sequence[Arrival]:
        """The load, and the world that goes with it. Raises _Unfit, BadLog and OSError."""
        found = self._of_tests()
        if self._arguments.replay is not None:
            return self._replayed()
        load = self._said(found)
        if load is None:
            raise _Unfit(
                f"{self._arguments.file} has no test with a load: write one, or say it with --load NAME=20/s"
            )
        changes = {"prompt": self._arguments.prompt, "answer": self._arguments.answer}
        if any(value is not None and not 1 <= value <= 10**6 for value in changes.values()):
            raise _Unfit("--prompt and --answer are from 1 to 1,000,000 tokens")
        changes["searches"] = self._arguments.searches
        if not 0 <= (changes["searches"] or 0) <= MOST_SEARCHES:
            raise _Unfit(f"--searches is from 0 to {MOST_SEARCHES:,}")
        load = evolve(load, **{name: value for name, value in changes.items() if value is not None})
        self._searches = load.searches
        return load

    def _of_tests(self) -> LoadPlan | None:
        """The load of a test, whose world becomes ours."""
        from ...compiler.plan.scenarios import LoadPlan

        program, wanted = self._checked.program, self._arguments.test
        assert program is not None
        for test in program.tests:
            if test.scope is not program.root or (wanted or "") not in test.scenario.title:
                continue
            load = next((step for step in test.scenario.steps if isinstance(step, LoadPlan)), None)
            if load is not None or wanted is not None:
                self._world = test.scenario.world
                return load
        if wanted is not None:
            raise _Unfit(f"no test of {self._arguments.file} has `{wanted}` in its title")
        return None

    def _said(self, found: LoadPlan | None) -> LoadPlan | None:
        """`found`, as the command line changes it."""
        from ...compiler.plan.scenarios import LoadPlan, Shape, TrafficPlan

        arguments = self._arguments
        length = _DAY if arguments.day else None
        if arguments.length is not None:
            try:
                length = float(parse_quantity(arguments.length, Duration))
            except ValueError as error:
                raise _Unfit(f"--for: {error}") from None
            if not 0 < length <= 400 * _DAY:
                raise _Unfit("--for is more than 0s, and no more than 400d")
        if arguments.load:
            traffic = tuple(TrafficPlan(*self._rate(text), length or 3600.0) for text in arguments.load)
            found = evolve(found, traffic=traffic) if found is not None else LoadPlan(traffic)
        elif found is not None and length is not None:
            found = evolve(
                found, traffic=tuple(evolve(each, seconds=length, start=0.0) for each in found.traffic)
            )
        return evolve(found, shape=Shape.DAY) if found is not None and arguments.day else found

    def _rate(self, text: str) -> tuple[str, float]:
        """`assistant=20/s`. Raises _Unfit."""
        name, _, rate = text.partition("=")
        number, _, unit = rate.replace(" per ", "/").partition("/")
        names = [each.deployment for each in self._plan.deployments]
        names += [each.route for each in self._plan.routes if not each.inner]
        names += [each.pipeline for each in self._plan.pipelines]
        if name not in names:
            from ...dsl.suggest import did_you_mean

            hint = did_you_mean(name, names) or f"it has {', '.join(names)}"
            raise _Unfit(f"--load: {self._arguments.file} serves nothing called `{name}`; {hint}")
        seconds = {"s": 1.0, "second": 1.0, "m": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}.get(unit)
        try:
            value = parse_number(number)
        except (ValueError, ArithmeticError):
            value = 0
        if seconds is None or type(value) not in (int, float) or not 0 < value <= 10**6:
            raise _Unfit(f"--load: `{rate}` is no rate: write it like 20/s or 600/m")
        return name, float(value) / seconds

    def _replayed(self) -> Sequence[Arrival]:
        from ...runtime.simulation.replays import LONGEST, observed, read_log

        names = [each.deployment for each in self._plan.deployments]
        names += [each.route for each in self._plan.routes] + [each.pipeline for each in self._plan.pipelines]
        keys = [each.name for each in self._plan.gateway.keys]
        with open(self._arguments.replay, encoding="utf-8", errors="replace") as log:
            lines = iter(lambda: log.readline(LONGEST + 1), "")  # also where no line ever ends
            self._real, kept = read_log(lines, names, keys)
        self._world = observed(kept, self._world, self._plan)
        return self._real.arrivals

    # ---- what comes of it

    def _sweep(self, load: LoadPlan | Sequence[Arrival]) -> int:
        from ...runtime.requests.trace import dollars
        from ..simulating.shown import as_json, nearest, seconds
        from ..simulating.sweeps import parse_sweep

        sweep = parse_sweep(self._arguments.sweep, self._plan)
        plans = [(value, sweep.applied(self._plan, value)) for value in sweep.values]
        runs = [(value, self._play(plan, load, f"{sweep.name} = {value}")) for value, plan in plans]
        if self._arguments.format == "json":
            made = [{sweep.name: str(value), **as_json(run, self._arguments.seed)} for value, run in runs]
            json.dump(made, sys.stdout, indent=2)
            print()
            return 0
        rows = []
        for value, each in runs:
            tally = each.tally
            busiest = nearest(each)
            rows.append(
                (
                    str(value),
                    f"{len(tally.times) / tally.count:.3%}" if tally.count else "-",
                    seconds(tally.percentile(0.5)),
                    seconds(tally.percentile(0.99)),
                    f"{sum(each.calls.values()):,}",
                    dollars(each.cost) if each.cost is not None else "?",
                    f"{busiest.kind} of {busiest.of} {busiest.peak:.0%}" if busiest is not None else "-",
                )
            )
        table((sweep.name, "ANSWERED", "P50", "P99", "CALLS", "COST", "BUSIEST"), rows)
        print(f"seed {self._arguments.seed}")
        return 0

    def _show(self, played: Run, others: Sequence[Run], took: float) -> None:
        from ..simulating.shown import HEADINGS, as_json, busiest, rows, summary

        if self._arguments.format == "json":
            made = as_json(played, self._arguments.seed)
            if unpriced := self._unpriced(played):
                made["unpriced_searches"] = unpriced
            if self._real is not None:
                found = self._compared([played, *others])
                made["real"] = {name: (real, said.value) for name, (real, said) in found.items()}
                made["spread"] = {name: (said.least, said.most) for name, (_, said) in found.items()}
            json.dump(made, sys.stdout, indent=2)
            print()
            return
        table(HEADINGS, list(rows(played)))
        print()
        for line in (*summary(played), *busiest(played)):
            print(in_line(line))
        if unpriced := self._unpriced(played):
            names = ", ".join(f"`{name}`" for name in unpriced)
            print(in_line(f"not in the cost: searches of {names}, as `price {{ per_search }}` is not known"))
        if self._real is not None:
            print()
            compared = self._compared([played, *others])
            rows_of = [
                (name, _number(real), _number(said.value), f"{_number(said.least)} to {_number(said.most)}")
                for name, (real, said) in compared.items()
            ]
            table(("", "REAL", "SIMULATED", f"OF {len(others) + 1} RUNS"), rows_of)
            if self._real.left_out:
                print(f"{self._real.left_out:,} lines of the log are no requests to models of this file")
        print(f"seed {self._arguments.seed}, played in {took:.1f} s")

    def _unpriced(self, played: Run) -> list[str]:
        """The deployments that have searched, and nobody knows for how much."""
        prices = {
            each.deployment: each.price.per_search if each.price is not None else None
            for each in self._plan.deployments
            if isinstance(each, RemotePoolPlan) and each.task is TaskKind.CHAT
        }
        asked = [name for name, price in prices.items() if price is None and played.calls.get(name)]
        return asked if self._searches else []

    def _compared(self, runs: Sequence[Run]) -> dict[str, tuple[float | None, Predicted]]:
        """What really was, and what was simulated."""
        from ...runtime.simulation.predictions import predicted

        real = self._real
        assert real is not None
        was = {"p50": real.percentile(0.5), "p99": real.percentile(0.99), "cost": real.cost}
        was |= {"failures": real.failures, "429": real.limited}
        return {name: (was[name], said) for name, said in predicted(runs).items()}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}"
