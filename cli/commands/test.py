"""`inferc test`: play the tests of files."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...compiler.compile import Checked, check_file, compile_checked
from ..files import save
from ..logs import no_logs
from ..output import add_format, fail, in_line, show
from ..progress import progress
from ..sources import Input, add_settings, inputs

if TYPE_CHECKING:
    from ...compiler.plan import Plan
    from ...compiler.scenarios.check import DeclaredTest
    from ...dsl.diagnostics import Diagnostic
    from ...runtime.simulation.coverage import Way
    from ...runtime.simulation.real_models import RealModels
    from ...runtime.simulation.tests import Outcome

EXAMPLES = """\
  inferc test                              # all tests of this folder
  inferc test shop.infer --only refund     # those whose title has this text
  inferc test --seed 7 --junit report.xml
  inferc test --coverage
"""


_FIRST = 'write one into them, such as `test "it answers" { ask NAME "hello", expect ok }`'


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", default=["."], help="files or folders (default: this folder)"
    )
    parser.add_argument("--only", metavar="TEXT", help="play only tests whose title has this text")
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="where all chance comes from (default: 0)"
    )
    parser.add_argument("--junit", metavar="FILE", help="write JUnit's XML, too")
    parser.add_argument("--coverage", action="store_true", help="say which ways no test has gone")
    parser.add_argument(
        "--record", action="store_true", help="keep the answers beside the file: later ones must be the same"
    )
    add_settings(parser)
    add_format(parser)


def run(arguments: Namespace) -> int:
    chosen = inputs(arguments.files)
    if not chosen:
        return fail(f"no .infer file in {', '.join(arguments.files)}")
    from ...runtime.concurrency.garbage_collection import collect_rarely

    collect_rarely()
    from ...runtime.simulation.real_models import RealModels

    try:
        with no_logs(), RealModels() as models:  # what is logged is in the stories
            session = _Session(arguments, models)
            for each in chosen:
                session.file(each)
    except OSError as error:
        if error.filename is None:
            raise
        return fail(f"cannot write {error.filename}: {error.strerror}")
    return session.end()


class _Session:
    """All files of one call."""

    def __init__(self, arguments: Namespace, models: RealModels) -> None:
        self._arguments = arguments
        self._models = models
        self._is_terminal = arguments.format == "terminal"
        self._found: list[Diagnostic] = []
        self._files: list[tuple[str, list[tuple[Outcome, float, list[Diagnostic]]]]] = []
        self._missed: dict[str, list[Way]] = {}
        self._ways = 0

    def file(self, given: Input) -> None:
        """Play the tests of one file."""
        from ...dsl.syntax import TestDeclaration

        settings = dict(self._arguments.settings)
        checked = check_file(given.name, given.path, text=given.text, settings=settings)
        errors = [each for each in checked.diagnostics if each.is_error]
        modules = checked.modules[:1]
        has_tests = any(isinstance(node, TestDeclaration) for each in modules for node in each.declarations)
        if errors and (has_tests or given.name in self._arguments.files):
            self._found += errors
            return
        if not errors and has_tests:
            self._play(given, checked)

    def _play(self, given: Input, checked: Checked) -> None:
        program = checked.program
        assert program is not None
        tests = [
            test
            for test in program.tests
            if test.scope is program.root and (self._arguments.only or "") in test.scenario.title
        ]
        if not tests:
            return
        base = given.path.parent if given.path is not None else Path()
        plan = compile_checked(checked, base)
        played = [self._test(test, plan, base) for test in tests]
        self._files.append((given.name, played))
        self._answers(given, [outcome for outcome, _, _ in played])
        if self._arguments.coverage:
            from ...runtime.simulation.coverage import ways

            reached = set().union(*(outcome.reached for outcome, _, _ in played))
            all_ways = ways(plan)
            self._ways += len(all_ways)
            self._missed[given.name] = [way for way in all_ways if way not in reached]

    def _test(self, test: DeclaredTest, plan: Plan, base: Path) -> tuple[Outcome, float, list[Diagnostic]]:
        from ...runtime.simulation.tests import play
        from ..testing.failures import diagnostics_of

        began = time.perf_counter()
        with progress(f"playing {test.scenario.title}", quiet=not self._is_terminal):
            outcome = play(plan, base, test.scenario, self._arguments.seed, self._models)
        took = time.perf_counter() - began
        found = list(diagnostics_of(test, outcome))
        self._found += found
        if self._is_terminal:
            mark = "ok  " if outcome.passed else "FAIL"
            of = f"1 of {outcome.scale:.3g} requests, " if outcome.scale > 1 else ""
            times = f"{of}{outcome.requests:,} played, {_clock(outcome.seconds)} in {took:.2f} s"
            print(in_line(f"{mark}  {outcome.title}  ({times})"), flush=True)
        return outcome, took, found

    def _answers(self, given: Input, outcomes: list[Outcome]) -> None:
        from ..testing.answers import compare, record

        if given.path is None:
            return
        if self._arguments.record:
            record(given.path, outcomes)
        else:
            self._found += compare(given.path, outcomes)

    def end(self) -> int:
        """Say what there is to say, and give the exit status."""
        arguments = self._arguments
        outcomes = [outcome for _, played in self._files for outcome, _, _ in played]
        if not outcomes and not self._found:
            named = f" has `{arguments.only}` in its title" if arguments.only else f"; {_FIRST}"
            return fail(f"no test in these files{named}")
        if arguments.junit is not None:
            from ..testing.junit import junit

            report = junit(self._files, arguments.seed)
            if status := save(Path(arguments.junit), report):
                return status
        if arguments.format == "json":
            json.dump(self._as_json(), sys.stdout, indent=2)
            print()
            return 1 if self._found else 0
        if self._is_terminal and self._found and outcomes:
            print(file=sys.stderr)
        status = show(self._found, arguments)
        if self._is_terminal and outcomes:
            self._summary(outcomes)
        return status

    def _summary(self, outcomes: list[Outcome]) -> None:
        failed = sum(not outcome.passed for outcome in outcomes)
        for name, missed in self._missed.items():
            if missed:
                print(f"\n{name}: no test has gone here:")
                for way in missed:
                    print(in_line(f"  {way.owner}: {way.what}"))
        if self._arguments.coverage and self._ways:
            gone = self._ways - sum(map(len, self._missed.values()))
            print(f"\n{gone} of {self._ways} ways were gone ({gone / self._ways:.0%})")
        played = f"{len(outcomes)} {'test' if len(outcomes) == 1 else 'tests'}"
        result = f"{failed} failed" if failed else "all passed"
        others = sum(each.is_error and each.code == "E0711" for each in self._found)
        if others:
            result += f", {others} answered otherwise than recorded"
        print(f"{played}, {result}; seed {self._arguments.seed}")

    def _as_json(self) -> dict[str, Any]:
        from ...dsl.render import OutputFormat, render

        return {
            "seed": self._arguments.seed,
            "tests": [
                {
                    "file": name,
                    "title": outcome.title,
                    "passed": outcome.passed,
                    "requests": outcome.requests,
                    "sampled": outcome.scale,
                    "seconds": round(outcome.seconds, 6),
                    "took": round(took, 3),
                    "calls": outcome.calls,
                    "answers": outcome.answers,
                }
                for name, played in self._files
                for outcome, took, _ in played
            ],
            "diagnostics": json.loads(render(self._found, OutputFormat.JSON))["diagnostics"],
            **(
                {
                    "missed": {
                        n: [{"owner": w.owner, "what": w.what} for w in m] for n, m in self._missed.items()
                    }
                }
                if self._arguments.coverage
                else {}
            ),
        }


def _clock(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min"


def _seed(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"`{text}` is no whole number") from None
