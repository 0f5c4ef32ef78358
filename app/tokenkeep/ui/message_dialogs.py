"""Small windows that say what came of a command, and the question whether to go on without a window."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel

from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.ports import Clock
from tokenkeep.ui import dialog_texts as words
from tokenkeep.ui import icons, style
from tokenkeep.ui.dialog_frame import DialogFrame, Heading, Page
from tokenkeep.ui.sign_in_results import Role
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.button import Button

WIDTH = 34.0  # em


class MessageDialog(DialogFrame):
    """A heading, a sentence and a way out; never modal."""

    def __init__(self, clock: Clock, heading: str, text: str, *, mark: str = "failed") -> None:
        super().__init__(WIDTH, clock)
        self.setWindowTitle(tr("TokenKeep"))
        page = Page(ruled=False)
        self.heading = Heading(_app_picture(), mark=bool(mark))
        self.heading.say(heading, text, mark)
        page.body.addWidget(self.heading)
        page.body.addStretch(1)
        close = page.add_button(Button(tr("Close")), Role.RejectRole)
        close.clicked.connect(self.reject)
        self.add_page(page)


class QuitQuestion(DialogFrame):
    """Whether to quit, where that costs something."""

    quit_wanted = Signal()
    hide_wanted = Signal()

    def __init__(self, clock: Clock, heading: str, text: str, stay: str) -> None:
        """:param stay: the words on the button that goes on."""
        super().__init__(WIDTH, clock)
        self.setWindowTitle(tr("TokenKeep"))
        page = Page(ruled=False)
        self.heading = Heading(_app_picture())
        self.heading.say(heading, text)
        page.body.addWidget(self.heading)
        page.body.addStretch(1)
        self.stay = page.add_button(Button(stay), Role.YesRole)
        self.quit = page.add_button(Button(tr("Quit TokenKeep")), Role.NoRole)
        self.stay.clicked.connect(self.hide_wanted)
        self.quit.clicked.connect(self.quit_wanted)
        for button in (self.stay, self.quit):
            button.clicked.connect(self.reject)
        self.add_page(page)


def closed_without_tray(clock: Clock) -> QuitQuestion:
    """The window was closed, and there is no tray from which it could be opened again."""
    text = tr(
        "There is no tray here. TokenKeep can go on keeping tokens fresh; start it again to see the window. "
        "When it quits, programs get no tokens."
    )
    return QuitQuestion(clock, tr("Go on without a window?"), text, tr("Go on without a window"))


def quit_with_unsaved(clock: Clock) -> QuitQuestion:
    """Somebody wants to quit while a sign-in lies in memory only (REF-1)."""
    text = tr(
        "The last change of a sign-in could not be saved yet. TokenKeep keeps trying; quitting now may mean "
        "that you have to sign in again."
    )
    return QuitQuestion(clock, tr("Quit although something is not saved?"), text, tr("Keep running"))


def problem_dialog(clock: Clock, error: TokenKeepError) -> MessageDialog:
    """What a command came to, in words with the next step."""
    return MessageDialog(clock, error.title, words.with_step(error) if error.detail else error.hint)


def _app_picture() -> QLabel:
    side = style.BIG_TILE * style.unit()
    picture = QLabel()
    picture.setTextFormat(Qt.TextFormat.PlainText)
    picture.setFixedSize(side, side)
    picture.setPixmap(icons.app_icon().pixmap(side, side))
    return picture
