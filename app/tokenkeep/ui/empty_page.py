"""The first run: nothing is set up yet, and what to do about it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from tokenkeep.domain.session import EngineSnapshot, StorageState
from tokenkeep.ui import icons, style
from tokenkeep.ui.notices import Notices
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.band import Band
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.scroll_page import ScrollPage
from tokenkeep.ui.widgets.value import Value

EXAMPLE = '[providers.example]\nissuer = "https://auth.example.com"\nclient_id = "your-client-id"'
DEMO = "tokenkeep demo"


class EmptyPage(ScrollPage):
    """One column: what TokenKeep is for, where its providers are written down, how to try it.

    :param config_file: where providers are written.
    """

    open_folder_requested = Signal()
    reload_requested = Signal()

    def __init__(self, config_file: Path, parent: QWidget | None = None) -> None:
        self._column = QVBoxLayout()
        super().__init__(self._column, centered=True, parent=parent)
        self.icon = QLabel()
        self.icon.setTextFormat(Qt.TextFormat.PlainText)
        self.title = Label(tr("Sign in once, stay signed in"), "title")
        self._subtitle = Label(tr("TokenKeep keeps the tokens of your providers fresh for other programs."), quiet=True)
        self.notices = Notices()
        self.path = Value("mono", name=tr("Configuration file"))
        self.path.show_text(str(config_file))
        self.example = Value("mono", name=tr("Example"), quiet=True)
        self.example.show_text(EXAMPLE)
        self.folder_button = Button(tr("Open the folder"), icon="folder", kind="primary")
        self.copy_button = Button(tr("Copy the example"), icon="copy")
        self.reload_button = Button(tr("Read it again"), icon="refresh")
        self.demo_button = Button(tr("Copy the command"), icon="copy")
        self.kept = Label(quiet=True)
        self._build()
        self._space()
        self.folder_button.clicked.connect(self.open_folder_requested)
        self.reload_button.clicked.connect(self.reload_requested)
        self.copy_button.clicked.connect(lambda: self._copy(EXAMPLE, self.copy_button))
        self.demo_button.clicked.connect(lambda: self._copy(DEMO, self.demo_button))
        self.notices.open_folder.connect(self.open_folder_requested)
        self.notices.reload.connect(self.reload_requested)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show what a snapshot without providers has to tell."""
        self.notices.show_snapshot(snapshot)
        self.kept.setText("" if snapshot.locked else _kept(snapshot.storage))
        self.kept.setVisible(bool(self.kept.text()))

    def _build(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(self.title)
        words.addWidget(self._subtitle)
        words.addStretch(1)
        self._head = QHBoxLayout()
        self._head.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignVCenter)
        self._head.addLayout(words, 1000)  # its lines end at 70 characters, the rest goes to the far side
        self._head.addStretch(1)
        first = self._block(
            tr("Add your first provider"),
            tr("Providers are written into this file. Add an entry like the one below and save."),
            [self.path, self.example],
            [self.folder_button, self.copy_button, self.reload_button],
        )
        demo = Value("mono", name=tr("Command"))
        demo.show_text(DEMO)
        trial = self._block(
            tr("No provider at hand?"),
            tr("This starts TokenKeep together with a demo provider on this computer."),
            [demo],
            [self.demo_button],
        )
        self._column.addLayout(self._head)
        for part in (self.notices, first, trial, self.kept):
            self._column.addWidget(part)
        self._column.addStretch(1)

    def _block(self, title: str, sentence: str, values: list[Value], buttons: list[Button]) -> Band:
        block = Band()
        block.say("plain", "signed_out", title, sentence)
        block.mark.hide()
        for value in values:
            block.body.addWidget(value)
        for button in buttons:
            block.add_button(button)
        return block

    def _copy(self, text: str, button: Button) -> None:
        QGuiApplication.clipboard().setText(text)
        button.set_icon("check")
        button.set_words(tr("Copied"))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._space()

    def _space(self) -> None:
        edge, side = style.space("xl"), style.BIG_TILE * style.unit()
        self._column.setContentsMargins(edge, style.space("xxl"), edge, edge)
        self._column.setSpacing(style.space("l"))
        self._head.setSpacing(style.space("l"))
        self.set_column_width(style.em(style.COLUMN_WIDTH) + 2 * edge)
        self.icon.setPixmap(icons.app_icon().pixmap(side, side))


def _kept(storage: StorageState) -> str:
    match storage:
        case StorageState.KEYRING:
            return tr("Tokens are stored encrypted on this computer. The key is in your login keyring.")
        case StorageState.PASSPHRASE:
            return tr("Tokens are stored encrypted on this computer, behind your passphrase.")
        case StorageState.MEMORY:
            return tr("Tokens are kept in memory only and are gone when TokenKeep quits.")
        case StorageState.DEGRADED:
            return ""
