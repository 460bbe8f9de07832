"""Amazon Bedrock: Converse and ConverseStream, for models of every vendor."""

from .event_stream import EventStreamParser
from .read_answer import BedrockReader
from .write_request import DIALECT, write_request

__all__ = ["DIALECT", "BedrockReader", "EventStreamParser", "write_request"]
