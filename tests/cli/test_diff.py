"""`inferc diff`: what a change means for requests, between files, plans and revisions."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from ..support.rows import each_row
from .conftest import Command

OLD = """\
deployment gpt {
  model = "gpt-4o"
  runtime openai { api_key = env("KEY"), rate_limits { requests_per_minute = 100 } }
  budget { max_spend_per_day = $5, on_exceeded = reject }
}
deployment mini {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("KEY") }
}
deployment claude {
  model = "claude-sonnet-4"
  runtime anthropic { api_key = env("KEY") }
}
route assistant = fallback [gpt, mini]
pipeline sum(x: text) -> text { return assistant(x) }
extern clean(texts: list<text>) -> list<text> = python("guards:clean")
gateway {
  guard pii { request = clean, answer = clean }
  auth = bearer(env("TOKEN"))
  key team { secret = env("TEAM"), models = [assistant, mini], rate_limits { requests_per_minute = 10 } }
}
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.infer").write_text(OLD, "utf-8")


def changed(inferc: Command, *changes: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Severity, part and sentence of all that is said of OLD with these changes."""
    text = OLD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    Path("new.infer").write_text(text, "utf-8")
    done = inferc("diff", "old.infer", "new.infer", "--format", "json", "--fail-on", "never")
    assert done.status == 0, done.err
    return [(each["severity"], each["about"], each["what"]) for each in json.loads(done.out)["changes"]]


MEMBERS = "fallback [gpt, mini]"
CORS = 'gateway {\n  cors { origins = ["https://a.example"] }'


@each_row(
    ("old", "new", "severity", "about", "what"),
    [
        (MEMBERS, "fallback [gpt, mini, claude]", "risk", "assistant", "may also be answered by `claude`"),
        (MEMBERS, "fallback [gpt]", "info", "assistant", "is no longer answered by `mini`"),
        (
            MEMBERS,
            "fallback [gpt, claude]",
            "breaking",
            "assistant",
            "`choices` are no longer sure to arrive",
        ),
        (
            '"gpt-4o"\n',
            '"gpt-4.1"\n',
            "risk",
            "gpt",
            "asks `gpt-4.1` of openai, no longer `gpt-4o` of openai",
        ),
        ("pipeline sum", "pipeline add", "breaking", "sum", "is gone: requests for it are answered with 404"),
        ("x: text)", "x: text, y: text)", "breaking", "sum", "takes (x: text, y: text), no longer (x: text)"),
        ("= 100 }", "= 50 }", "risk", "gpt", "`requests_per_minute` is 50, 100 before"),
        ("= 10 }", "= 5 }", "breaking", "key team", "`requests_per_minute` is 5, 10 before"),
        ("[assistant, mini]", "[assistant]", "breaking", "key team", "may ask `mini` no longer"),
        ("[assistant, mini]", "[assistant, claude, mini]", "risk", "key team", "may ask `claude`"),
        ("= $5,", "= $9,", "risk", "gpt", "may spend $9 a day, $5 before"),
        ("= reject", "= warn", "risk", "gpt", "`on_exceeded` is `warn`, `reject` before"),
        (
            "= 10 }",
            "= 10 }, budget { max_spend_per_day = $1, on_exceeded = reject }",
            "info",
            "key team",
            "$1 a day, no limit before",
        ),
        (
            "= 10 }",
            '= 10 } }\n  key new { secret = env("NEW")',
            "risk",
            "key new",
            "is new: who shows it may call",
        ),
        ("= 10 }", "= 10 }, protocols = [openai]", "breaking", "key team", "may speak `openai`"),
        (
            "guard pii {",
            "guard pii { on_failure = pass,",
            "risk",
            "guard pii",
            "`on_failure` is `pass`, `refuse` before",
        ),
        (
            "guard pii {",
            "guard pii { models = [assistant, gpt, mini, sum],",
            "risk",
            "guard pii",
            "no longer sees `claude`",
        ),
        (", answer = clean", "", "risk", "guard pii", "`answer` is no longer seen"),
        ("guard pii {", "guard other {", "risk", "gateway", "the guard `pii` is gone"),
        ("gateway {", CORS, "risk", "gateway", "web pages of https://a.example may call it"),
    ],
)
def test_each_change_is_said_as_what_requests_meet(
    inferc: Command, old: str, new: str, severity: str, about: str, what: str
) -> None:
    found = changed(inferc, (old, new))
    assert [s for s, a, w in found if a == about and w.endswith(what)] == [severity], found


def test_changes_of_a_kind_are_told_in_the_order_of_the_file(inferc: Command) -> None:
    names = ("zoe", "adam", "mia", "ben", "lea")
    keys = "".join(f'  key {each} {{ secret = env("{each.upper()}") }}\n' for each in names)
    Path("old.infer").write_text(OLD.removesuffix("}\n") + keys + "}\n", "utf-8")
    found = changed(inferc)
    assert [about for _, about, what in found if what.startswith("is gone")] == [f"key {n}" for n in names]


def test_what_costs_more_says_why(inferc: Command) -> None:
    Path("new.infer").write_text(
        OLD.replace('KEY"), rate', 'KEY"), retry { max_retries = 9 }, rate'), "utf-8"
    )
    done = inferc("diff", "old.infer", "new.infer")
    assert done.status == 0
    assert "! risk      gpt: one request makes up to 10 calls, 4 calls before\n" in done.out
    assert "            `gpt`: 10 attempts: 1 + 9 retries\n" in done.out
    assert "a reload takes over:\n  deployment `gpt` has changed: retry\n" in done.out
    assert inferc("diff", "old.infer", "new.infer", "--fail-on", "risk").status == 1


def test_the_same_file_changes_nothing(inferc: Command) -> None:
    done = inferc("diff", "old.infer", "old.infer", "--fail-on", "info")
    assert (done.status, done.out) == (0, "nothing changes for requests\n")


def commit_here(link: Path) -> None:
    """All that is here, with a link that leads elsewhere."""
    link.symlink_to("/etc/hostname")
    for command in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "first"),
    ):
        subprocess.run(["git", *command], check=True, timeout=200)


def test_what_files_are_called_is_no_difference(inferc: Command) -> None:
    Path("other.infer").write_text(OLD, "utf-8")
    assert inferc("compile", "old.infer", "-o", "deployed.plan.json").status == 0
    for old in ("old.infer", "deployed.plan.json"):
        assert inferc("diff", old, "other.infer").out == "nothing changes for requests\n"
    Path("named.infer").write_text(OLD.replace("gateway {", 'gateway { state { name = "spend" }'), "utf-8")
    done = inferc("diff", "named.infer", "old.infer")
    assert "! risk      state: `name` is that of the file, spend before" in done.out


def test_a_plan_and_a_revision_are_read_too(inferc: Command) -> None:
    assert inferc("compile", "old.infer").status == 0
    commit_here(Path("link.infer"))
    Path("old.infer").write_text(
        OLD.replace("route assistant", "route helper").replace("assistant", "helper")
    )
    for old in ("old.plan.json", "HEAD:old.infer"):
        done = inferc("diff", old, "old.infer", "--format", "markdown")
        assert done.status == 1
        assert "| ✗ breaking | `assistant` | is gone: requests for it are answered with 404 |" in done.out


def test_a_revision_is_read_without_links_by_a_python_that_does_not_look_at_them(
    inferc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python 3.11.0 to 3.11.3, which have no filters of archives."""
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    as_before = staticmethod(lambda member, _path: member)  # newer ones filter, or warn, by themselves
    monkeypatch.setattr(tarfile.TarFile, "extraction_filter", as_before, raising=False)
    commit_here(Path("link.infer"))
    Path("new.infer").write_text(Path("old.infer").read_text("utf-8"), "utf-8")
    assert inferc("diff", "HEAD:old.infer", "new.infer").out == "nothing changes for requests\n"
    done = inferc("diff", "HEAD:link.infer", "old.infer")
    assert done.status == 2
    assert "'link.infer' is a link, which needs Python 3.11.4" in done.err


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("none.infer", "none.infer"),
        ("nope:old.infer", "error: "),
        ("HEAD:../other/outside.infer", "has no file ../other/outside.infer"),
        ("HEAD:/dev/null", "has no file /dev/null"),
        ("HEAD:link.infer", "'link.infer' is a link"),
        ("HEAD:through.infer", "cannot import `link.infer`: there is no such file"),
        ("wrong.infer", "E0204"),
        ("wrong.plan.json", "the plan is damaged"),
    ],
)
def test_what_cannot_be_read_is_said(inferc: Command, old: str, said: str) -> None:
    Path("wrong.infer").write_text("deployment a { modl = 1 }\n", "utf-8")
    Path("wrong.plan.json").write_text("{", "utf-8")
    Path("through.infer").write_text('import "link.infer" as l\n', "utf-8")
    if old.startswith("HEAD"):
        commit_here(Path("link.infer"))
    done = inferc("diff", old, "old.infer")
    assert done.status == 2
    assert said in done.err


@each_row(
    ("old", "new", "severity", "about", "what"),
    [
        ("= 10 }", '= 10 }, expires = "2030-01-01"', "breaking", "key team", "not set before"),
        ("= 10 }", "= 10, concurrent_requests = 2 }", "breaking", "key team", "is 2, no limit before"),
        ("= 10 }", "= 10 }, priority = -3", "risk", "key team", "`priority` is -3, 0 before"),
        ('bearer(env("TOKEN"))', 'bearer(env("OTHER"))', "breaking", "gateway", "is OTHER, TOKEN before"),
        ('"gpt-4o-mini"\n', '"gpt-4o-mini"\n  cache { ttl = 1h }\n', "risk", "mini", "not set before"),
        ("[gpt, mini]", "[mini, gpt]", "risk", "assistant", '["gpt", "mini"] before'),
        ("assistant(x)", 'assistant("${x}!")', "risk", "sum", "does something else in `return`"),
    ],
)
def test_what_has_no_sentence_of_its_own_is_told_by_its_values(
    inferc: Command, old: str, new: str, severity: str, about: str, what: str
) -> None:
    found = changed(inferc, (old, new))
    assert [s for s, a, w in found if a == about and w.endswith(what)] == [severity], found


def test_prices_of_sound_and_of_cached_words_are_told(inferc: Command) -> None:
    price = "deployment gpt {\n  price { input = $1, output = $2, audio_output = $%s, cached_input = $%s }"
    Path("old.infer").write_text(OLD.replace("deployment gpt {", price % (5, 1)), "utf-8")
    found = changed(inferc, ("deployment gpt {", price % (9, "0.5")))
    assert ("risk", "gpt", "`price.audio_output` is $9, $5 before") in found
    assert ("info", "gpt", "`price.cached_input` is $0.5, $1 before") in found


def test_the_status_may_say_how_grave_it_is(inferc: Command) -> None:
    for change, status in (
        (("KEY", "KEY"), 0),
        (("[gpt, mini]", "[gpt]"), 3),
        (("= reject", "= warn"), 4),
        (("pipeline sum", "pipeline add"), 5),
    ):
        Path("new.infer").write_text(OLD.replace(*change), "utf-8")
        assert inferc("diff", "old.infer", "new.infer", "--status-by-severity").status == status, change


def test_lines_that_only_move_change_nothing_at_all(inferc: Command) -> None:
    Path("new.infer").write_text("# first\n\n" + OLD.replace("= text", "=  text"), "utf-8")
    done = inferc("diff", "old.infer", "new.infer", "--fail-on", "info")
    assert (done.status, done.out) == (0, "nothing changes for requests\n")


def test_what_a_reload_starts_stops_and_loses(inferc: Command) -> None:
    Path("old.infer").write_text(OLD.replace("budget {", "cache { ttl = 1h }\n  budget {"), "utf-8")
    Path("new.infer").write_text(OLD.replace("= 100 }", "= 50 }").replace("[gpt, mini]", "[gpt]"), "utf-8")
    done = inferc("diff", "old.infer", "new.infer", "--fail-on", "never")
    assert done.out.partition("for that, it:\n")[2].splitlines() == [
        "  starts `gpt` anew beside the old one, which ends with its last request",
        "  loses the cached answers of `gpt`",
        "  counts the rate limits of `gpt` anew",
        "  loads all externs anew, in new processes",
    ]
