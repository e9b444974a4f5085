"""Acts: sets up the log of a run: for people on a terminal, as JSON lines elsewhere."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import fields, is_dataclass
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console

LogFormat: TypeAlias = Literal["auto", "text", "json"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PLAIN = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the fields of `extra=`."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for key, value in vars(record).items():
            if key in _STANDARD:
                continue
            if is_dataclass(value) and not isinstance(value, type):
                if str(value) == entry["message"]:  # its fields say the rest
                    entry["message"] = str(value).partition("\n")[0]
                value = {each.name: getattr(value, each.name) for each in fields(value)}
            entry[key] = value
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{seconds}.{int(record.msecs):03d}Z"


def set_up(log_format: LogFormat, stream: IO[str], *, debug: bool) -> Console | None:
    """Send the log to `stream`. Gives the console that it is written on, where it is one."""
    console: Console | None = None
    handler: logging.Handler
    if log_format == "auto":
        log_format = "text" if stream.isatty() else "json"
    if log_format == "text" and stream.isatty():
        from rich.console import Console
        from rich.highlighter import NullHighlighter
        from rich.logging import RichHandler

        console = Console(file=stream)
        handler = RichHandler(
            console=console,
            show_path=False,
            omit_repeated_times=False,
            highlighter=NullHighlighter(),
        )
        handler.setFormatter(logging.Formatter("%(message)s", "%X"))
    else:
        handler = logging.StreamHandler(stream)
        plain = logging.Formatter(_PLAIN)
        handler.setFormatter(JsonLines() if log_format == "json" else plain)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.captureWarnings(True)
    return console
