#!/usr/bin/env python3
"""Runs `hustings` from a checkout: puts platform/ on the path, then calls the console script."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(1, str(Path(__file__).resolve().parent / "platform"))
    from hustings.cli import main

    main()
