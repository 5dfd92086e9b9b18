"""What a run did, as lines of JSON: each step with its facility, scene and seconds."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from geo.errors import StoreError

LOGGER = "facility_watch"
_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, message, and whatever the call gave as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **{key: given for key, given in record.__dict__.items() if key not in _STANDARD},
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def log_to(path: Path) -> None:
    """Appends what happens from now on to a file; `-` is standard error.

    Raises:
        StoreError: The file can't be written.
    """
    try:
        handler: logging.Handler = (
            logging.StreamHandler(sys.stderr) if str(path) == "-" else logging.FileHandler(path, encoding="utf-8")
        )
    except OSError as error:
        raise StoreError(f"--log {path}: can't be written ({error.strerror}); name another file") from error
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
