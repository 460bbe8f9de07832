"""TLS and proxies: what companies put between a gateway and its providers.

The provider is a mock; certificates are made by OpenSSL, and nginx, tinyproxy and mitmproxy stand before it.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .conftest import Note
from .served import Answer, Json, Served, post, stream
from .tls import LOGIN, TINY_LOGIN, Company, tinyproxy

PATH = "/v1/chat/completions"
PASSWORDS = [each.partition(":")[2] for each in (LOGIN, LOGIN.replace("%40", "@"), TINY_LOGIN)]


class TestTls:
    server = Company()

    def test_proxy_that_reads_all(
        self, served: Served, words: dict[str, str], folder: Path, note: Note
    ) -> None:
        """`HTTPS_PROXY` with a password, and `SSL_CERT_FILE` for a proxy that reads all; whole, streamed."""
        assert _text(_ask(served, "far")) == _text(post(words["mock"], PATH, _body("gpt-4o-mini")))
        chunks = [each for each in stream(served.url, PATH, _body("far")) if each["choices"]]
        assert "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks)
        passed = (folder / "mitm.log").read_text().count(f"POST {words['mock']}{PATH}")
        assert passed == 2
        note(f"the provider's text, and {len(chunks)} chunks; {passed} requests went through it")

    def test_authority(self, served: Served, note: Note) -> None:
        """An authority of one's own, with another between it and the site, trusted by `tls { ca }` alone."""
        assert _ask(served, "plain").status == 200
        said = _refused(served, "untrusted")
        assert "tls { ca = file(" in said
        note(f"answered; without it: {_short(said)}")

    def test_wrong_certificates(self, served: Served, note: Note) -> None:
        """Certificates that are past their time, for another name, or without the one in between: refused."""
        old, elsewhere, bare = (_refused(served, name) for name in ("old", "elsewhere", "bare"))
        assert "expired" in old
        assert "localhost" in elsewhere
        assert "issuer" in bare
        note(_short(old, elsewhere, bare))

    def test_client_certificate(self, served: Served, folder: Path, note: Note) -> None:
        """A site that wants a certificate gets the one of `tls { cert, key }`; others are refused."""
        assert _ask(served, "known").status == 200
        assert "200 CN=me" in (folder / "asking.log").read_text()
        for name in ("unknown", "stranger"):
            said = _refused(served, name)
            assert "tls { cert = file(…), key = file(…) }" in said
        note(f"nginx saw CN=me; the others: {_short(said)}")

    def test_closed_connections(self, served: Served, note: Note) -> None:
        """A site that closes its connections after three requests: sixty requests at once, none is lost."""
        with ThreadPoolExecutor(12) as threads:
            answers = list(threads.map(lambda _: _ask(served, "known").status, range(60)))
        assert answers == [200] * 60
        note("60 answers")

    def test_proxy_of_one_deployment(
        self, served: Served, words: dict[str, str], folder: Path, note: Note
    ) -> None:
        """`proxy` and `proxy_login`: TLS goes through it unread; a wrong password, a proxy that is gone."""
        seen = (folder / "asking.log").read_text().count("200 CN=me")
        with tinyproxy(folder, words["tiny"]):
            assert _ask(served, "tiny").status == 200
            wrong = _refused(served, "locked")
        assert f"the proxy 127.0.0.1:{words['tiny']}" in wrong
        assert "proxy_login" in wrong
        gone = _refused(served, "tiny")
        assert f"the proxy 127.0.0.1:{words['tiny']}" in gone
        with tinyproxy(folder, words["tiny"]):
            assert _ask(served, "tiny").status == 200
        assert (folder / "asking.log").read_text().count("200 CN=me") == seen + 2
        note(f"{_short(wrong, gone)}; there again, it answers")

    def test_passwords(self, served: Served, note: Note) -> None:
        """Nobody's password is in the log."""
        assert not [each for each in PASSWORDS if each in served.log]
        note("none")


def _body(model: str) -> Json:
    return {"model": model, "messages": [{"role": "user", "content": "Good morning."}]}


def _ask(served: Served, name: str) -> Answer:
    return post(served.url, PATH, _body(name))


def _text(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return str(answer.json["choices"][0]["message"]["content"])


def _refused(served: Served, name: str) -> str:
    """What the error says, without the port, which is another one each time."""
    answer = _ask(served, name)
    assert answer.status >= 500, answer.body
    said = str(answer.json["error"]["message"])
    assert not [each for each in PASSWORDS if each in said]
    return said


def _short(*said: str) -> str:
    """Without ports, which are others each time, and without whose error it is."""
    return "; ".join(re.sub(r"(localhost|127\.0\.0\.1):\d+", r"\1", each.partition(") ")[2]) for each in said)
