"""What real providers refuse, refused here in their words: tables of rules, each with its source."""

from .answers import Quirks, room_headers
from .tables import PROVIDERS, Table, fields_of, table
from .whose import provider_of

__all__ = ["PROVIDERS", "Quirks", "Table", "fields_of", "provider_of", "room_headers", "table"]
