"""The classification extension: the best classes of an output, in place of its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from ...requests.errors import BadRequest
from ...requests.tensor import Tensor


def classified(tensor: Tensor, most: int, labels: Sequence[str]) -> Tensor:
    """Texts such as `0.75:3:cat`, the best first: [most] of a vector, [rows, most] of all else.

    Raises BadRequest for an output that holds no numbers.
    """
    values = tensor.values
    if tensor.datatype in ("BYTES", "BF16") or not values.ndim or not values.size:
        raise BadRequest(f"output `{tensor.name}` has no classes to be ranked", param=tensor.name)
    rows = values.reshape(1, -1) if values.ndim == 1 else values.reshape(len(values), -1)
    order = numpy.argsort(-rows.astype(numpy.float64), axis=1, kind="stable")[:, :most]
    texts = numpy.empty(order.shape, numpy.object_)
    for at, row in enumerate(order.tolist()):
        for place, index in enumerate(row):
            label = f":{labels[index]}" if index < len(labels) else ""
            texts[at, place] = f"{float(rows[at, index]):f}:{index}{label}".encode()
    return Tensor(tensor.name, "BYTES", texts[0] if values.ndim == 1 else texts)
