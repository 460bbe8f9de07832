"""The connection to a client: pygls's protocol, with the texts kept here instead of there.

The protocol's lines end at `\n`, `\r\n` and `\r` only, and a change is never refused.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from contextvars import ContextVar
from typing import Any

import orjson
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcInvalidRequest
from pygls.lsp.server import LanguageServer
from pygls.protocol.json_rpc import JsonRPCNotification
from pygls.protocol.language_server import LanguageServerProtocol, lsp_method

from .documents import Document
from .workspace import Workspace

ARRIVED: ContextVar[Document | None] = ContextVar("arrived", default=None)
"""The text that the message at hand is about, as it was when the message came."""

log = logging.getLogger(__name__)


class TextServer(LanguageServer, ABC):
    """A server that is told of the texts of its client."""

    files: Workspace

    @abstractmethod
    def opened(self, item: lsp.TextDocumentItem) -> None:
        """The client has opened a text."""

    @abstractmethod
    def changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        """The client has changed a text."""

    @abstractmethod
    def closed(self, uri: str) -> None:
        """The client needs a text no more."""


class Protocol(LanguageServerProtocol):
    """What comes in and goes out."""

    _server: TextServer

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._server.opened(params.text_document)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        self._server.changed(params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._server.closed(params.text_document.uri)

    def handle_message(self, message: Any) -> None:
        """Remember which text the message is about: it may have changed when its turn comes."""
        named = getattr(getattr(message, "params", None), "text_document", None)
        uri = getattr(named, "uri", None)
        ARRIVED.set(self._server.files.document(uri) if uri is not None else None)
        is_request = hasattr(message, "method") and getattr(message, "id", None) is not None
        if self._shutdown and is_request:  # pygls leaves it without an answer
            self._send_response(message.id, error=JsonRpcInvalidRequest().to_response_error())
            return
        super().handle_message(message)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A message as a value. A request with parameters of the wrong form is answered at once."""
        try:
            return super().structure_message(data)
        except JsonRpcException:
            if "id" not in data or "method" not in data:
                raise
            self._send_response(data["id"], error=JsonRpcInvalidParams().to_response_error())
            return JsonRPCNotification(method="$/refused", jsonrpc=self.VERSION, params=None)

    def _send_handler_result(self, future: Any, *, msg_id: str | int) -> None:
        """Answer a request. That it is refused is an answer, too, and nothing for the log."""
        refused = None if future.cancelled() else future.exception()
        if not isinstance(refused, JsonRpcException):
            super()._send_handler_result(future, msg_id=msg_id)
            return
        self._request_futures.pop(msg_id, None)
        self._send_response(msg_id, error=refused.to_response_error())

    def _send_data(self, data: Any) -> None:
        """Write a message, by orjson where it can: pygls's `json` takes ten times as long."""
        try:
            body = orjson.dumps(self._serialize_message(data))
        except TypeError:  # half of a surrogate pair, or nothing to send
            super()._send_data(data)
            return
        if self.writer is not None:
            self.writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
