"""The last step of an answer, byte by byte: where the `network` switch stalls, drips, cuts and resets."""

import socket
import struct
import time
from dataclasses import dataclass
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler

from tokenkeep.demo.faults.board import FaultBoard

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# l_onoff, l_linger: close() sends RST and forgets what is unsent.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
# The environment's key under which a request finds the writer of its answer.
WIRE = "tokenkeep_demo.wire"


@dataclass(frozen=True)
class WireFault:
    """What goes wrong: `after` bytes for stall, cut and reset, `pace` in seconds for drip and slow_body."""

    kind: str
    changes: int
    after: int = 0
    pace: float = 0.0

    @classmethod
    def read(cls, value: str, changes: int) -> "WireFault":
        """From the value of the switch, for example `cut:120`, and the board's number of changes."""
        kind, _, number = value.partition(":")
        if kind in ("drip", "slow_body"):
            return cls(kind, changes, pace=float(number))
        return cls(kind, changes, after=int(float(number or 0)))

    @staticmethod
    def spares_processing(value: str) -> bool:
        """Whether the request is not even looked at: a stall, cut or reset without a number."""
        return value in ("stall", "cut", "reset")


class Wire(BufferedIOBase):
    """The file that a request handler writes its answer to; without a fault it only passes on."""

    def __init__(self, connection: socket.socket, board: FaultBoard) -> None:
        self._connection = connection
        self._board = board
        self._sent = 0
        self._ended = False
        self.fault: WireFault | None = None
        # Seconds that the Date header is ahead.
        self.ahead = 0.0

    @property
    def wants_reset(self) -> bool:
        return self._ended and self.fault is not None and self.fault.kind == "reset"

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        view = memoryview(data)
        if self._ended:
            return len(view)
        fault = self.fault
        # http.server hands the whole head over in one piece.
        if fault is None or (fault.kind == "slow_body" and self._sent == 0):
            self._send(view)
        elif fault.kind in ("drip", "slow_body"):
            self._drip(view, fault)
        else:
            self._send(view[: fault.after - self._sent])
            if self._sent == fault.after:
                self._end(fault)
        return len(view)

    def _send(self, part: memoryview) -> None:
        self._connection.sendall(part)
        self._sent += len(part)

    def _drip(self, data: memoryview, fault: WireFault) -> None:
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for position in range(len(data)):
            if self._board.wait("network", fault.changes, fault.pace):
                self._send(data[position:])
                return
            self._send(data[position : position + 1])

    def _end(self, fault: WireFault) -> None:
        self._ended = True
        if fault.kind == "stall":
            self._board.wait("network", fault.changes)
        if fault.kind != "reset":
            self._connection.shutdown(socket.SHUT_RDWR)


class WireHandler(WSGIRequestHandler):
    """Writes answers through a Wire and no access log: query strings hold codes, and `/log` has what tests need."""

    protocol_version = "HTTP/1.1"
    board: FaultBoard

    def setup(self) -> None:
        super().setup()
        self.wfile: Wire = Wire(self.connection, self.board)

    def make_environ(self) -> Any:
        return super().make_environ() | {WIRE: self.wfile}

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((time.time() if timestamp is None else timestamp) + self.wfile.ahead)

    def finish(self) -> None:
        if self.wfile.wants_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        super().finish()
        if self.wfile.wants_reset:
            # Before the server's own farewell, which would say goodbye politely first.
            self.connection.close()

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        pass
