"""python -m portal.cloud.local --root FOLDER --socket PATH: the local cloud's server, in the foreground."""

import argparse
import logging
import sys
from pathlib import Path

from pythonjsonlogger.json import JsonFormatter

from portal.cloud.local.server import layout_of, serve

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_NAMES = {"asctime": "at", "levelname": "level", "name": "logger", "message": "event"}  # as the portal's own log


def main() -> int:
    """Read the arguments, log to stderr as JSON, a line an event, and serve."""
    parser = argparse.ArgumentParser(prog="python -m portal.cloud.local", description="Serve a local cloud.")
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds all its data")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen; at most 107 bytes")
    parser.add_argument(
        "--accept-unfenced-training",
        choices=("true", "false"),
        default="false",
        help="run training scripts also where this machine cannot fence them off from its other data",
    )
    arguments = parser.parse_args()
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(_FORMAT, rename_fields=_NAMES))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    return serve(layout_of(arguments.root, arguments.socket), arguments.accept_unfenced_training == "true")


if __name__ == "__main__":
    sys.exit(main())
