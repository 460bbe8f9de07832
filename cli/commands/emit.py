"""`inferc emit`: files for the platforms that a file is to run on."""

from __future__ import annotations

import difflib
import json
import re
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...compiler.plan import Plan
from ...compiler.plan.reach import targets_of
from ..files import save_all
from ..output import fail, harmless, in_line, misuse
from ..plans import add_plan, plain_name, ready_plan

TARGETS = (
    "kubernetes",
    "helm",
    "kserve",
    "rayservice",
    "compose",
    "systemd",
    "prometheus",
    "grafana",
    "dockerfile",
)

EXAMPLES = """\
  inferc emit kubernetes prod.infer -o deploy/ --image registry.example.com/prod@sha256:…
  inferc emit kubernetes prod.infer -o deploy/ --diff     # what would change; status 1 if anything
  inferc emit compose prod.infer -o out/
  inferc emit systemd prod.infer -o /etc/systemd/system
"""

_SCALERS = ("hpa", "keda", "none")
_LISTED = "kustomization.yaml"
_RESOURCES = re.compile(r"^resources: (\[.*\])$", re.M)
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", choices=TARGETS, help=", ".join(TARGETS))
    add_plan(parser)
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="the folder to write into")
    parser.add_argument(
        "--diff", action="store_true", help="write nothing, and show what would change in the folder"
    )
    parser.add_argument(
        "--image", help="the image of the containers, best with its digest (default: NAME:latest)"
    )
    parser.add_argument(
        "--namespace", default="default", help="of Kubernetes: where it goes (default: %(default)s)"
    )
    parser.add_argument(
        "--gateways",
        type=int,
        metavar="N",
        default=2,
        help="how many gateways there are at least (default: %(default)s)",
    )
    parser.add_argument(
        "--scaler",
        choices=_SCALERS,
        default="hpa",
        help="what adds gateways, and replicas of a range, under load (default: %(default)s)",
    )


def run(arguments: Namespace) -> int:
    if not _NAMESPACE.fullmatch(arguments.namespace):
        return misuse(f"--namespace {arguments.namespace}: lower-case letters, digits and `-`")
    if arguments.gateways < 1:
        return misuse(f"--gateways {arguments.gateways}: at least 1")
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...compiler.emit import EmitError, Options, emit

    options = Options(
        image=arguments.image,
        namespace=arguments.namespace,
        gateways=arguments.gateways,
        scaler=arguments.scaler,
        directory=str(ready.base.absolute()),
        source=Path(arguments.file).name,
        code=_code(ready.plan, ready.base),
        program=shutil.which("inferc") or sys.argv[0],
    )
    try:
        files = emit(arguments.target, plain_name(arguments.file), ready.plan, options)
    except EmitError as error:
        return max(fail(problem) for problem in error.problems)
    folder = Path(arguments.output)
    return _compare(folder, files) if arguments.diff else _write(folder, files)


def _write(folder: Path, files: dict[str, str]) -> int:
    left = _left_over(folder, files)
    status = save_all({folder / name: text for name, text in files.items()}, with_folders=True)
    for path in left if status == 0 else ():
        print(in_line(f"not needed any more: {path}"), file=sys.stderr)
    return status


def _left_over(folder: Path, files: dict[str, str]) -> list[Path]:
    """What the list of manifests in `folder` names, and that of `files` does not."""
    try:
        before = _RESOURCES.search((folder / _LISTED).read_text("utf-8"))
        names = json.loads(before[1]) if before and _LISTED in files else []
    except (OSError, ValueError):
        return []
    return [folder / str(each) for each in names if each not in files and (folder / str(each)).is_file()]


def _code(plan: Plan, base: Path) -> tuple[str, ...]:
    """Files and folders of the modules that the plan names, as far as they lie in `base`."""
    found = set()
    for target in targets_of(plan):
        top = target.partition(":")[0].partition(".")[0]
        found |= {each for each in (f"{top}.py", top) if (base / each).exists()}
    return tuple(sorted(found))


def _compare(folder: Path, files: dict[str, str]) -> int:
    """Print what writing would change; 1 where that is anything."""
    changed = 0
    for path in _left_over(folder, files):
        changed = 1
        print(in_line(f"not needed any more: {path}"))
    for name, text in files.items():
        path = folder / name
        try:
            before = path.read_text("utf-8") if path.is_file() else ""
        except (OSError, UnicodeDecodeError) as error:
            return fail(f"cannot read {path}: {error}")
        if before == text:
            continue
        changed = 1
        old = str(path) if path.exists() else "/dev/null"
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), text.splitlines(keepends=True), old, str(path)
        )
        sys.stdout.writelines(harmless(line.rstrip("\n")) + "\n" for line in lines)
    return changed
