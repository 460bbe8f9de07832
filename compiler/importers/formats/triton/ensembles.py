"""An ensemble: models wired by the names of tensors, as a pipeline."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...draft import Block, Deployment, Draft, Passage
from ...foreign import Node
from ...literals import name as written_name
from ...origin import Origin
from ...report import Outcome, Remark
from ...tables import Lost, Table, follow
from .models import add_model

TYPES = {
    "TYPE_BOOL": "bool",
    "TYPE_UINT8": "u8",
    "TYPE_UINT16": "u16",
    "TYPE_UINT32": "u32",
    "TYPE_UINT64": "u64",
    "TYPE_INT8": "i8",
    "TYPE_INT16": "i16",
    "TYPE_INT32": "i32",
    "TYPE_INT64": "i64",
    "TYPE_FP16": "f16",
    "TYPE_FP32": "f32",
    "TYPE_FP64": "f64",
    "TYPE_BF16": "bf16",
}
_REST: Table = {"version_policy.**": Lost("a file names one version of a model")}

_TEXT = "TYPE_STRING"
_TEXTS = "here a list of texts"
_GUESSED = "an ensemble does not say which numbers a step gives: `i64` is taken where texts become tensors"


def ensemble(root: Node, draft: Draft, origin: Origin) -> None:
    """Put an ensemble into the draft: a deployment for each model, and a pipeline that calls them."""
    steps = root.get("ensemble_scheduling", "step")
    inputs, outputs = root.get("input"), root.get("output")
    if steps is None or outputs is None:
        draft.lost(root, "an ensemble without steps, or without an output")
        return
    wiring = _Wiring(draft, origin, root)
    for node in inputs.items if inputs is not None else ():
        wiring.input(node)
    for node in steps.items:
        wiring.step(node)
    wiring.output(outputs.items)
    draft.kept(root.get("platform"), root.get("name"))
    most = root.get("max_batch_size")
    if most is not None:
        draft.report.mark(Outcome.KEPT, most)
    follow(
        {"version_policy.**": Lost("a file names one version of a model")},
        root,
        draft,
        Block(remarks=draft.remarks),
    )


class _Wiring:
    """Names of tensors as expressions of the pipeline, step by step."""

    def __init__(self, draft: Draft, origin: Origin, root: Node) -> None:
        self._draft = draft
        self._origin = origin
        self._root = root
        self._has_batch = bool((node := root.get("max_batch_size")) and node.value)
        self._known: dict[str, str] = {}
        self._texts: set[str] = set()
        self._parameters: list[str] = []
        self._lines: list[str] = []
        self._nodes: list[Node] = []
        self._remarks: list[Remark] = []
        self._externs: list[str] = []
        self._names: set[str] = set()

    def input(self, node: Node) -> None:
        tensor = node.text("name") or ""
        name = self._name(tensor)
        self._known[tensor] = name
        self._parameters.append(f"{name}: {self._type(node, tensor)}")
        self._nodes.append(node)

    def _type(self, node: Node, tensor: str) -> str:
        """The type of an input or an output of the whole."""
        draft, kind, dims = self._draft, node.get("data_type"), node.get("dims")
        draft.kept(node.get("name"))
        if kind is not None and kind.value == _TEXT:
            self._texts.add(tensor)
            draft.changed(kind, _TEXTS, self._remarks)
            draft.changed(dims, _TEXTS, self._remarks)
            return "list<text>"
        draft.kept(kind, dims)
        sizes = [
            str(each.value) if each.value != -1 else "_" for each in (dims.items if dims is not None else ())
        ]
        if self._has_batch:
            sizes = ["batch", *sizes]
        number = TYPES.get(str(kind.value) if kind is not None else "", "f32")
        return f"tensor<{number}, [{', '.join(sizes)}]>"

    def step(self, node: Node) -> None:
        draft, model = self._draft, node.text("model_name") or "model"
        takes, gives = node.get("input_map"), node.get("output_map")
        version = node.get("model_version")
        given = {key: str(value.value) for key, value in (takes.entries if takes is not None else {}).items()}
        out = {key: str(value.value) for key, value in (gives.entries if gives is not None else {}).items()}
        reads_text = any(tensor in self._texts for tensor in given.values())
        self._nodes.append(node)
        if reads_text:
            called = self._extern(model, given, out, node)
        else:
            called = self._deployment(model, version, node)
        bound = self._name(f"{model}_out" if len(out) != 1 else next(iter(out.values())))
        arguments = [
            f"{written_name(key)} = {self._known.get(tensor, tensor)}" for key, tensor in given.items()
        ]
        self._lines.append(f"  {bound} = {written_name(called)}({', '.join(arguments)})")
        for key, tensor in out.items():
            self._known[tensor] = bound if len(out) == 1 else f"{bound}.{written_name(key)}"
        draft.kept(takes, gives)

    def _deployment(self, model: str, version: Node | None, node: Node) -> str:
        """The deployment of a step's model, which lies beside the ensemble."""
        draft = self._draft
        named = node.get("model_name")
        draft.kept(named)
        number = version.value if version is not None and isinstance(version.value, int) else -1
        if number > 0:
            draft.lost(version, f"the path names version {number}: no other is tried", draft.remarks)
        else:
            draft.kept(version)
        folder = str(number) if number > 0 else "1"
        known = next((each for each in draft.deployments if each.name == model), None)
        if known is None:
            made = Deployment(name=model, nodes=())
            add_model(made, folder, "model.onnx", draft, self._origin, "..", model)
            draft.deployments.append(made)
        return model

    def _extern(self, model: str, given: dict[str, str], out: dict[str, str], node: Node) -> str:
        """A step that reads texts: no ONNX model does, so it is code of one's own."""
        draft = self._draft
        called = self._name(model)
        parameters = ", ".join(
            f"{self._plain(key)}: {'list<text>' if tensor in self._texts else 'tensor<i64>'}"
            for key, tensor in given.items()
        )
        fields = ", ".join(f"{self._plain(key)}: tensor<i64>" for key in out)
        result = f"{{ {fields} }}" if len(out) != 1 else "tensor<i64>"
        module = re.sub(r"\W", "_", model)
        self._externs.append(f'extern {called}({parameters}) -> {result} = python("{module}:run")')
        says = f"it reads texts, so here it is a function of yours, `{module}:run`; {_GUESSED}"
        draft.changed(node.get("model_name"), says, self._remarks)
        draft.kept(node.get("model_version"))
        return called

    def output(self, outputs: Sequence[Node]) -> None:
        draft = self._draft
        types = [(node.text("name") or "", self._type(node, node.text("name") or "")) for node in outputs]
        self._nodes.extend(outputs)
        name = self._name(self._root.text("name") or "ensemble")
        text: list[str] = list(self._externs)
        if len(types) == 1:
            tensor, result = types[0]
            self._lines.append(f"  return {self._known.get(tensor, tensor)}")
        else:
            result = "".join(part.capitalize() for part in re.split(r"\W|_", name))
            fields = ", ".join(f"{written_name(tensor)}: {kind}" for tensor, kind in types)
            text.append(f"type {result} = {{ {fields} }}")
            values = ", ".join(
                f"{written_name(tensor)} = {self._known.get(tensor, tensor)}" for tensor, _ in types
            )
            self._lines.append(f"  return {result}({values})")
        text.append(f"pipeline {name}({', '.join(self._parameters)}) -> {result} {{")
        text += [*self._lines, "}"]
        draft.passages.append(Passage("\n".join(text), tuple(self._nodes), self._remarks))

    def _plain(self, name: str) -> str:
        """An identifier; such as parameters of functions in Python are."""
        plain = re.sub(r"\W", "_", name)
        return f"_{plain}" if plain[:1].isdigit() else plain

    def _name(self, wanted: str) -> str:
        """A name of the pipeline that nothing else in it has."""
        taken = self._names | {each.name for each in self._draft.deployments}
        plain = self._plain(wanted)
        if written_name(plain) != plain:
            plain = f"{plain}_"
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        self._names.add(name)
        return name
