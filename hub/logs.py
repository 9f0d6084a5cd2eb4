"""Structured logs on standard error: JSON lines for machines, or colours for people.

No code, key, password or request body is ever handed to a logger; what names a person is an id.
"""

from __future__ import annotations

import contextlib
import logging
import sys

import structlog

from hub.config import Settings


def configure(settings: Settings, process: str) -> None:
    """Set up this process's logging; `process` is in every line."""
    level = getattr(logging, settings.log_level.upper())
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=max(level, logging.WARNING), force=True)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Printer(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(process=process)


class _Printer(structlog.PrintLogger):
    """A line that cannot be written is lost, and nothing else is: who logs a fault is about to mend it.

    The disk below standard error is full, whoever reads it has ended (OSError), or it is closed (ValueError).
    """

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg
