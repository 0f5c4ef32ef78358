"""The slow turn of the working mark, while there is something to see."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

TURN = 1200  # milliseconds for a full turn
STEPS = 24


class Turning(QObject):
    """Emits the next angle in degrees; costs nothing while it does not run."""

    turned = Signal(float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._step = 0
        self._timer = QTimer(self, interval=TURN // STEPS)
        self._timer.timeout.connect(self._next)

    @property
    def running(self) -> bool:
        """Whether it turns now."""
        return self._timer.isActive()

    def run(self, wanted: bool) -> None:
        """Turn, or stand still upright."""
        if wanted == self.running:
            return
        if wanted:
            self._timer.start()
        else:
            self._timer.stop()
            self._step = 0
            self.turned.emit(0.0)

    def _next(self) -> None:
        self._step = (self._step + 1) % STEPS
        self.turned.emit(360.0 * self._step / STEPS)
