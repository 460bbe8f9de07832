"""Commands for a running server, as processes: each speaks to the server of the same user alone."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support.commands import ROOT, Running, serving
from ..support.forked import ran

FILE = """
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai {
    api_key = env("OPENAI_API_KEY")
    endpoint = "http://127.0.0.1:9/v1"
    retry { max_retries = 0 }
  }
}
gateway { bind = "127.0.0.1:0" }
"""
MORE = """
deployment more {
  model = "gpt-4o"
  runtime openai { api_key = env("OPENAI_API_KEY"), endpoint = "http://127.0.0.1:9/v1" }
}
"""

Inferc = Callable[..., tuple[int, str, str]]


@pytest.fixture
def inferc(socket_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Inferc:
    """Runs a command in a world with no other servers; gives status, output and errors."""
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> tuple[int, str, str]:
        done = ran(*arguments, cwd=ROOT, text=True)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def server(inferc: Inferc, tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "chat.infer").write_text(FILE)
    with serving(
        "run", str(tmp_path / "chat.infer"), "--audit-log", str(tmp_path / "audit.jsonl")
    ) as running:
        yield running


def failed_request(url: str) -> str:
    """Asks what cannot be answered; gives the id of the request."""
    body = json.dumps({"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}).encode()
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(urllib.request.Request(f"{url}/v1/chat/completions", body), timeout=30)
    with error.value:
        return str(error.value.headers["x-request-id"])


def test_a_changed_file_is_taken_over_when_that_is_asked_for(
    inferc: Inferc, server: Running, tmp_path: Path
) -> None:
    file = tmp_path / "chat.infer"
    assert inferc("reload", "--dry-run") == (0, "nothing would change\n", "")
    file.write_text(FILE + MORE)
    assert inferc("reload", "--dry-run") == (0, "deployment `more` is new\n", "")
    assert json.loads(inferc("status", "--json")[1])["deployments"][-1]["name"] == "gpt"
    assert inferc("reload", "--server", str(file)) == (0, "deployment `more` is new\n", "")
    assert json.loads(inferc("status", "--json")[1])["deployments"][-1]["name"] == "more"
    file.write_text("nonsense")
    status, _, said = inferc("reload")
    assert (status, said) == (1, "error: the file cannot be used; `inferc check` says why\n")
    assert "warning: the last reload: the file cannot be used" in inferc("status")[1]
    assert "more" in inferc("status")[1]


def test_a_failed_request_is_explained(inferc: Inferc, server: Running) -> None:
    name = failed_request(server.url)
    status, story, said = inferc("why", name)
    assert (status, said) == (0, "")
    assert "asked gpt" in story
    assert "gpt #0: failed: openai (deployment `gpt`) cannot be reached" in story
    assert "network_error, status 502" in story
    assert name in inferc("why")[1]
    assert json.loads(inferc("why", name, "--json")[1])["outcome"] == "network_error"
    assert inferc("why", "other")[0] == 1
    assert inferc("cost", "--by", "model")[1].startswith("ASKED  REQUESTS  PROMPT  ANSWER  COST\ngpt    1 ")


def test_an_operator_opens_circuits_and_drains_deployments_and_the_log_says_who(
    inferc: Inferc, server: Running, tmp_path: Path
) -> None:
    assert inferc("breaker", "gpt", "open", "--for", "5m")[1] == "the circuit of gpt is open for 300 s\n"
    assert inferc("breaker", "gpt", "close")[1] == "the circuit of gpt is closed\n"
    assert inferc("hold", "gpt", "90s")[0] == 0
    assert inferc("drain", "gpt")[1] == "no requests come to gpt; running: 0\n"
    assert "warning: gpt: no requests come to it" in inferc("status")[1]
    assert inferc("drain", "gpt", "--undo")[0] == 0
    assert inferc("drain", "nope")[2] == "error: there is no deployment `nope`; there are `gpt`\n"
    assert inferc("hold", "gpt", "soon")[0] == 2
    assert inferc("scale", "gpt", "3")[1] == "gpt has 3 replicas, until the file is read again\n"
    assert len(json.loads(inferc("status", "--json")[1])["deployments"][0]["replicas"]) == 3
    assert "has 1 to 1000 replicas" in inferc("scale", "gpt", "0")[2]
    assert "there are `gpt`" in inferc("scale", "nope", "2")[2]
    assert inferc("reload")[1] == "deployment `gpt` has changed: replicas\n"
    assert inferc("log", "debug", "--for", "10m")[1] == "the log says what is debug or worse for 600 s\n"
    name = failed_request(server.url)
    assert inferc("log", "error")[0] == 0
    assert inferc("drain", "gpt")[0] == 0
    _, said = server.stop()
    assert ": drain name='gpt' undo=False" in said
    assert name in said, "each attempt, once the log was to say more"
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["command"], line["outcome"]) for line in lines][-3:] == [
        ("log", "done"),
        ("log", "done"),
        ("drain", "done"),
    ]
    assert any(line["outcome"].startswith("refused: there is no deployment") for line in lines)


def test_a_file_that_is_watched_is_taken_over_when_it_changes(inferc: Inferc, tmp_path: Path) -> None:
    file = tmp_path / "chat.infer"
    file.write_text(FILE)
    with serving("run", str(file), "--watch"):
        file.write_text(FILE + MORE)
        assert any("more" in inferc("status")[1] or time.sleep(0.1) for _ in range(100))


def test_where_no_socket_can_be_the_server_works_without_commands(
    inferc: Inferc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chat.infer").write_text(FILE)
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / ("long" * 30)):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        if folder.name.startswith("long"):
            folder.mkdir()
        with (
            serving("run", str(tmp_path / "chat.infer")) as running,
            urllib.request.urlopen(f"{running.url}/readyz", timeout=30) as answer,
        ):
            assert answer.status == 200
        assert "no commands are taken" in running.before


def test_without_a_server_it_says_so(inferc: Inferc, tmp_path: Path) -> None:
    assert inferc("reload") == (1, "", "error: no server of yours runs: start one with `inferc run FILE`\n")
    status, _, said = inferc("why", "--server", "some.infer")
    assert (status, said) == (
        1,
        "error: no server of yours runs some.infer: start it with `inferc run some.infer`\n",
    )


@pytest.mark.parametrize("form", ["json", "people"])
def test_each_request_is_a_line_of_the_output(form: str, inferc: Inferc, tmp_path: Path) -> None:
    (tmp_path / "chat.infer").write_text(FILE)
    command = ("run", str(tmp_path / "chat.infer"), "--access-log", form, "--log-format", form)
    out = tmp_path / "out"
    with out.open("w") as output, serving(*command, output=output) as running:
        name = failed_request(running.url)
        _, said = running.stop()
    [line] = out.read_text().splitlines()
    assert name in line
    if form == "json":
        told: dict[str, Any] = json.loads(line)
        assert (told["id"], told["status"]) == (name, 502)
        assert all(json.loads(each)["level"] for each in said.splitlines())


KEYS = FILE.replace("gateway {", "gateway { key team_a { }")


def test_keys_for_people_are_made_listed_exchanged_and_revoked_while_it_runs(
    inferc: Inferc, tmp_path: Path
) -> None:
    file = tmp_path / "chat.infer"
    file.write_text(KEYS)

    def status(secret: str) -> int:
        request = urllib.request.Request(
            f"{running.url}/v1/models", headers={"Authorization": f"Bearer {secret}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def becomes(secret: str, expected: int) -> bool:
        return any(status(secret) == expected or time.sleep(0.1) for _ in range(100))

    with serving("run", str(file)) as running:
        done, secret, said = inferc("key", "new", str(file), "team_a", "--person", "ada", "--expires", "90d")
        secret = secret.strip()
        assert (done, secret[:10]) == (0, "sk-inferc-")
        assert becomes(secret, 200)
        name = said.split()[1].rstrip(",")
        assert f"{name}  team_a  ada" in inferc("key", "list", str(file))[1]
        following = inferc("key", "rotate", str(file), name)[1].strip()
        assert becomes(following, 200)
        assert status(secret) == 200
        assert inferc("key", "revoke", str(file), name)[0] == 0
        assert becomes(secret, 401)
        assert status(following) == 200
        assert "revoked" in inferc("key", "list", str(file))[1]
        for wrong, says in (
            (("new", "nope"), "has no key `nope`: there are `team_a`"),
            (("revoke", "x"), "there is no key with the id x"),
            (("rotate", name), f"{name} is revoked"),
            (("revoke",), "needs a key"),
        ):
            done, _, said = inferc("key", wrong[0], str(file), *wrong[1:])
            assert (done, says in said) == (1, True), said
