"""What a check of a provider found: the same text as `tokenkeep check`, to be sent to whoever runs the server."""

from __future__ import annotations

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QPlainTextEdit

from tokenkeep.domain.check import CheckReport, Outcome, as_text
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.ports import Clock
from tokenkeep.ui import dialog_texts as words
from tokenkeep.ui import style
from tokenkeep.ui.dialog_frame import DialogFrame, Heading, Page, provider_tile
from tokenkeep.ui.sign_in_results import Role
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.copy_button import CopyButton

WIDTH = 50.0  # em; room for a line of the report
COLUMNS = 76  # of the report
LINES = 18  # that are seen at once


class CheckDialog(DialogFrame):
    """Opens while the check is under way; never modal."""

    def __init__(self, clock: Clock, provider: str, name: str) -> None:
        super().__init__(WIDTH, clock)
        self.setWindowTitle(tr("Check of {name}", name=name))
        self._name = name
        page = Page(ruled=True)
        self.heading = Heading(provider_tile(provider, name), mark=True)
        self.heading.say(
            tr("Checking {name}…", name=name), tr("TokenKeep reads what the server publishes about itself."), "working"
        )
        self.report = QPlainTextEdit(readOnly=True, tabChangesFocus=True)
        self.report.setAccessibleName(tr("Report"))
        self.report.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.report.hide()
        page.body.addWidget(self.heading)
        page.body.addWidget(self.report, 1)
        page.body.addStretch(0)
        self.copy_button = page.add_button(CopyButton(tr("Copy report"), self.report.toPlainText), Role.ActionRole)
        self.copy_button.hide()
        self.close_button = page.add_button(Button(tr("Close")), Role.RejectRole)
        self.close_button.clicked.connect(self.reject)
        self.add_page(page)
        self._space()

    def show_report(self, report: CheckReport) -> None:
        """Say what was found."""
        failed, seen = len(report.of(Outcome.FAIL)), len(report.of(Outcome.WARN))
        send = tr("Copy the report and send it to whoever runs the server.")
        if not report.reachable:
            self.heading.say(tr("{name} cannot be reached", name=self._name), send, "offline")
        elif failed:
            title = tr("One rule is broken") if failed == 1 else tr("{count} rules are broken", count=failed)
            self.heading.say(title, send, "failed")
        elif seen:
            title = tr("One thing to look at") if seen == 1 else tr("{count} things to look at", count=seen)
            self.heading.say(title, tr("A sign-in works with this server. {send}", send=send), "needs")
        else:
            self.heading.say(tr("The server is as it should be"), tr("Every rule that it should keep is kept."), "ok")
        self.report.setPlainText(as_text(report, COLUMNS))
        self.report.show()
        self.copy_button.show()
        self.fit()

    def show_problem(self, error: TokenKeepError) -> None:
        """Say why there is no report."""
        self.heading.say(error.title, words.with_step(error) if error.detail else error.hint, "failed")
        self.fit()

    def _space(self) -> None:
        font = style.font("mono")
        self.report.setFont(font)
        edge = 2 * (self.report.frameWidth() + round(self.report.document().documentMargin()))
        self.report.setMinimumHeight(QFontMetrics(font).height() * LINES + edge)
