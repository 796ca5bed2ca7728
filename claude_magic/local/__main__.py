"""``python -m claude_magic.local``: run the local server."""

from __future__ import annotations

import sys

from claude_magic.errors import ClaudeMagicError
from claude_magic.local.serve import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except ClaudeMagicError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
