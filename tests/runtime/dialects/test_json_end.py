"""The end of a JSON object in pieces is seen where it is, wherever they are cut."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from inferc.runtime.dialects.json_end import JsonEnd

from ...support.rows import each_row


def text(random: Random) -> str:
    return "".join(random.choices('{}[]"\\\\ab,:', k=random.randrange(9)))


def value(random: Random, depth: int) -> Any:
    kind = random.randrange(4 if depth else 2)
    if kind < 2:
        return random.randrange(100) if kind else text(random)
    if kind == 2:
        return [value(random, depth - 1) for _ in range(random.randrange(4))]
    return {text(random): value(random, depth - 1) for _ in range(random.randrange(4))}


@each_row("seed", range(400))
def test_an_object_is_whole_with_its_last_piece_and_not_before(seed: int) -> None:
    random = Random(seed)
    written = json.dumps({text(random): value(random, 3) for _ in range(random.randrange(4))})
    cuts = sorted(random.randrange(len(written)) for _ in range(random.randrange(7)))
    end, at = JsonEnd(), 0
    for cut in [*cuts, len(written)]:
        assert not end.is_whole
        end.feed(written[at:cut])
        at = cut
    assert end.is_whole
