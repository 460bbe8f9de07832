"""Numbers that no machine type holds reach the other side digit by digit."""

from __future__ import annotations

import pytest

from inferc.runtime.dialects.exact_json import Number, dumps, loads


@pytest.mark.parametrize(
    "number",
    [
        "1234567890123456789012",
        "-0.12345678901234567890",
        "1234567890123456789.5",
        "1234567890123456789.5e+100",
        "9" * 200,
    ],
)
def test_a_long_number_keeps_its_digits(number: str) -> None:
    body = b'{"a":[1,%b]}' % number.encode()
    assert loads(body) == {"a": [1, Number(number)]}
    assert dumps(loads(body)) == body


@pytest.mark.parametrize("number", ["1e400", "1E400", "-1.5e+400", "7E+400"])
def test_a_number_that_would_be_infinite_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="infinity"):
        loads(number.encode())


@pytest.mark.parametrize(
    ("text", "value"), [("18446744073709551615", 2**64 - 1), ("1E+300", 1e300), ("0.5", 0.5)]
)
def test_a_number_that_fits_is_one(text: str, value: float) -> None:
    assert loads(text.encode()) == value
