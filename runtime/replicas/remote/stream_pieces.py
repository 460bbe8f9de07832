"""What one piece of a provider's stream says."""

from __future__ import annotations

from ...dialects.bedrock.event_stream import BrokenStream
from ...dialects.server_sent_events import MAX_EVENT, EventTooLarge, SseParser, is_lines
from ...requests.errors import ServerError
from .body import Body
from .chat_answers import ChunkReader, read_events
from .faults import Faults
from .passthrough.streams import PassingReader, Read
from .relay import Parser


async def beginning(body: Body, begin: bytes, most: int) -> tuple[bytes, bool]:
    """The first bytes of `body`, and whether it is JSON in one piece, whatever it is called.

    begin: those that were read, with an opening brace or bracket in front. most: bytes that are read at once.
    Raises OutOfBounds and ClientError.
    """
    while begin.startswith(b"{") and (goes_on := is_lines(begin)) is not True:
        if goes_on is False or not (more := await body.piece(most)):
            return begin, True
        begin += more
        body.since = None
    return begin, begin.startswith(b"[")


def read_piece(faults: Faults, reader: ChunkReader, parser: Parser, body: Body, data: bytes) -> Read:
    """The chunks in `data` of `body`, which is empty at the end, and the error that stops the stream."""
    if type(reader) is PassingReader and type(parser) is SseParser:
        read = reader.read_piece(data, parser)
        if read is not None:
            body.since = None
            return read
    try:
        events = parser.feed(data) if data else parser.close()
    except EventTooLarge:
        return [], faults.of(ServerError, f"sent an event of more than {MAX_EVENT >> 20} MiB")
    except BrokenStream:
        return [], faults.of(ServerError, "sent a stream that cannot be read")
    if events or parser.in_event:
        body.since = None
    chunks, error = read_events(reader, events, closing=not data)
    if not data and not reader.ended and error is None:
        error = faults.of(ServerError, "ended the stream without its end marker")
    return chunks, error
