"""Files of other systems as `.infer`: `import_text` says what they say, and what of it has no equivalent.

A reader gives values with places (`yaml_file`, `json_file`, …); each format in `formats/` has tables of what
its settings are called here (`tables`), and puts them into a draft (`draft`), which is checked (`checked`)
and written (`writer`). Each setting is kept, changed or lost in the report (`report`); what no table has is
lost.
"""

from __future__ import annotations

from .foreign import ImportFailed
from .origin import read_text
from .reading import FORMATS, Imported, import_text
from .report import Entry, Outcome, Report

__all__ = [
    "FORMATS",
    "Entry",
    "ImportFailed",
    "Imported",
    "Outcome",
    "Report",
    "import_text",
    "read_text",
]
