"""YAML with places: anchors and merges filled in, each value where it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan.installing import pip_install
from .foreign import Counter, ImportFailed, Node, below, check_digits

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node as YamlNode

TEMPLATE = "a template is filled in first, as by `helm template`"
_MERGE = "tag:yaml.org,2002:merge"
_SCALARS = {
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "binary")
}


def read_yaml(text: str, path: str = "") -> list[Node]:
    """The documents of a file, but for empty ones, such as behind a last `---`. Raises ImportFailed."""
    try:
        import yaml
    except ImportError:
        raise ImportFailed("reading YAML needs the package PyYAML", help=pip_install("yaml")) from None
    try:
        built = [_Builder().build(each, path) for each in _composed(text) if each is not None]
        return [each for each in built if each.value is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "it makes no sense"
        is_template = "{{" in text
        raise ImportFailed(
            f"this is no YAML: {said}",
            mark.line + 1 if mark else None,
            TEMPLATE if is_template else None,
        ) from None
    except yaml.YAMLError as error:
        place = getattr(error, "position", None)
        line = text.count("\n", 0, place) + 1 if isinstance(place, int) else None
        reason = getattr(error, "reason", "") or "it makes no sense"
        raise ImportFailed(f"this is no YAML: {reason}", line) from None
    except RecursionError:
        raise ImportFailed("this YAML lies in itself too deep to be read") from None


def _composed(text: str) -> list[YamlNode | None]:
    """By libyaml where PyYAML has it, and otherwise, or where there is a mistake, by PyYAML's own reader: it
    tells more of it."""
    import yaml

    try:
        return list(yaml.compose_all(text, Loader=yaml.CSafeLoader))
    except (AttributeError, yaml.YAMLError, UnicodeError):
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))


class _Builder:
    def __init__(self) -> None:
        from yaml import SafeLoader

        self._loader = SafeLoader("")
        self._counter = Counter()
        self._open: set[int] = set()

    def build(self, node: YamlNode, path: str) -> Node:
        return self._node(node, path, 0)

    def _node(self, node: YamlNode, path: str, depth: int) -> Node:
        import yaml

        line = node.start_mark.line + 1
        self._counter.add(line, depth)
        if isinstance(node, yaml.ScalarNode):
            return Node(path, line, self._scalar(node))
        if id(node) in self._open:
            raise ImportFailed("an anchor stands inside of itself", line)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                items = [
                    self._node(item, below(path, index), depth + 1) for index, item in enumerate(node.value)
                ]
                return Node(path, line, items)
            assert isinstance(node, yaml.MappingNode)
            inner = {
                key: self._node(value, below(path, key), depth + 1)
                for key, value in self._pairs(node, depth).items()
            }
            return Node(path, line, inner)
        finally:
            self._open.discard(id(node))

    def _pairs(self, node: MappingNode, depth: int) -> dict[str, YamlNode]:
        """The entries of a mapping, those that it merges first, so that its own replace them."""
        import yaml

        self._counter.add(node.start_mark.line + 1, depth)
        own: dict[str, YamlNode] = {}
        merged: dict[str, YamlNode] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in sources:
                    if not isinstance(source, yaml.MappingNode):
                        raise ImportFailed("`<<` takes a mapping, or a list of them", line)
                    if id(source) in self._open and source is not value:
                        raise ImportFailed("an anchor stands inside of itself", line)
                    for name, inner in self._merged(source, depth, line).items():
                        merged.setdefault(name, inner)
                continue
            if not isinstance(key, yaml.ScalarNode):
                is_template = isinstance(key, yaml.MappingNode)  # `{{ name }}`
                help = TEMPLATE if is_template else None
                raise ImportFailed("the name of a setting is a text", line, help)
            if key.value in own:
                message = f"`{key.value}` stands twice in one mapping"
                raise ImportFailed(
                    message, line, "remove one of them: the systems that read it take the last"
                )
            own[key.value] = value
        return {**merged, **own}

    def _merged(self, source: MappingNode, depth: int, line: int) -> dict[str, YamlNode]:
        if id(source) in self._open:
            raise ImportFailed("an anchor stands inside of itself", line)
        self._open.add(id(source))
        try:
            return self._pairs(source, depth + 1)
        finally:
            self._open.discard(id(source))

    def _scalar(self, node: YamlNode) -> str | int | float | bool | None:
        if node.tag not in _SCALARS:
            return str(node.value)
        if node.tag.endswith((":timestamp", ":binary")):
            return str(node.value)
        try:
            value = self._loader.construct_object(node)
        except (ValueError, LookupError):  # `!!int ""`, `!!bool x`
            return str(node.value)
        check_digits(value, node.start_mark.line + 1)
        return value if isinstance(value, str | int | float | bool) else None
