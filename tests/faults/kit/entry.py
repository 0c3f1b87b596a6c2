"""The tests' own way into the program: ``python -m tests.faults.kit.entry WORDS`` is ``parlour WORDS`` with failpoints."""

from __future__ import annotations

import sys

from tests.faults.kit.failpoints import install


def main() -> int:
    """Wrap the seams that the environment names, then run the program."""
    install()
    from app.cli import main as parlour

    return parlour(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
