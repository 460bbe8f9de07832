"""`inferc schema`: the JSON Schema of plans, made from the classes that plans are."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from ...compiler.plan.schema import plan_schema

EXAMPLES = """\
  inferc schema > inferc.plan.schema.json
"""


def configure(parser: ArgumentParser) -> None:
    """Nothing to configure."""


def run(arguments: Namespace) -> int:
    print(json.dumps(plan_schema(), indent=2))
    return 0
