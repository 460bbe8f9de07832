"""What is published beside a model: JSON files of Hugging Face and Sentence Transformers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ...dsl.files import read_regular
from ...dsl.kinds import Activation, Pooling
from .labels import LabelsError, read_labels

_LARGEST = 4 << 20
_LARGEST_TOKENIZER = 64 << 20
_MOST_MODULES = 16
_LONGEST_PROMPT = 2000
_NO_LIMIT = 1_000_000
"""`transformers` writes a far larger number where a tokenizer has no limit."""

_POOLING = {
    "cls": Pooling.CLS,
    "cls_token": Pooling.CLS,
    "mean": Pooling.MEAN,
    "mean_tokens": Pooling.MEAN,
    "max": Pooling.MAX,
    "max_tokens": Pooling.MAX,
    "mean_sqrt_len_tokens": Pooling.MEAN_SQRT_LEN,
    "weightedmean": Pooling.WEIGHTED_MEAN,
    "weightedmean_tokens": Pooling.WEIGHTED_MEAN,
    "lasttoken": Pooling.LAST,
}
"""How Sentence Transformers names them, with and without the `pooling_mode_` before it."""

_QUERY = ("query", "search_query", "s2p_query", "retrieval.query")
_DOCUMENT = ("document", "passage", "search_document", "corpus", "retrieval.passage")
_ACTIVATIONS = {"Sigmoid": Activation.SIGMOID, "Identity": Activation.NONE, "Softmax": Activation.SOFTMAX}


class Sidecars:
    """The files around a model, in its folder or the one above.

    written: the path of its folder as a deployment writes it, "" or with a slash at its end.
    """

    def __init__(self, model: Path, written: str) -> None:
        self._places = ((model.parent, written), (model.parent / "..", _above(model.parent, written)))

    def find(self, name: str) -> str | None:
        """The path, as it is written, of a file."""
        return next((prefix + name for folder, prefix in self._places if (folder / name).is_file()), None)

    def path(self, name: str) -> Path | None:
        """The file itself."""
        return next((folder / name for folder, _ in self._places if (folder / name).is_file()), None)

    def json(self, name: str) -> Any:
        """What is in a file; None where it is not there, or is no JSON."""
        path = self.path(name)
        try:
            largest = _LARGEST_TOKENIZER if name == "tokenizer.json" else _LARGEST
            return None if path is None else json.loads(read_regular(path, largest))
        except (OSError, ValueError, RecursionError):
            return None

    def fields(self, name: str) -> Mapping[str, Any]:
        """The object in a file; an empty one where there is none."""
        value = self.json(name)
        return value if isinstance(value, dict) else {}

    # ---- config.json

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """How the model was made."""
        return self.fields("config.json")

    def is_for(self, head: str) -> bool:
        """Whether it is a model with such a head, `ForTokenClassification`."""
        names = self.config.get("architectures")
        return isinstance(names, list) and any(
            isinstance(name, str) and name.endswith(head) for name in names
        )

    def labels(self) -> int:
        """How many labels `config.json` names."""
        path = self.path("config.json")
        try:
            return 0 if path is None else len(read_labels(path))
        except LabelsError:
            return 0

    @property
    def has_many_labels(self) -> bool:
        """Whether several labels may fit one text."""
        return self.config.get("problem_type") == "multi_label_classification"

    @property
    def rerank_activation(self) -> Activation | None:
        """What a cross-encoder makes scores with, if it says so."""
        inner = self.config.get("sentence_transformers")
        said = inner.get("activation_fn") if isinstance(inner, dict) else None
        said = said or self.config.get("sbert_ce_default_activation_function")
        return _ACTIVATIONS.get(said.rpartition(".")[2]) if isinstance(said, str) else None

    # ---- Sentence Transformers

    @cached_property
    def modules(self) -> tuple[tuple[str, str], ...]:
        """What texts go through, from `modules.json`: the last word of each type, and its folder."""
        value = self.json("modules.json")
        found = value[:_MOST_MODULES] if isinstance(value, list) else []
        pairs = [(each.get("type"), each.get("path")) for each in found if isinstance(each, dict)]
        return tuple(
            (kind.rpartition(".")[2], path)
            for kind, path in pairs
            if isinstance(kind, str) and isinstance(path, str) and _is_inside(path)
        )

    def pooling(self) -> Pooling | str | None:
        """How token vectors become one; in words where it is none that is known; None: nothing says so."""
        folder = next((path for kind, path in self.modules if kind == "Pooling"), "1_Pooling")
        config = self.fields(f"{folder}/config.json")
        said = config.get("pooling_mode")
        modes = list(_modes(config)) if not isinstance(said, str) else [said]
        if not modes:
            return None
        known = _POOLING.get(modes[0])
        return known if known is not None and len(modes) == 1 else " and ".join(modes)

    @property
    def max_length(self) -> int | None:
        """Of a text, in tokens: what Sentence Transformers cuts at."""
        for name in ("sentence_bert_config.json", "0_Transformer/sentence_bert_config.json"):
            length = self.fields(name).get("max_seq_length")
            if type(length) is int and length > 0:
                return length
        length = self.fields("tokenizer_config.json").get("model_max_length")
        return length if type(length) is int and 0 < length < _NO_LIMIT else None

    @property
    def lowers_case(self) -> bool:
        return self.fields("sentence_bert_config.json").get("do_lower_case") is True

    def prompts(self) -> tuple[str, str, str]:
        """What stands before queries, before documents, and which of both is meant where nobody says."""
        config = self.fields("config_sentence_transformers.json")
        said = config.get("prompts")
        prompts = said if isinstance(said, dict) else {}
        query, document = (_first(prompts, names) for names in (_QUERY, _DOCUMENT))
        query = query or _text(config.get("query_prefix"))
        document = document or _text(config.get("document_prefix"))
        default = config.get("default_prompt_name")
        meant = "query" if default in _QUERY else "document" if default in _DOCUMENT else ""
        return query, document, meant

    def expansion(self) -> tuple[int, bool] | None:
        """Of ColBERT, as pylate publishes it: tokens of each query, and whether others look at the mask."""
        config = self.fields("config_sentence_transformers.json")
        length = config.get("query_length")
        if type(length) is not int or length < 1 or config.get("do_query_expansion") is False:
            return None
        return length, config.get("attend_to_expansion_tokens") is True

    # ---- tokens

    def token_texts(self, ids: Any) -> list[str]:
        """The tokens with these numbers, as the tokenizer writes them, as far as it has them."""
        wanted = [each for each in (ids if isinstance(ids, list) else [ids]) if type(each) is int]
        tokenizer = self.fields("tokenizer.json") if wanted else {}
        names = {number: text for text, number in _tokens(tokenizer)}
        return [names[number] for number in wanted if number in names]


def _above(folder: Path, written: str) -> str:
    """The path of the folder above `folder`, which is written as `written`."""
    name = written.removesuffix("/").rpartition("/")[2]
    if name in ("", ".", "..") or folder.is_symlink():
        return written + "../"
    return written[: -len(name) - 1]


def _modes(config: Mapping[str, Any]) -> Iterator[str]:
    for name, value in config.items():
        if name.startswith("pooling_mode_") and value is True:
            yield name.removeprefix("pooling_mode_")


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/") and len(path) < 200


def _first(prompts: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := _text(prompts.get(name)))), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST_PROMPT else ""


def _tokens(tokenizer: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    model = tokenizer.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, dict):
        yield from ((text, number) for text, number in vocabulary.items() if type(number) is int)
    elif isinstance(vocabulary, list):
        yield from (
            (pair[0], number)
            for number, pair in enumerate(vocabulary)
            if isinstance(pair, list) and pair and isinstance(pair[0], str)
        )
    added = tokenizer.get("added_tokens")
    for each in added if isinstance(added, list) else []:
        if isinstance(each, dict) and isinstance(each.get("content"), str) and type(each.get("id")) is int:
            yield each["content"], each["id"]
