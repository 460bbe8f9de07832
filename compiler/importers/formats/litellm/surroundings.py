"""What a file of LiteLLM says around its models, and what names variables of the environment."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field

from .....dsl.record import define
from ...draft import Block, Draft
from ...foreign import Node
from ...literals import Code, env
from ...secrets import left_out
from ...tables import text

PREFIX = "os.environ/"
"""How a text begins that names a variable."""


@define(eq=False)
class Surroundings:
    """What the file says around its models: credentials by name, variables that it sets itself, and settings
    of the library."""

    credentials: Mapping[str, Node] = field(factory=dict)
    variables: Mapping[str, Node] = field(factory=dict)
    library: Mapping[str, Node] = field(factory=dict)

    def expression(self, node: Node, draft: Draft) -> object:
        """A text, or `env(…)` where it names a variable, with the value that the file gives it."""
        if not isinstance(node.value, str) or not node.value.startswith(PREFIX):
            return text(node)
        variable = node.value.removeprefix(PREFIX)
        given = self.variables.get(variable)
        if given is None or not isinstance(given.value, str) or given.value.startswith(PREFIX):
            return env(variable)
        draft.kept(given)
        draft.report.lean(given, node)
        return env(variable, given.value)

    def meant(self, node: Node, draft: Draft) -> str:
        """A text; where it names a variable that the file itself sets, what it sets."""
        written = str(node.value)
        given = self.variables.get(written.removeprefix(PREFIX)) if written.startswith(PREFIX) else None
        if given is None or not isinstance(given.value, str) or given.value.startswith(PREFIX):
            return written
        draft.kept(given)
        draft.report.lean(given, node)
        return given.value

    def secret(self, node: Node, variable: str, draft: Draft, block: Block) -> Code:
        """Where a key comes from."""
        if isinstance(node.value, str) and node.value.startswith(PREFIX):
            variable = node.value.removeprefix(PREFIX)
            draft.kept(node)
            if (given := self.variables.get(variable)) is not None:
                draft.report.lean(given, node)
                draft.changed(
                    given, f"set {variable} in the environment: a file holds no secret", block.remarks
                )
            return env(variable)
        return left_out(draft, node, variable, block)
