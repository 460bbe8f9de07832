"""Metrics as text, as `prometheus_client` writes them, where there are many lines in a quarter of its time.

It escapes names and sorts labels of each line anew; here, each label and each value is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import Metric, Sample
from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from .....compiler.plan.record import frozen

_MANY = 100
"""Lines of a metric from which on it pays."""
_PLAIN = ("counter", "gauge", "histogram")
_RENAMING = ("escaping=dots", "escaping=values")
"""How content types of formats end in which `_` of names is written in another way."""


@frozen
class Collected:
    """Metrics as they were when they were asked for: the interface of a registry."""

    metrics: Sequence[Metric]

    def collect(self) -> Iterator[Metric]:
        yield from self.metrics


def content_type_for(accept: str) -> str:
    """Of the format that is preferred in the header `accept`."""
    return choose_encoder(accept)[1]


def as_text(metrics: Iterable[Metric], accept: str) -> bytes:
    """All of `metrics` in that format."""
    encode, content_type = choose_encoder(accept)
    keeps_names = not content_type.endswith(_RENAMING)
    labels, values = _Labels(), _Values()
    end, parts = encode(Collected(())), []
    for metric in metrics:
        many = keeps_names and len(metric.samples) >= _MANY and metric.type in _PLAIN
        if many and (is_plain := all(map(_is_plain, metric.samples))):
            head = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            written = encode(Collected((head,)))
        else:
            is_plain, written = False, encode(Collected((metric,)))
        parts.append(written.removesuffix(end))
        if is_plain:
            parts.append("".join([_line(each, labels, values) for each in metric.samples]).encode())
    return b"".join((*parts, end))


def _is_plain(sample: Sample) -> bool:
    """Whether it has labels and nothing behind its value, and stands among the others of its metric."""
    is_bare = sample.timestamp is None and sample.exemplar is None
    return is_bare and bool(sample.labels) and not sample.name.endswith("_created")


def _line(sample: Sample, labels: _Labels, values: _Values) -> str:
    text = ",".join([labels[each] for each in sorted(sample.labels.items())])
    return f"{sample.name}{{{text}}} {values[sample.value]}\n"


class _Labels(dict[tuple[str, str], str]):
    def __missing__(self, label: tuple[str, str]) -> str:
        name, value = label
        value = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
        text = self[label] = f'{name}="{value}"'
        return text


class _Values(dict[float, str]):
    def __missing__(self, value: float) -> str:
        text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
        self[value] = text
        return text
