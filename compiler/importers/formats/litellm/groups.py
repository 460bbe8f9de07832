"""The settings of a LiteLLM file and of those that it includes, and its models by their names."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field

from .....dsl.record import define
from ...draft import Deployment, Draft
from ...foreign import ImportFailed, Node
from ...origin import Origin
from ...yaml_file import read_yaml


@define(eq=False)
class Group:
    """The deployments that share a name."""

    name: str
    members: list[Deployment] = field(factory=list)
    entries: list[Node] = field(factory=list)


class Files:
    """The file and what it includes, as if they were one."""

    def __init__(self, draft: Draft, root: Node, origin: Origin) -> None:
        self._draft = draft
        self.roots = [root, *self._included(root, origin)]
        self.groups: dict[str, Group] = {}

    def deployments(self) -> list[Deployment]:
        """All that came over, each once, in the order of the groups."""
        every = (made for group in self.groups.values() for made in group.members)
        return list({id(made): made for made in every}.values())

    def called(self, name: str) -> str:
        """What answers for a group here: `openrouter` is asked as `openrouter/*`, if its models are open."""
        below = name.removesuffix("/*")
        members = self.groups[name].members if name in self.groups else []
        is_open = all("*" in str(made.value("model")) for made in members)
        plain = below != name and not {"/", "*"} & set(below) and below not in self.groups
        return below if plain and is_open else name

    def _included(self, root: Node, origin: Origin) -> list[Node]:
        node = root.get("include")
        if node is None:
            return []
        found = [self._included_file(str(item.value), item, origin) for item in node.items]
        self._draft.kept(node)
        for each in found:
            self._draft.report.add_root(each)
        return found

    def _included_file(self, written: str, node: Node, origin: Origin) -> Node:
        def read(text: str) -> Node:
            documents = read_yaml(text, f"{written}#")
            if len(documents) != 1:
                raise ImportFailed("it holds no settings")
            return documents[0]

        return origin.include(written, node, read)

    def setting(self, *path: str) -> Node | None:
        """A setting, in whichever of the files it stands."""
        found = [root.get(*path) for root in self.roots]
        return next((node for node in found if node is not None and node.value is not None), None)

    def all_of(self, *path: str) -> Iterator[Node]:
        for root in self.roots:
            node = root.get(*path)
            if node is not None:
                yield from node.items


def plain_name(name: str) -> str:
    """The name of a group without its `*`, for what stands in it: of `openrouter/*`, `openrouter`."""
    if "*" not in name:
        return name
    parts = (part.strip("/-_.:") for part in name.split("*"))
    return "-".join(filter(None, parts)).replace("/", "-") or "any"
