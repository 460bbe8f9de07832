"""`inferc completion`: print a script that completes commands, options, files, names and codes in a shell."""

from __future__ import annotations

import argparse
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

from ..candidates import KINDS, candidates

EXAMPLES = """\
  inferc completion bash > ~/.local/share/bash-completion/completions/inferc
  inferc completion zsh > "${fpath[1]}/_inferc"
  inferc completion fish > ~/.config/fish/completions/inferc.fish
"""

_FILES = {"FILE", "FILE.onnx", "OUT", "MODEL"}
_FOLDERS = {"DIR"}
_NAMES = {"CODE": "codes", "DEPLOYMENT": "deployments", "NAME": "models"}
"""What an argument takes, by the word that stands for it in the help."""
_TESTS = "--only"
_LONGEST = 1 << 16
"""Characters of a command line."""

_ASKED = {
    "bash": """\
_inferc_{kind}() {{
  local IFS=$'\\n' each
  for each in $(printf '%s\\n' "${{COMP_WORDS[@]}}" |
      inferc completion --candidates {kind} --begun "$1" 2>/dev/null); do
    printf '%q\\n' "${{each%%$'\\t'*}}"
  done
}}
""",
    "zsh": """\
_inferc_{kind}() {{
  local -a found
  found=("${{(@f)$(print -rl -- "${{(@Q)words}}" | inferc completion --candidates {kind} 2>/dev/null)}}")
  found=("${{(@)found//:/\\\\:}}")
  found=("${{(@)found/$'\\t'/:}}")
  [[ -n $found ]] && _describe '{kind}' found
}}
""",
    "fish": """\
function _inferc_{kind}
  string join \\n -- (commandline -opc) | inferc completion --candidates {kind} 2>/dev/null
end
""",
}
"""Each asks this command: what is completed is in files, or known to a server."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=tuple(_ASKED), nargs="?", help="the shell to complete in")
    parser.add_argument("--candidates", choices=tuple(KINDS), help=argparse.SUPPRESS)
    parser.add_argument("--begun", default="", help=argparse.SUPPRESS)


def run(arguments: Namespace) -> int:
    if arguments.candidates is not None:
        return _print_candidates(arguments.candidates, arguments.begun)
    if arguments.shell is None:
        print("inferc completion: say which shell: bash, zsh or fish", file=sys.stderr)
        return 2
    import shtab

    from ..main import whole_parser

    parser = whole_parser()
    for action in _arguments(parser):
        kind = "tests" if _TESTS in action.option_strings else _NAMES.get(str(action.metavar))
        if kind is not None:
            name = f"_inferc_{kind}"
            action.complete = {"bash": name, "zsh": name, "fish": f"({name})"}
        elif action.metavar in _FILES:
            action.complete = shtab.FILE
        elif action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY
    asked = "\n".join(_ASKED[arguments.shell].format(kind=kind) for kind in KINDS)
    print(shtab.complete(parser, arguments.shell, preamble=asked))
    return 0


def _arguments(parser: ArgumentParser) -> Iterator[Any]:
    """All arguments of all commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _arguments(command)
        else:
            yield action


def _print_candidates(kind: str, begun: str) -> int:
    """Those that go on from what was `begun`, as it was typed. Standard input has the words of the line."""
    begun = re.sub(r"\\(.)", r"\1", begun).lstrip("\"'")
    for name, what in candidates(kind, sys.stdin.read(_LONGEST).splitlines()).items():
        if name.startswith(begun):
            print(f"{name}\t{what}")
    return 0
