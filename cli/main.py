"""`inferc`: finds the command, imports it alone, and turns its outcome into an exit status.

0: fine. 1: diagnostics, or a plan that cannot run. 2: the command line is wrong.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import errno
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper, UnsupportedOperation
from keyword import iskeyword
from types import ModuleType
from typing import NoReturn

COMMANDS: dict[str, str] = {
    "check": "check files and say what is wrong with them",
    "compile": "check files and write their plans",
    "run": "serve a file or a plan behind one OpenAI-compatible endpoint",
    "reload": "let a running server take over its changed file",
    "key": "make, list, revoke and exchange keys for people",
    "cost": "show what a running server has spent, by key, model or user",
    "why": "tell the story of one request to a running server",
    "breaker": "open or close the circuit of a deployment",
    "hold": "send nothing to the account of a deployment for a while",
    "drain": "let no more requests come to a deployment",
    "scale": "let a deployment have more replicas, or fewer, than the file says",
    "log": "let a running server say more, or less",
    "status": "show how a running server and its models are",
    "bounds": "say the most that one request can take: calls, tokens, cost, time",
    "reach": "say which features arrive at every deployment that may answer, and what is lost where",
    "guards": "say which guards see what is asked and answered, and that no way leads past them",
    "flows": "say which kinds of data go where, by which way, and whether they may",
    "diff": "say what a change of a file means for requests",
    "call": "answer one request and stop",
    "test": "play the tests of files: the real policies, played providers, hours in milliseconds",
    "simulate": "play a long load: latencies, failures, cost, and which limit is reached first",
    "fmt": "bring files into the one style",
    "explain": "explain a diagnostic code",
    "graph": "draw deployments, routes and pipelines",
    "lsp": "answer editors: the language server",
    "inspect": "look into ONNX models, and print deployments to start from",
    "import": "bring a file of another system over, such as LiteLLM's config.yaml",
    "export": "write a file as those of LiteLLM, atomr or Triton",
    "emit": "write files for Kubernetes, KServe, Helm, Compose, systemd, Prometheus and Grafana",
    "client": "write a typed client for what a file serves, in Python or TypeScript",
    "doctor": "say what this machine can do, and what a file lacks here",
    "init": "write a first file that passes",
    "schema": "print the JSON Schema of plans",
    "mock-provider": "serve a provider to try files against, without a key",
    "completion": "print a completion script for bash, zsh or fish",
}

_OF_UNIX = {"run", "call", "mock-provider", "doctor", "key", "status", "cost", "why", "log"}
_OF_UNIX |= {"reload", "breaker", "hold", "drain", "scale"}
"""Those that serve, or ask what serves, for which Windows lacks locks, signals and sockets."""

ALIASES = {"serve": "run", "validate": "check"}
"""What other tools call them; understood, and not listed."""

_MEANT = {
    "start": "run",
    "up": "run",
    "dev": "run",
    "lint": "check",
    "verify": "check",
    "format": "fmt",
    "build": "compile",
    "plan": "compile",
    "new": "init",
    "create": "init",
    "deploy": "emit",
    "draw": "graph",
    "convert": "import",
    "migrate": "import",
    "ask": "call",
    "mock": "mock-provider",
    "health": "status",
    "version": "--version",
    "help": "--help",
}
"""Words that are no near misses of the command that does it."""

# argparse would look for translations of its words, for which `gettext` imports `locale`
vars(argparse)["_"] = lambda text: text

_EXAMPLES = """\
  inferc init hello.infer
  inferc check hello.infer
  inferc run hello.infer
  inferc explain E0302
"""


def entry() -> NoReturn:
    """End the process with the status of `main`, without taking its objects apart one by one.

    What is registered to be done at exit is done, threads are waited for, and what is written arrives.
    Commands that serve end as Python does: native code may have something to clean up.
    """
    done: list[int] = []
    # What is registered first is called last. Who measures or runs this inside another program has registered
    # something before, or is the main program itself.
    if not atexit._ncallbacks() and sys._getframe(1).f_globals is vars(sys.modules["__main__"]):
        atexit.register(_leave, done)
    done.append(main())
    sys.exit(done[0])


def _leave(done: list[int]) -> None:
    if done and not gc.isenabled():
        with contextlib.suppress(OSError, ValueError):  # Python tries again, and says so
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(done[0])


def main(argv: list[str] | None = None) -> int:
    """Run the command line; never raises for what a user did."""
    arguments = sys.argv[1:] if argv is None else argv
    _open_streams()
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if _is_nowhere():
            print("error: the folder that this runs in is not there any more: `cd` into one", file=sys.stderr)
            return 1
        if not _is_about_output(error):
            raise
        with contextlib.suppress(OSError):  # the rest would fail again when the program ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            with contextlib.suppress(OSError):
                print(f"error: the output cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    finally:
        _flush_errors()


def _flush_errors() -> None:
    """What standard error does not take is lost, and is no other status when the program ends."""
    try:
        sys.stderr.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


_ERRORS = 2
"""The number of standard error, the last of the streams."""
_OUTPUT_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def _is_about_output(error: OSError) -> bool:
    """Whether standard output or error could not be written; errors about files name the file."""
    return isinstance(error, UnsupportedOperation) or (
        error.filename is None and error.errno in _OUTPUT_ERRORS
    )


def _is_nowhere() -> bool:
    """Whether the current folder was removed."""
    try:
        return not os.getcwd()
    except FileNotFoundError:
        return True


def _open_streams() -> None:
    """Writing to a standard output that is closed fails; what goes to a closed standard error is lost.

    No file or connection takes the number of a stream that is closed: what native code and children write
    would go there, and libuv ends the process when such a one is closed.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        while (free := os.open(os.devnull, os.O_RDWR)) <= _ERRORS:
            os.set_inheritable(free, True)  # children would take its number again
        os.close(free)
    sys.stdout = sys.stdout or open(os.devnull)  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
        if not sys.stdout.isatty():  # files and programs get the same bytes everywhere, as what is written is
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")


def whole_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, with every command's arguments."""
    parser = _top_parser()
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        _module(name).configure(commands.add_parser(name, help=summary))
    return parser


def _dispatch(arguments: list[str]) -> int:
    name = ALIASES.get(arguments[0], arguments[0]) if arguments else None
    if name not in COMMANDS:
        return _without_command(arguments)
    asks_help = not {"-h", "--help"}.isdisjoint(arguments)
    if sys.platform == "win32" and name in _OF_UNIX and not asks_help:
        print(f"error: `inferc {name}` does not run on Windows itself: run it in WSL", file=sys.stderr)
        return 1
    gc.disable()  # most end before collecting garbage would pay; those that serve collect it from then on
    atexit.register(gc.freeze)  # nor is anything looked for at the end
    module = _module(name)
    summary = COMMANDS[name]
    parser = _Parser(
        prog=f"inferc {name}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{module.EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    parser.given = arguments
    # argparse shows no help while it mixes, and takes names behind `--` for options
    if asks_help or "--" in arguments:
        given = parser.parse_args(arguments[1:])
    else:
        parser.usage = ""  # argparse would write it out before each mixing, for errors that do not show it
        given = parser.parse_intermixed_args(arguments[1:])
    from .output import answers_programs, for_programs

    with for_programs(answers_programs(given)):
        status: int = module.run(given)
    return status


class _Parser(argparse.ArgumentParser):
    """What is wrong with a command line that asks for JSON is said in JSON, too."""

    given: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        if "--json" not in self.given:
            self._say(message)
        from .output import for_programs, misuse

        with for_programs(True):
            misuse(message)
        sys.exit(2)

    def _say(self, message: str) -> NoReturn:
        """What is wrong, what may have been meant, and where all options stand; not all of them."""
        from ..dsl.suggest import did_you_mean
        from .output import misuse

        given = message.removeprefix("unrecognized arguments: ").split()
        wrong = given[0].partition("=")[0] if given and message.startswith("unrecognized") else ""
        options = [name for action in self._actions for name in action.option_strings if name[:2] == "--"]
        hint = did_you_mean(wrong, options) if wrong.startswith("-") else ""
        misuse(f"{message}: {hint}" if hint else message)
        print(f"`{self.prog} --help` says what it takes", file=sys.stderr)
        sys.exit(2)


def _without_command(arguments: list[str]) -> int:
    """`inferc`, `inferc --help`, `inferc --version`, and commands that do not exist."""
    if arguments and not arguments[0].startswith("-"):
        from ..dsl.suggest import did_you_mean
        from .output import in_line

        word = in_line(arguments[0])
        if arguments[0].endswith((".infer", ".plan.json")):
            command = next((each for each in arguments[1:] if each in COMMANDS), "run")
            typed = f"`inferc {command} {word}`"
            print(f"inferc: {word} is a file, and the command comes first: {typed}", file=sys.stderr)
            return 2
        meant = _MEANT.get(arguments[0])
        hint = f"`inferc {meant}` does that" if meant else did_you_mean(arguments[0], [*COMMANDS, *ALIASES])
        print(f"inferc: there is no command `{word}`" + (f": {hint}" if hint else ""), file=sys.stderr)
        print("`inferc --help` lists the commands", file=sys.stderr)
        return 2
    parser = _top_parser()
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary)
    if parser.parse_args(arguments).version:
        from ..dsl.version import __version__

        print(f"inferc {__version__}")
        return 0
    from .output import wants_color

    vars(parser)["color"] = wants_color(sys.stderr)  # newer versions of Python look at the standard output
    parser.print_help(sys.stderr)
    return 2


def _top_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="inferc",
        description="A declarative language and compiler for model serving.",
        epilog=f"examples:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    return parser


def _module(command: str) -> ModuleType:
    name = command.replace("-", "_")
    return import_module(f".commands.{name}_" if iskeyword(name) else f".commands.{name}", __package__)


if __name__ == "__main__":
    entry()
