"""The command line: python -m minigrad demo."""

import argparse
import sys
from collections.abc import Sequence

from minigrad import demo


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m minigrad", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    demo.add_command(commands)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
