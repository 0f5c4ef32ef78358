"""Cyclic garbage is collected in the window's thread only: a Qt object that another thread destroys can crash us."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer

# Seconds between two looks when nothing happens: no more than any other slice, so that an idle machine stays idle.
SLICE = 60


class Collector(QObject):
    """Takes the automatic collection away from whichever thread allocates, and does it here, generation by generation.

    Python runs a collection in the thread whose allocation crosses a threshold: with the engine beside the window that
    is often the engine's.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=SLICE * 1000, timerType=Qt.TimerType.VeryCoarseTimer)
        self._timer.timeout.connect(self.look)

    def start(self) -> None:
        """From now on collect here."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Give the automatic collection back."""
        self._timer.stop()
        gc.collect()
        gc.enable()

    def look(self) -> None:
        """Collect what is due by the interpreter's own thresholds; also to be called when something happened."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > thresholds[generation] > 0:
                gc.collect(generation)
                return
