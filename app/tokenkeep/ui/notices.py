"""Bands above everything else: where tokens cannot be kept, and what in config.toml cannot work."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from tokenkeep.domain.session import ConfigurationProblem, EngineSnapshot, StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.ui import style, texts
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.band import Band
from tokenkeep.ui.widgets.button import Button


class StorageBand(Band):
    """What is the matter with the key or the vault, and the choices there are.

    `chosen` carries `keyring`, `passphrase` or `memory`, and the passphrase as a `Secret` or None.
    """

    chosen = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.passphrase = QLineEdit()
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.passphrase.setPlaceholderText(tr("Passphrase"))
        self.passphrase.setAccessibleName(tr("Passphrase"))
        self.use_button = Button(tr("Use this passphrase"))
        self.back_button = Button(tr("Back"))
        self._entry = QWidget()
        row = QHBoxLayout(self._entry)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.passphrase, 1)
        row.addWidget(self.use_button)
        row.addWidget(self.back_button)
        self.body.addWidget(self._entry)
        self._entry.hide()
        self.passphrase_button = Button(tr("Use a passphrase…"))
        self.memory_button = Button(tr("Keep tokens until I quit"))
        self.again_button = Button(tr("Look again"))
        self.dismiss_button = Button(tr("Understood"))
        for button in (self.passphrase_button, self.memory_button, self.again_button, self.dismiss_button):
            self.add_button(button)
        self.use_button.setEnabled(False)
        self.passphrase.textChanged.connect(lambda text: self.use_button.setEnabled(bool(text)))
        self.passphrase.returnPressed.connect(self._use)
        self.use_button.clicked.connect(self._use)
        self.back_button.clicked.connect(self.take_back)
        self.passphrase_button.clicked.connect(self._open_entry)
        self.memory_button.clicked.connect(lambda: self.chosen.emit("memory", None))
        self.again_button.clicked.connect(lambda: self.chosen.emit("keyring", None))
        self.dismiss_button.clicked.connect(self._dismiss)
        self._notice = self._dismissed = ""

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show the matter, or nothing when all is well."""
        notice = self._notice = snapshot.storage_notice
        if snapshot.locked:
            sentence = tr("The key that encrypts your tokens is not at hand. Choose how to go on; nothing is lost.")
            self.say("needs", "needs", tr("TokenKeep cannot read your tokens"), notice or sentence)
        elif snapshot.storage is StorageState.DEGRADED:
            sentence = tr("They are kept in memory and still served. TokenKeep tries again by itself.")
            self.say("needs", "needs", tr("The newest tokens could not be saved"), notice or sentence)
        else:
            self.say("plain", "needs", tr("About your stored tokens"), notice)
        if not snapshot.locked:
            self._close_entry()
        for button in (self.passphrase_button, self.memory_button, self.again_button):
            button.setVisible(snapshot.locked and self._entry.isHidden())
        degraded = snapshot.storage is StorageState.DEGRADED
        self.dismiss_button.setVisible(bool(notice) and not snapshot.locked and not degraded)
        self.show_buttons()
        self.setVisible(snapshot.locked or degraded or (bool(notice) and notice != self._dismissed))

    def take_back(self) -> bool:
        """Close the line for the passphrase; False when it is not open."""
        if self._entry.isHidden() or self.isHidden():
            return False
        self._close_entry()
        self.passphrase_button.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def _open_entry(self) -> None:
        self._show_entry(shown=True)
        self.passphrase.setFocus(Qt.FocusReason.OtherFocusReason)

    def _close_entry(self) -> None:
        if not self._entry.isHidden():
            self._show_entry(shown=False)

    def _show_entry(self, *, shown: bool) -> None:
        self.passphrase.clear()
        self._entry.setVisible(shown)
        for button in (self.passphrase_button, self.memory_button, self.again_button):
            button.setVisible(not shown)
        self.show_buttons()

    def _use(self) -> None:
        if self.passphrase.text():
            typed = Secret(self.passphrase.text())
            self._close_entry()
            self.chosen.emit("passphrase", typed)

    def _dismiss(self) -> None:
        self._dismissed = self._notice
        self.hide()


class ProblemsBand(Band):
    """What in config.toml cannot work, each with its line; a provider's own problems stand in its row."""

    open_folder = Signal()
    reload = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder_button = Button(tr("Open the folder of config.toml"))
        self.reload_button = Button(tr("Read it again"))
        self.add_button(self.folder_button)
        self.add_button(self.reload_button)
        self.folder_button.clicked.connect(self.open_folder)
        self.reload_button.clicked.connect(self.reload)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show the problems, or nothing when there is none."""
        problems = [problem for problem in snapshot.problems if not _has_row(snapshot, problem)]
        words = "\n".join(texts.configuration_problem(problem) for problem in problems)
        self.say("failed", "failed", tr("Part of config.toml cannot be used; the rest works"), words)
        self.setVisible(bool(problems))


def _has_row(snapshot: EngineSnapshot, problem: ConfigurationProblem) -> bool:
    return any(
        problem.key == f"providers.{session.id}" or problem.key.startswith(f"providers.{session.id}.")
        for session in snapshot.sessions
    )


class Notices(QWidget):
    """Both bands; takes no room when there is nothing to say."""

    storage_chosen = Signal(str, object)
    open_folder = Signal()
    reload = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.storage = StorageBand()
        self.problems = ProblemsBand()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.storage)
        self._column.addWidget(self.problems)
        self.storage.chosen.connect(self.storage_chosen)
        self.problems.open_folder.connect(self.open_folder)
        self.problems.reload.connect(self.reload)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show what a snapshot says of storage and configuration."""
        self._column.setSpacing(style.space("m"))
        self.storage.show_snapshot(snapshot)
        self.problems.show_snapshot(snapshot)
        self.setVisible(not (self.storage.isHidden() and self.problems.isHidden()))
