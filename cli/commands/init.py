"""`inferc init`: a first file that passes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..files import save
from ..output import fail

EXAMPLES = """\
  inferc init                 # writes hello.infer
  inferc init prod.infer
"""

FIRST_FILE = """\
## A chat model at a provider. `inferc check` says whether this file is right.
deployment chat {
  model = "gpt-4o-mini"
  runtime openai {
    api_key = env("OPENAI_API_KEY")

    # To try it without a key: `inferc mock-provider --port 9090`, and
    # endpoint = "http://127.0.0.1:9090/v1"

    retry { max_retries = 3, max_backoff = 20s }
    timeouts { request = 30s, read = 10s }
  }
}

gateway { bind = "127.0.0.1:8080" }
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="*", default=["hello.infer"], help="default: hello.infer"
    )


def run(arguments: Namespace) -> int:
    return max(_init(Path(name)) for name in arguments.files)


def _init(path: Path) -> int:
    if path.exists():
        return fail(f"{path} is already there, and is left as it is: name another file")
    return save(path, FIRST_FILE, f"wrote {path}; next: inferc check {path}")
