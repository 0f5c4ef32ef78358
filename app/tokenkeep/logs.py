"""The log: one redaction for every line and traceback, rotated files, and the latest lines for the log page."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    StreamHandler = logging.StreamHandler[TextIO]
else:
    StreamHandler = logging.StreamHandler

log = logging.getLogger(__name__)

TRACE = 5
LEVELS = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
FILE_BYTES = 1_000_000
FILES_KEPT = 5
LINES_KEPT = 2_000  # in memory, for the log page
MARK = "[redacted]"

# Libraries that write live tokens into their debug log, or so much that ours drowns.
QUIETER = {
    "requests_oauthlib": logging.WARNING,
    "oauthlib": logging.WARNING,
    "urllib3": logging.INFO,
    "asyncio": logging.INFO,
    "keyring": logging.INFO,
    "qasync": logging.INFO,
}

# Names whose values are secret wherever they stand: in JSON, forms, queries, headers and Python's own notation.
_SECRET = (
    r"(?:[a-z0-9]+[_-])*(?:token|secret|password|passwd|passphrase|assertion|verifier|proof|api_?key|api-key|cookie)"
    r"|(?:[a-z0-9]+_)*private_key|device_code|user_code|code_challenge|request_uri|id_token_hint|login_hint|sid|dpop"
    r"|authorization"
)
# Names that are common words too. Their values are hidden in quotes and when they look like what a server made up.
_COMMON = r"code|state|nonce|session_state"
# Before a name: what is no part of it. In Python's notation a line break ends in a letter.
_BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=%3F)|(?<=%26)|(?<=%3f)|(?<=\\[nrt]))"
_QUOTED = re.compile(
    rf"(?P<head>{_BEGIN}(?:{_SECRET}|{_COMMON})(?:\\?[\"'])?\s*(?:[:=]|(?P<comma>,))\s*[\[(]?\s*b?)"
    # Behind a comma a name may stand, as in {"token_type": "DPoP", "access_token": "…"}: that is no value.
    r"(?P<quote>\\?[\"'])(?:(?!(?P=quote)).|(?<=\\).)*+(?P=quote)?+(?(comma)(?!\s*:))",
    re.IGNORECASE | re.DOTALL,
)
_PAIR = re.compile(
    rf"(?P<head>{_BEGIN}(?:(?:{_SECRET})(?:=|%3D)|(?:code)(?:=|%3D)(?!(?-i:\d{{1,3}}|[a-z_]{{1,24}})(?![^\s&;,]))|(?:state|nonce|session_state)(?:=|%3D)(?=[^\s&;,]{{16}}))"
    r")[^\s&;,\"'<>()\[\]{}]+",
    re.IGNORECASE,
)
_COLON = re.compile(
    rf"(?P<head>{_BEGIN}(?:[a-z0-9]+_)+(?:token|secret|password|assertion|verifier|code|key)\s*:\s+)[^\s,;\"']+",
    re.IGNORECASE,
)
_HEADER = re.compile(
    rf"(?P<head>{_BEGIN}(?:proxy-)?authorization\\?[\"']?\s*[:,=]\s*(?:b?\\?[\"'])?)[^\r\n\"'\\]+|(?P<cookie>{_BEGIN}(?:set-)?cookie\s*:\s*)[^\r\n]+",
    re.IGNORECASE,
)
_SCHEME = re.compile(rf"(?P<head>{_BEGIN}(?:Bearer|Basic|DPoP)\s+)[A-Za-z0-9._~+/\-]{{8,}}=*", re.IGNORECASE)
_JWT = re.compile(r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*")
_PREFIX = re.compile(
    rf"{_BEGIN}(?:gh[opusr]_|github_pat_|glpat-|gloas-|xox[abeprs]-|xoxe\.|ya29\.|hf_)[A-Za-z0-9_.\-]{{6,}}"
)
_URL = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*:\\?/\\?/)(?P<rest>[^\s\"'<>]+)", re.IGNORECASE)
_REQUEST_LINE = re.compile(r"(?P<head>\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+/[^\s?\"']*)\?[^\s\"']*")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def redact(text: str) -> str:
    """A text without tokens, codes, secrets, and the queries of addresses (LEAK-1); the rest stays readable."""
    text = _PEM.sub(MARK, text)
    text = _URL.sub(_bare_url, text)
    text = _REQUEST_LINE.sub(rf"\g<head>?{MARK}", text)
    text = _HEADER.sub(lambda match: (match["head"] or match["cookie"]) + MARK, text)
    text = _QUOTED.sub(rf"\g<head>\g<quote>{MARK}\g<quote>", text)
    text = _PAIR.sub(rf"\g<head>{MARK}", text)
    text = _COLON.sub(rf"\g<head>{MARK}", text)
    text = _SCHEME.sub(rf"\g<head>{MARK}", text)
    text = _JWT.sub(MARK, text)
    return _PREFIX.sub(MARK, text)


def _bare_url(match: re.Match[str]) -> str:
    """An address without user name, password, query and fragment."""
    rest = match["rest"]
    end = min((at for mark in "?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    address, cut = rest[:end], rest[end:]
    host, slash, path = address.partition("/")
    host = host.rpartition("@")[2]
    # a bracket or full stop behind a query belongs to the sentence, but nobody can tell: it goes
    return match["scheme"] + host + slash + path + (f"{cut[0]}{MARK}" if cut else "")


class RedactingFormatter(logging.Formatter):
    """One readable line for each record, in UTC by the injected clock, redacted as a whole with its traceback."""

    def __init__(self, wall: Callable[[], float]) -> None:
        """:param wall: seconds since the epoch."""
        super().__init__()
        self._wall = wall

    def format(self, record: logging.LogRecord) -> str:
        """`2026-01-31T12:00:00.000Z warning engine.sessions: text`, a traceback indented below it."""
        at = datetime.fromtimestamp(self._wall(), UTC)
        name = record.name.removeprefix("tokenkeep.")
        message = _escaped(redact(record.getMessage()))
        lines = [f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {level_name(record.levelno)} {name}: {message}"]
        if record.exc_info:
            lines += map(_escaped, redact(self.formatException(record.exc_info)).split("\n"))
        if record.stack_info:
            lines += map(_escaped, redact(record.stack_info).split("\n"))
        return "\n    ".join(lines)


def _escaped(text: str) -> str:
    """What a server sent must not look like a line of its own, or move the cursor of a terminal."""
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


class _Quiet(logging.Handler):
    """A handler that never prints what it could not log: the standard's way shows the record as it came (LEAK-1)."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Drop the record. It is the log that failed, there is nowhere to tell it."""


class RingBuffer(_Quiet):
    """The latest lines, for the log page. Any thread."""

    def __init__(self, size: int = LINES_KEPT) -> None:
        super().__init__()
        self._lines: deque[tuple[int, str]] = deque(maxlen=size)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        try:
            self._lines.append((record.levelno, self.format(record)))
        except Exception:  # noqa: BLE001 - a record that cannot be formatted must not disturb who logged it
            self.handleError(record)

    def lines(self, level: str = "trace") -> list[str]:
        """The lines of at least that level, oldest first."""
        least = LEVELS[level]
        return [line for number, line in list(self._lines) if number >= least]


class _Stream(_Quiet, StreamHandler):
    """To a terminal or the journal."""


class _File(_Quiet, logging.handlers.RotatingFileHandler):
    """Rotated files that only their owner can read, from birth and whatever the umask."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "tokenkeep.log", maxBytes=FILE_BYTES, backupCount=FILES_KEPT - 1, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.baseFilename, flags, 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors="backslashreplace")


class Logs:
    """What `configure` set up."""

    def __init__(self, ring: RingBuffer, handlers: list[logging.Handler], problem: str) -> None:
        """:param problem: why there is no file, else empty."""
        self.ring = ring
        self.problem = problem
        self._handlers = handlers
        self._hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        self._levels = {name: logging.getLogger(name).level for name in QUIETER}

    def set_level(self, level: str) -> None:
        """Change the level while running; `level` as in `config.toml`. Loose-tongued libraries stay capped."""
        number = LEVELS[level]
        logging.getLogger().setLevel(number)
        for name, least in QUIETER.items():
            logging.getLogger(name).setLevel(max(least, number))

    def close(self) -> None:
        """Take everything back, so that another `configure` can follow."""
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks
        root = logging.getLogger()
        root.setLevel(logging.WARNING)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()


def configure(
    level: str, log_dir: Path | None, *, wall: Callable[[], float], stream: TextIO | None = None, size: int = LINES_KEPT
) -> Logs:
    """Set up logging for the process, and let uncaught exceptions go the same, redacted way.

    :param level: as in `config.toml`: trace, debug, info, warning, error.
    :param log_dir: made owner-only; None for no file. A folder that cannot be used is named in `Logs.problem`.
    :param wall: seconds since the epoch.
    :param stream: besides, standard error as a rule.
    :param size: how many lines the ring buffer keeps.
    """
    logging.addLevelName(TRACE, "TRACE")
    ring = RingBuffer(size)
    handlers: list[logging.Handler] = [ring]
    problem = ""
    if stream is not None:
        handlers.append(_Stream(stream))
    if log_dir is not None:
        try:
            log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            log_dir.chmod(0o700)
            handlers.append(_File(log_dir))
        except OSError as error:
            problem = f"There is no log file: {log_dir} cannot be used ({error.strerror})."
    formatter = RedactingFormatter(wall)
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    logs = Logs(ring, handlers, problem)
    logs.set_level(level)
    _catch_uncaught()
    if problem:
        log.warning("%s", problem)
    return logs


def level_name(number: int) -> str:
    """The configuration's word for a level."""
    return next((name for name, least in reversed(LEVELS.items()) if number >= least), "trace")


def _catch_uncaught() -> None:
    """Uncaught exceptions are printed with their message as it is, unless somebody catches them."""

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("an error that nobody expected", exc_info=(kind, error, trace))

    def in_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and not issubclass(arguments.exc_type, SystemExit):
            uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def unraisable(arguments: sys.UnraisableHookArgs) -> None:
        if arguments.exc_value is not None:
            uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable
