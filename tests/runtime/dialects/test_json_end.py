"""The end of a JSON object in pieces is seen where it is, wherever they are cut."""

from __future__ import annotations

import json

from hypothesis import given, strategies as st

from inferc.runtime.dialects.json_end import JsonEnd

TEXTS = st.text(alphabet='{}[]"\\\\ab,:', max_size=8)
VALUES = st.recursive(
    TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


@given(value=OBJECTS, data=st.data())
def test_an_object_is_whole_with_its_last_piece_and_not_before(value: object, data: st.DataObject) -> None:
    text = json.dumps(value)
    cuts = data.draw(st.lists(st.integers(0, len(text) - 1), max_size=6).map(sorted))
    end, at = JsonEnd(), 0
    for cut in [*cuts, len(text)]:
        assert not end.is_whole
        end.feed(text[at:cut])
        at = cut
    assert end.is_whole
