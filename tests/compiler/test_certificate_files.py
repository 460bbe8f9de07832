"""Files of certificates: which of them are refused today, and which do not belong together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from inferc.compiler.compile import check_file
from inferc.dsl.certificate_times import why_not_now

from ..runtime.test_tls import issue, other_kind
from ..support.rows import each_row

TLS = "tls { cert = file(%r), key = file(%r) }"
GATEWAY = f"gateway {{ {TLS} }}"
ENDPOINT = (
    'deployment gpt { model = "m", runtime openai_compatible {\n'
    f'  endpoint = "https://llm.internal/v1"\n{TLS}\n}} }}'
)


EMPTY = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"
"""A sequence of ASN.1 that holds nothing."""


def codes(folder: Path, text: str) -> list[str]:
    file = folder / "main.infer"
    file.write_text(text.replace("'", '"'))
    return [item.code for item in check_file("main.infer", file).diagnostics]


@pytest.mark.parametrize("text", [GATEWAY, ENDPOINT], ids=["gateway", "endpoint"])
def test_a_key_of_another_certificate_and_one_that_has_expired_are_said(text: str, tmp_path: Path) -> None:
    for name, days in (("good", 0), ("other", 0), ("old", -30), ("early", 30)):
        issue(tmp_path, name, days=days)
    issue(tmp_path, "closed", password=b"secret")
    other_kind(tmp_path / "kind.key")
    assert codes(tmp_path, text % ("good.crt", "good.key")) == []
    assert codes(tmp_path, text % ("good.crt", "other.key")) == ["E0443"]
    assert codes(tmp_path, text % ("good.crt", "kind.key")) == ["E0443"]
    assert codes(tmp_path, text % ("old.crt", "old.key")) == ["W0446"]
    assert codes(tmp_path, text % ("early.crt", "early.key")) == ["W0446"]
    assert codes(tmp_path, text % ("closed.crt", "closed.key")) == []  # the start asks for one without


@each_row(
    ("moment", "said"),
    [
        ((2023, 12, 31), "it is not valid before 2024-01-01 00:00 UTC"),
        ((2024, 6, 1), None),
        ((2025, 1, 2), "it has expired on 2025-01-01"),
    ],
)
def test_the_times_of_a_certificate_are_read(moment: tuple[int, int, int], said: str | None) -> None:
    pem = (Path(__file__).parent / "golden_diagnostics" / "models" / "old.pem").read_bytes()
    assert why_not_now(pem, datetime(*moment, tzinfo=UTC)) == said
    cut = [pem[:at] + b"-----END CERTIFICATE-----" for at in (28, 32, 90)]
    for broken in (b"", pem[:60], EMPTY, *cut, pem.replace(b"M", b"/")):
        assert why_not_now(broken, datetime(*moment, tzinfo=UTC)) is None
