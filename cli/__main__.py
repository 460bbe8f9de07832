"""`python -m inferc.cli`."""

import sys

from .main import main

sys.exit(main())
