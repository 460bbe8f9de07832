"""What a line of the log may hold."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from inferc.cli.audit_file import keep_audit_log
from inferc.cli.logs import MOST_LINES, SECONDS, NoFlood, SafeFormatter
from inferc.cli.output import fail
from inferc.runtime.admin import AUDIT
from inferc.runtime.secrets.secret import Secret

SECRET = Secret("sk-of-a-provider", "the test")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the logger `test` writes."""
    stream, log = io.StringIO(), logging.getLogger("test")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter("%(levelname)s %(message)s"))
    log.addHandler(handler)
    yield stream
    log.removeHandler(handler)


def test_an_event_begins_a_line_and_its_other_lines_are_indented(written: io.StringIO) -> None:
    logging.getLogger("test").warning("one\nERROR forged\r\nERROR forged, too")
    assert written.getvalue() == "WARNING one\n  ERROR forged\\r\n  ERROR forged, too\n"


CONTROLS = ["\x1b[2J", "\x07", "\u202e", "\u2028", "\x85", "\x9b1m", "\u200b"]


@pytest.mark.parametrize("control", CONTROLS)
def test_nothing_that_a_terminal_obeys_gets_into_a_line(written: io.StringIO, control: str) -> None:
    logging.getLogger("test").warning("%s", f"a{control}b")
    [line] = written.getvalue().splitlines()
    assert line.isprintable()
    assert "\\" in line


def test_half_a_character_gets_into_no_line() -> None:
    record = logging.makeLogRecord({"msg": "a\ud800b"})
    assert SafeFormatter("%(message)s").format(record) == "a\\ud800b"


def test_colours_are_left_out(written: io.StringIO) -> None:
    logging.getLogger("test").warning("\x1b[32mgreen\x1b[0m")
    assert written.getvalue() == "WARNING green\n"


def test_a_secret_is_in_no_line_and_in_no_traceback(written: io.StringIO) -> None:
    try:
        raise ValueError(f"Bearer {SECRET.reveal()}")
    except ValueError:
        logging.getLogger("test").exception("it failed with %s", SECRET.reveal())
    assert "Traceback" in written.getvalue()
    assert SECRET.reveal() not in written.getvalue()


def test_an_error_on_the_terminal_obeys_nobody_and_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail("first\n\x1b]0;title\x07second") == 1
    assert capsys.readouterr().err == "error: first\\n\\x1b]0;title\\x07second\n"


def test_while_a_provider_is_away_few_lines_say_so_and_how_many_did_not(written: io.StringIO) -> None:
    [handler] = (log := logging.getLogger("test")).handlers
    handler.addFilter(NoFlood())

    def fails(at: float, kind: str = "gpt is away") -> None:
        record = log.makeRecord("test", logging.WARNING, "", 0, "%s", (kind,), None, extra={"kind": kind})
        record.created = at
        log.handle(record)

    for each in range(100):
        fails(each / 100)
    fails(2, "another")
    assert written.getvalue().count("gpt is away") == MOST_LINES
    fails(SECONDS)
    fails(SECONDS + 1)
    assert written.getvalue().splitlines()[-3:] == [
        "WARNING another",
        f"WARNING gpt is away; {100 - MOST_LINES} more like it were not written",
        "WARNING gpt is away",
    ]
    for _ in range(MOST_LINES):
        fails(SECONDS + 1, "third")
    fails(SECONDS + 1 - 3600, "third")
    assert written.getvalue().count("third") == MOST_LINES + 1, "a clock that is set back silences nobody"


def test_an_audit_log_on_a_full_disk_is_told_without_a_traceback(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = logging.getLogger(AUDIT)
    keep_audit_log("/dev/full")
    try:
        audit.warning("reload")
    finally:
        handler = audit.handlers[-1]
        audit.removeHandler(handler)
        with suppress(OSError):
            handler.close()
    assert "/dev/full cannot be written: [Errno 28] No space left on device" in caplog.text
    assert "Traceback" not in capsys.readouterr().err


def test_an_audit_log_goes_on_in_the_file_that_takes_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit, folder = logging.getLogger(AUDIT), tmp_path / "logs"
    folder.mkdir()
    now, before = folder / "audit.jsonl", folder / "audit.jsonl.1"
    keep_audit_log(str(now))
    try:
        audit.warning("first")
        now.rename(before)
        audit.warning("second")
        assert [json.loads(each.read_text())["message"] for each in (before, now)] == ["first", "second"]
        folder.rename(tmp_path / "elsewhere")
        audit.warning("third")
        assert f"{now} cannot be written: [Errno 2] No such file or directory" in caplog.text
        folder.mkdir()
        audit.warning("fourth")
        assert json.loads(now.read_text())["message"] == "fourth"
    finally:
        handler = audit.handlers[-1]
        audit.removeHandler(handler)
        handler.close()
