"""Put the extension for Zed into build/zed, with the grammar of this clone as it is committed.

    python scripts/build_zed.py [REPOSITORY]

REPOSITORY: where Zed fetches the grammar from, in place of this clone.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from _written import ROOT

SOURCE = ROOT / "grammar" / "zed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("repository", nargs="?", default=ROOT.as_uri(), help="a URL")
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        print(f"error: Zed fetches the grammar by its commit: {asked.stderr.strip()}", file=sys.stderr)
        return 1
    made = build(parser.parse_args().repository, asked.stdout.strip(), ROOT / "build" / "zed")
    print(f"in Zed: `zed: install dev extension`, and choose {made}")
    return 0


def build(repository: str, commit: str, made: Path) -> Path:
    """The extension in the folder `made`."""
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(SOURCE, made)
    manifest = made / "extension.toml"
    text = manifest.read_text("utf-8").replace("{repository}", repository)
    manifest.write_text(text.replace("{commit}", commit), "utf-8")
    return made


if __name__ == "__main__":
    sys.exit(main())
