"""The one style of `.infer` files: `format_source` rewrites a text in it and changes nothing that it says.

The steps: the tree says where items begin (places), tokens and the gaps between them become atoms
(atoms), atoms get their line breaks (layout), and the declarations are put under each other (files).
"""

from __future__ import annotations

from .files import Formatted, format_parsed, format_source, unified_diff
from .spaces import Spacing, respace

__all__ = ["Formatted", "Spacing", "format_parsed", "format_source", "respace", "unified_diff"]
