"""What companies put between a gateway and its providers: nginx with TLS, and two kinds of proxies."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .served import until
from .servers import Server, started

LOGIN = "ann:p-%40-word"
"""User and password of the proxy that reads all, as an address has them."""
TINY_LOGIN = "ben:tiny-word"
FAR = "https://provider.example"
"""A host that only the proxy that reads all knows."""

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_NGINX = """
daemon off;
pid nginx.pid;
error_log error.log;
events {{ }}
http {{
  log_format who "$status $ssl_client_s_dn";
  client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
  keepalive_requests 3;
  proxy_buffering off;
  {sites}
}}
"""
_SITE = """
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {cert}.crt;
    ssl_certificate_key {key}.key;
    access_log {name}.log who;
    {more}
    location / {{ proxy_pass {mock}; }}
  }}
"""
_ASKS = "ssl_client_certificate root.crt; ssl_verify_client on;"
_SITES = {
    "plain": ("good", "good", ""),
    "asking": ("good", "good", _ASKS),
    "old": ("old", "old", ""),
    "elsewhere": ("elsewhere", "elsewhere", ""),
    "bare": ("leaf", "good", ""),
}
"""The sites of nginx: certificate, key, what else is said. `bare` sends its certificate alone."""

_TINY = """
Listen 127.0.0.1
Port {port}
BasicAuth ben tiny-word
Timeout 60
LogLevel Info
"""


class Company(Server):
    """A provider that is reached by TLS and through proxies only."""

    name, title, package = "tls", "TLS and proxies", "mitmproxy"

    def version(self) -> str:
        others = (("nginx", "-v"), ("tinyproxy", "-v"), ("openssl", "version"))
        return ", ".join([super().version(), *(f"`{each[0]}` {_version(*each)}" for each in others)])

    @contextmanager
    def upstreams(self, folder: Path) -> Iterator[dict[str, str]]:
        absent = [each for each in ("nginx", "tinyproxy", "openssl") if shutil.which(each) is None]
        assert not absent, f"install {' '.join(absent)}: apt-get install {' '.join(absent)}"
        certificates(folder)
        with ExitStack() as stack, super().upstreams(folder) as words:
            words = words | {name: str(free_port()) for name in (*_SITES, "tiny")}
            sites = [
                _SITE.format(name=name, port=words[name], cert=cert, key=key, more=more, mock=words["mock"])
                for name, (cert, key, more) in _SITES.items()
            ]
            (folder / "nginx.conf").write_text(_NGINX.format(sites="".join(sites)))
            stack.enter_context(listening(["nginx", "-p", folder, "-c", "nginx.conf"], words["plain"]))
            yield words | {"reads_all": stack.enter_context(self._reads_all(folder, words["mock"]))}

    @contextmanager
    def _reads_all(self, folder: Path, mock: str) -> Iterator[str]:
        """A proxy whose authority signs a certificate for each host, as companies have them."""
        login = LOGIN.replace("%40", "@")
        command = [
            *(self.environment / "bin/mitmdump", "--listen-host", "127.0.0.1", "--listen-port", "0"),
            *(
                "--set",
                f"confdir={folder / 'mitm'}",
                "--proxyauth",
                login,
                "--set",
                "connection_strategy=lazy",
            ),
            *("--map-remote", f"|{FAR}|{mock}"),
        ]
        with started(command, folder / "mitm.log", r"(?<=listening at )127\.0\.0\.1:\d+") as where:
            yield where

    def environ(self, folder: Path, words: Mapping[str, str]) -> dict[str, str]:
        trusted = str(folder / "mitm/mitmproxy-ca-cert.pem")
        login = {"TINY_LOGIN": TINY_LOGIN, "WRONG_LOGIN": "ben:wrong"}
        return {"HTTPS_PROXY": f"http://{LOGIN}@{words['reads_all']}", "SSL_CERT_FILE": trusted, **login}

    def text(self, folder: Path, words: Mapping[str, str]) -> str:
        mine = 'cert = file("me.crt"), key = file("me.key")'
        tiny = f'proxy = "http://127.0.0.1:{words["tiny"]}", proxy_login = env("TINY_LOGIN")'
        root = 'ca = file("root.crt")'
        ways = {
            "far": (FAR, ""),
            "plain": ("plain", f"tls {{ {root} }}"),
            "untrusted": ("plain", ""),
            "old": ("old", f"tls {{ {root} }}"),
            "elsewhere": ("elsewhere", f"tls {{ {root} }}"),
            "bare": ("bare", f"tls {{ {root} }}"),
            "known": ("asking", f"tls {{ {root}, {mine} }}"),
            "unknown": ("asking", f"tls {{ {root} }}"),
            "stranger": ("asking", f"tls {{ {root}, {mine.replace('me.', 'stranger.')} }}"),
            "tiny": ("asking", f"tls {{ {root}, {mine} }}, {tiny}"),
            "locked": ("asking", f"tls {{ {root}, {mine} }}, {tiny.replace('TINY', 'WRONG')}"),
        }
        return "".join(
            f"""
deployment {name} {{
  model = "gpt-4o-mini"
  runtime openai {{
    api_key = env("KEY")
    endpoint = "{site if site == FAR else f"https://localhost:{words[site]}"}/v1"
    {more}
    retry {{ max_retries = 0 }}
  }}
}}
"""
            for name, (site, more) in ways.items()
        )


def certificates(folder: Path) -> None:
    """By OpenSSL: an authority, one between it and a site, sites, and clients.

    `good` and `me` are right, `old` is past its time, `elsewhere` is for another name, nobody has signed
    `stranger`. `good` comes with the one between, as sites have to send it; `leaf` is it alone.
    """

    def openssl(*words: str) -> None:
        done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def signed(name: str, by: str, days: int, extension: str) -> None:
        (folder / f"{name}.ext").write_text(extension)
        openssl("req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        by_whom = ("-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", str(days))
        openssl(
            "x509", "-req", "-in", f"{name}.csr", *by_whom, "-extfile", f"{name}.ext", "-out", f"{name}.crt"
        )

    for name in ("root", "stranger"):
        files = ("-keyout", f"{name}.key", "-out", f"{name}.crt")
        openssl("req", "-x509", *_KEY, "-days", "2", *files, "-subj", f"/CN={name}")
    signed("middle", "root", 2, "basicConstraints=critical,CA:TRUE")
    here = "subjectAltName=DNS:localhost"
    for name, days, extension in (
        ("good", 2, here),
        ("old", -1, here),
        ("elsewhere", 2, "subjectAltName=DNS:other"),
    ):
        signed(name, "middle", days, extension)
        alone = (folder / f"{name}.crt").read_text()
        (folder / f"{name}.crt").write_text(alone + (folder / "middle.crt").read_text())
        if name == "good":
            (folder / "leaf.crt").write_text(alone)
    signed("me", "root", 2, "extendedKeyUsage=clientAuth")


@contextmanager
def tinyproxy(folder: Path, port: str) -> Iterator[None]:
    """A proxy that wants a user and a password, and passes on what it cannot read."""
    (folder / "tiny.conf").write_text(_TINY.format(port=port))
    with listening(["tinyproxy", "-d", "-c", folder / "tiny.conf"], port):
        yield


@contextmanager
def listening(command: list[object], port: str) -> Iterator[None]:
    """A program that listens at a port until the block ends."""
    words = [str(each) for each in command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_there() -> bool:
        assert process.poll() is None, f"{words[0]} ended: {process.returncode}"
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", int(port))) == 0

    try:
        until(is_there, f"{words[0]} listens")
        yield
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """One that nobody listens at: nginx and tinyproxy are told theirs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _version(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    assert found, done.stdout
    return found[0]
