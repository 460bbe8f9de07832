"""The `gateway` and `cluster` blocks of the root file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dsl import syntax as s
from ..dsl.deployment import MOST_GPUS
from ..dsl.diagnostics import Diagnostics, Edit, Fix
from ..dsl.fields import above, at_least, doc
from ..dsl.gateway import (
    AUTO_WORKERS,
    LONGEST_NAME,
    MAX_BODY,
    MAX_BODY_MEMORY,
    MOST_WORKERS,
    Bounds,
    ClientTimeouts,
    Cors,
    Jwt,
    Tls,
    is_key_url,
    is_loopback,
    is_name_of_state,
    is_origin,
    split_address,
)
from ..dsl.guards import Guard
from ..dsl.keys import Key, read_moment
from ..dsl.kinds import SecretSource
from ..dsl.late_pattern import late_pattern
from ..dsl.late_text import LateText, is_unknown
from ..dsl.policies import Budget, State
from ..dsl.record import frozen
from ..dsl.runtimes import SecretRef
from ..dsl.secret_values import SECRET_FUNCTIONS
from ..dsl.units import Duration, Size
from ..dsl.validation import ranges
from ..dsl.values import Call, Word
from .blocks.merge import Merger, Paths, Section, Setting
from .blocks.shape import Shaper
from .blocks.structure import structure
from .evaluation.evaluate import Evaluator
from .placement import Node
from .program import DeclaredGuard, DeclaredKey, GatewaySettings
from .scope import Scope


@frozen(eq=False, repr=False, slots=False)
class GatewayFields:
    """What a `gateway` block holds."""

    bind: str = doc("address and port, such as `127.0.0.1:8080`", default="127.0.0.1:8080")
    auth: SecretRef | None = doc(
        'who may call: `bearer(env("TOKEN"))`, or `none`: everyone; needed where other machines reach '
        "`bind`, and there are no keys",
        default=None,
    )
    key: dict[str, Key] = doc("who may call with a key of their own", factory=dict)
    guard: dict[str, Guard] = doc("code of your own that sees requests and answers", factory=dict)
    timeout: Duration | None = above(
        0, "longest that a client waits for an answer; unset: as long as it takes", default=None
    )
    timeouts: ClientTimeouts = doc("how long it waits for a client", factory=ClientTimeouts)
    max_body: Size = above(0, "largest body of a request, unpacked", default=MAX_BODY)
    max_body_memory: Size = above(
        0, "all bodies together, unpacked, of requests that are not answered yet", default=MAX_BODY_MEMORY
    )
    jwt: Jwt | None = doc("tokens that others sign, and that name keys", default=None)
    tls: Tls | None = doc("its certificate; unset: clients connect by `http://`", default=None)
    cors: Cors = doc("which web pages may call", factory=Cors)
    bounds: Bounds = doc("the most that one request may take; more is an error when checked", factory=Bounds)
    budget: Budget | None = doc("spend ceilings of all requests together", default=None)
    state: State = doc("how spend and shared limits are kept", factory=State)
    workers: int = at_least(
        1,
        "processes that answer requests at the same port; `auto`: one for each core",
        at_most=MOST_WORKERS,
        default=1,
    )
    grpc: str | None = doc(
        "address and port of the Open Inference Protocol over gRPC, such as `127.0.0.1:8001`; unset: "
        "HTTP alone",
        default=None,
    )


@frozen(eq=False, repr=False, slots=False)
class NodeFields:
    """What a `node` block holds."""

    gpus: int = at_least(0, "GPUs of the machine", at_most=MOST_GPUS)


@frozen(eq=False, repr=False, slots=False)
class ClusterFields:
    """What a `cluster` block holds."""

    node: dict[str, NodeFields] = doc("a machine of the cluster", factory=dict)


_HALF_ADDRESS = late_pattern(r":?(\d{1,5})|([A-Za-z][\w.-]*|\d+(?:\.\d+){3})")
"""A port without its address, or an address without its port."""


class GlobalBlocks:
    """Reads the blocks that belong to no deployment."""

    def __init__(self, found: Diagnostics, evaluator: Evaluator, merger: Merger) -> None:
        self._found = found
        self._merger = merger
        self._shaper = Shaper(found, evaluator)

    def gateway(self, scope: Scope) -> GatewaySettings:
        """The settings of the gateway, defaults where nothing was written."""
        node = _only(scope, s.GatewayDeclaration)
        if node is None:
            return GatewaySettings()
        section = self._merger.merge_body(
            scope, node.body, scope.module.span(node.start, node.start + len("gateway"))
        )
        paths: Paths = {}
        values = self._shaper.shape(section, GatewayFields, "`gateway`", (), paths)
        auth = values.get("auth")
        is_open = isinstance(auth, Word) and auth == "none"
        if is_open:
            del values["auth"]
        elif isinstance(auth, Call) and auth.name == "bearer":
            values["auth"] = auth.args[0]
        elif isinstance(auth, Call) and auth.name in SECRET_FUNCTIONS:
            self._bare_secret(section.settings["auth"])
        by_cores = isinstance(values.get("workers"), Word) and values["workers"] == "auto"
        if by_cores:
            del values["workers"]
        fields = structure(values, GatewayFields, paths, self._found)
        if fields is None:
            return GatewaySettings()
        is_bind_open = is_unknown(fields.bind)
        host, port = (fields.bind, 0) if is_bind_open else self._address(fields.bind, section)
        self._in_range(fields, paths)
        self._origins(fields.cors, paths)
        if fields.grpc is not None:
            rpc_host, _ = self._address(fields.grpc, section, "grpc")
            if "auth" not in section.settings and not fields.key and not is_loopback(rpc_host):
                self._everyone(rpc_host, section, "grpc")
        needs_auth = "auth" not in section.settings and not fields.key
        if needs_auth and not is_bind_open and not is_loopback(host):
            self._everyone(host, section)
        if is_open and fields.key:
            self._open_with_keys(section)
        self._certificate(fields.tls, paths)
        self._tokens(fields.jwt, fields.key, paths)
        keys = tuple(self._key(name, key, paths) for name, key in fields.key.items())
        guards = tuple(self._guard(name, guard, paths) for name, guard in fields.guard.items())
        timeout = section.settings.get("timeout")
        self._check_name(fields.state.name, section)
        return GatewaySettings(
            host=host,
            port=port,
            bind=fields.bind if isinstance(fields.bind, LateText) else None,
            auth=fields.auth,
            open=is_open,
            timeout=fields.timeout if fields.timeout is not None and fields.timeout > 0 else None,
            timeouts=fields.timeouts,
            max_body=fields.max_body,
            max_body_memory=fields.max_body_memory,
            cors=fields.cors,
            keys=keys,
            guards=guards,
            tls=fields.tls,
            jwt=fields.jwt,
            span=scope.span(node),
            timeout_span=timeout.span if timeout else None,
            state=fields.state,
            budget=fields.budget,
            bounds=fields.bounds,
            grpc=fields.grpc,
            workers=AUTO_WORKERS if by_cores else fields.workers,
            paths=paths,
        )

    def _check_name(self, name: str | None, section: Section) -> None:
        """The name of the state is a part of keys in a store."""
        if name is None or is_unknown(name) or is_name_of_state(name):
            return
        self._found.error(
            "E0304",
            f"`name` must have 1 to {LONGEST_NAME} characters, none of them `/`",
            section.sections["state"].settings["name"].span,
        )

    def _everyone(self, host: str, section: Section, field: str = "bind") -> None:
        """Other machines reach the gateway, and it asks nobody for a token."""
        if "auth" in section.meant:  # another word was meant for it, which is told
            return
        self._found.error(
            "E0317",
            f"`{host}` is reached from other machines, and `auth` does not say who may call",
            section.settings[field].span,
            "whoever reaches it spends your money",
            help='add `auth = bearer(env("TOKEN"))`, or `auth = none` if everyone may call',
        )

    def _open_with_keys(self, section: Section) -> None:
        self._found.error(
            "E0320",
            "`auth = none` lets everyone in, so that the keys would keep nobody out",
            section.settings["auth"].span,
            "everyone may call",
            help="remove it: with keys, nobody else may call",
        )

    def _certificate(self, tls: Tls | None, paths: Paths) -> None:
        """Certificates are files: they are followed when they change."""
        if tls is None:
            return
        from .certificate_files import check_certificate, check_pair  # few files name any

        for name in ("cert", "key", "client_ca"):
            ref = getattr(tls, name)
            if ref is not None:
                check_certificate(ref, name, _written(paths, ("tls", name)).span, self._found)
            if ref is not None and ref.source is not SecretSource.FILE:
                self._found.error(
                    "E0301",
                    f"`{name}` is a file",
                    _written(paths, ("tls", name)).span,
                    "not a file",
                    help=f'write `{name} = file("path.pem")`',
                )
        check_pair(tls.cert, tls.key, _written(paths, ("tls", "key")).span, self._found)

    def _tokens(self, jwt: Jwt | None, keys: Mapping[str, Key], paths: Paths) -> None:
        if jwt is None:
            return
        if not is_unknown(jwt.jwks) and not is_key_url(jwt.jwks):
            self._found.error(
                "E0304",
                f"`{jwt.jwks}` is no URL of keys",
                _written(paths, ("jwt", "jwks")).span,
                help='write a URL with `https://`, such as `"https://login.example.com/.well-known/jwks.json"`',
            )
        if not keys:
            section = paths["jwt",]
            assert isinstance(section, Section)
            self._found.error(
                "E0305",
                "tokens name keys, and there is none",
                section.name_span,
                help="add `key NAME { … }`, with the models and the limits of those who have such a token",
            )

    def _key(self, name: str, key: Key, paths: Paths) -> DeclaredKey:
        """`key`, when it is right by itself; what it names is checked with everything else."""
        section = paths["key", name]
        assert isinstance(section, Section)
        declared = DeclaredKey(name, section.label_span(), section.scope, paths, key)
        if "" in key.models or not _is_name(name):
            message = f"names of keys have 1 to {LONGEST_NAME} printable characters"
            self._found.error("E0304", message, declared.span)
        is_known = key.expires is not None and not is_unknown(key.expires)
        if is_known and read_moment(str(key.expires)) is None:
            self._found.error(
                "E0304",
                f"`{key.expires}` is no date",
                declared.written("expires"),
                help='write a day, such as `"2027-01-31"`, or a time, such as `"2027-01-31T18:00:00+01:00"`',
            )
        return declared

    def _guard(self, name: str, guard: Guard, paths: Paths) -> DeclaredGuard:
        """`guard`, when it is right by itself; what it names is checked with everything else."""
        section = paths["guard", name]
        assert isinstance(section, Section)
        declared = DeclaredGuard(name, section.label_span(), section.scope, paths, guard)
        for field in ("request", "answer"):
            if (setting := declared.setting(field)) is not None:
                setting.scope.find_reference(setting.node.value)  # which is used, then
        if not _is_name(name):
            message = f"names of guards have 1 to {LONGEST_NAME} printable characters"
            self._found.error("E0304", message, declared.span)
        return declared

    def _origins(self, cors: Cors, paths: Paths) -> None:
        for origin in cors.origins:
            if not is_unknown(origin) and not is_origin(origin):
                self._found.error(
                    "E0318",
                    f"`{origin}` is no origin of a web page",
                    _written(paths, ("cors", "origins")).span,
                    "expected `scheme://host`",
                    help='write it as browsers do, such as `"https://chat.example.com"`, and without a path',
                )

    def _bare_secret(self, setting: Setting) -> None:
        """The secret is named, but not what is done with it."""
        meant = f"bearer({setting.span.text})"
        self._found.error(
            "E0301",
            "`auth` says how clients prove who they are",
            setting.span,
            "as what?",
            fixes=[Fix(f"write `{meant}`", (Edit(setting.span, meant),))],
        )

    def _address(self, bind: str, section: Section, field: str = "bind") -> tuple[str, int]:
        address = split_address(bind)
        if address is not None:
            return address
        setting = section.settings[field]
        half, url = _HALF_ADDRESS.fullmatch(bind), bind.partition("://")[2].partition("/")[0]
        meant = f'"{half[2] or "127.0.0.1"}:{half[1] or 8080}"' if half is not None else ""
        if split_address(url) is not None:
            meant = f'"{url}"'
        self._found.error(
            "E0312",
            f"`{bind}` is no address and port",
            setting.span,
            "expected `address:port`",
            fixes=[Fix(f"write `{meant}`", (Edit(setting.span, meant),), safe=False)] if meant else (),
            help='write `"127.0.0.1:8080"`, or `"0.0.0.0:8080"` for all interfaces',
        )
        return GatewaySettings().host, GatewaySettings().port

    def nodes(self, scope: Scope) -> tuple[Node, ...]:
        """The machines of the cluster, in the order in which they were written."""
        node = _only(scope, s.ClusterDeclaration)
        if node is None:
            return ()
        section = self._merger.merge_body(
            scope, node.body, scope.module.span(node.start, node.start + len("cluster"))
        )
        paths: Paths = {}
        values = self._shaper.shape(section, ClusterFields, "`cluster`", (), paths)
        fields = structure(values, ClusterFields, paths, self._found)
        if fields is None or not self._in_range(fields, paths):
            return ()
        return tuple(Node(name, each.gpus) for name, each in fields.node.items())

    def _in_range(self, fields: GatewayFields | ClusterFields, paths: Paths) -> bool:
        problems = list(ranges(fields))
        for problem in problems:
            span = _written(paths, problem.path).span
            self._found.error(problem.code, problem.message, span, help=problem.help)
        return not problems


def _is_name(name: str) -> bool:
    """Whether keys and guards may be called that."""
    return name.strip() != "" and name.isprintable() and len(name) <= LONGEST_NAME


def _written(paths: Paths, path: tuple[str, ...]) -> Setting:
    """Where the value at `path` was written, which is no default."""
    setting = paths[path]
    assert isinstance(setting, Setting)
    return setting


def _only(scope: Scope, kind: Any) -> Any:
    return next(iter(scope.module.each(kind)), None)
