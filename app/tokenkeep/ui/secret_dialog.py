"""Typing a client secret in, or pasting a token: it goes to the vault and is never shown again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit

from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.ports import Clock
from tokenkeep.domain.tokens import Secret
from tokenkeep.ui import dialog_texts as words
from tokenkeep.ui.dialog_frame import DialogFrame, Heading, Page, provider_tile
from tokenkeep.ui.sign_in_results import Role
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.button import Button

WIDTH = 34.0  # em


@dataclass(frozen=True, slots=True)
class Wording:
    """What is typed in.

    :param title: of window and heading.
    :param field: the name of the field.
    """

    title: str
    sentence: str
    field: str


def client_secret(name: str) -> Wording:
    """The client secret of a provider of that name."""
    return Wording(
        tr("Client secret of {name}", name=name),
        tr("It was shown when this client was registered there. TokenKeep seals it and never shows it again."),
        tr("Client secret"),
    )


def pasted_token(name: str) -> Wording:
    """A token that a person got at a provider of that name."""
    return Wording(
        tr("Token of {name}", name=name),
        tr("Make one there, often called personal access token, and paste it. TokenKeep seals it."),
        tr("Token"),
    )


class SecretDialog(DialogFrame):
    """Never modal. `given` carries the `Secret`; whoever takes it says what came of it."""

    given = Signal(object)

    def __init__(
        self, clock: Clock, provider: str, name: str, wording: Callable[[str], Wording] = client_secret
    ) -> None:
        super().__init__(WIDTH, clock)
        typed = wording(name)
        self.setWindowTitle(typed.title)
        page = Page(ruled=False)
        self.heading = Heading(provider_tile(provider, name), mark=True)
        self.heading.mark.hide()
        self.heading.say(typed.title, typed.sentence)
        self.field = QLineEdit(echoMode=QLineEdit.EchoMode.Password)
        self.field.setAccessibleName(typed.field)
        self.field.setPlaceholderText(typed.field)
        page.body.addWidget(self.heading)
        page.body.addWidget(self.field)
        page.body.addStretch(1)
        self.save_button = page.add_button(Button(tr("Save"), kind="primary"), Role.AcceptRole)
        self.cancel_button = page.add_button(Button(tr("Cancel")), Role.RejectRole)
        self.field.textChanged.connect(self._look)
        self.field.returnPressed.connect(self.save)
        self.save_button.clicked.connect(self.save)
        self.cancel_button.clicked.connect(self.reject)
        self.add_page(page)
        self._look()

    def open_up(self, *, activate: bool) -> None:
        """As every dialog; the field takes the keyboard."""
        super().open_up(activate=activate)
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def save(self) -> None:
        """Hand over what was typed; the field is empty from then on."""
        secret = Secret(self.field.text())
        if secret:
            self.field.clear()
            self.given.emit(secret)

    def saved(self) -> None:
        """It is kept: there is nothing more to do here."""
        self.accept()

    def refused(self, error: TokenKeepError) -> None:
        """It could not be kept: say why, so that it can be typed once more."""
        self.heading.mark.show()
        self.heading.say(error.title, words.with_step(error) if error.detail else error.hint, "failed")
        self.fit()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _look(self) -> None:
        self.save_button.setEnabled(bool(self.field.text()))
