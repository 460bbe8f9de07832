"""`inferc completion`: print a script that completes commands, options and files in a shell."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

EXAMPLES = """\
  inferc completion bash > /etc/bash_completion.d/inferc
  inferc completion zsh > "${fpath[1]}/_inferc"
  inferc completion fish > ~/.config/fish/completions/inferc.fish
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], help="the shell to complete in")


def run(arguments: Namespace) -> int:
    import shtab

    from ..main import whole_parser

    print(shtab.complete(whole_parser(), arguments.shell))
    return 0
