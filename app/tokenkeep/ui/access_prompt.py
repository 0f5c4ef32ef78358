"""The question whether a program may have a token; silence, Escape and closing are no, this time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QSizePolicy, QVBoxLayout, QWidget

from tokenkeep.domain.access import AccessRequest, Decision, Holding
from tokenkeep.domain.ports import Clock
from tokenkeep.ui import dialog_texts as words
from tokenkeep.ui import icons, style
from tokenkeep.ui.dialog_frame import DialogFrame, Heading, Page, facts, rule
from tokenkeep.ui.sign_in_results import Role
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.band import Band
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.facts import Fact
from tokenkeep.ui.widgets.label import Label

WIDTH = 40.0  # em
# A key or click that was meant for another window must not answer; KeePassXC and OpenSnitch both had such reports.
GUARD = 700  # milliseconds without working buttons after opening, a new question, or getting the focus
REMEMBER = 43_200.0  # seconds; the default of `[access] remember`

_HOLDINGS = {
    "token": (Holding.ONCE, Holding.FOR_A_WHILE, Holding.UNTIL_QUIT, Holding.ALWAYS),
    "manage": (Holding.ONCE, Holding.UNTIL_QUIT),
}


class AccessPrompt(DialogFrame):
    """One window for all questions that wait, one at a time.

    `answered` carries the request's id, a `Decision` and a `Holding`. Time that runs out answers nothing: the engine
    counts it as silence.

    :param remember: seconds that "for a while" holds.
    """

    answered = Signal(str, object, object)

    def __init__(self, clock: Clock, *, remember: float = REMEMBER, guard: QTimer | None = None) -> None:
        super().__init__(WIDTH, clock)
        self._remember = remember
        self._requests: tuple[AccessRequest, ...] = ()
        self._answered: set[str] = set()
        self._count = 0
        self.guard = guard or QTimer(self)
        self.guard.setSingleShot(True)
        self.guard.setInterval(GUARD)
        self.guard.timeout.connect(self._let_answer)
        page = Page(ruled=True)
        self.heading = Heading(ProgramSign(), quiet=True)
        self.warning = Band()
        self.facts = facts()
        self.holding = HoldingChoice()
        self.left = Label(kind="caption", quiet=True)
        self.deny = page.add_button(Button(tr("Deny")), Role.NoRole)
        self.allow = page.add_button(Button(tr("Allow")), Role.YesRole)
        self.deny.clicked.connect(lambda: self._answer(Decision.DENY))
        self.allow.clicked.connect(lambda: self._answer(Decision.ALLOW))
        for widget in (self.heading, self.warning, self.facts, rule(), self.holding):
            page.body.addWidget(widget)
        page.body.addStretch(1)
        page.at_foot(self.left)
        self.add_page(page)

    @property
    def request(self) -> AccessRequest | None:
        """The question that is shown."""
        return self._requests[0] if self._requests else None

    def show_requests(self, requests: Sequence[AccessRequest]) -> None:
        """Take over what waits, oldest first; the window goes when nothing does."""
        waiting = tuple(request for request in requests if request.id not in self._answered)
        self._answered &= {request.id for request in requests}
        before = self.request
        self._count = len(waiting) if not self._requests else max(self._count, self._place + len(waiting) - 1)
        self._requests = waiting
        if self.request is None:
            self._count = 0
            self.hide()
            return
        if before is None or before.id != self.request.id:
            self._show_question(self.request)
        self.setWindowTitle(words.access_title(self._place, self._count))

    @property
    def _place(self) -> int:
        """Which of the questions that came together this one is, counted from 1."""
        return max(1, self._count - len(self._requests) + 1)

    def tick(self) -> None:
        """Step the time; with none left nothing can be answered any more."""
        request = self.request
        if request is None:
            return
        seconds = request.expires_at - self._clock.wall()
        self.left.setText(words.denied_in(seconds))
        if seconds <= 0:
            self.guard.stop()
            self._set_buttons(enabled=False)

    def reject(self) -> None:
        """Escape or close: no, this time, without a rule. The next question keeps the window."""
        self._answer(Decision.DENY, Holding.ONCE)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self._hold_answers()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._hold_answers()
        self.heading.title.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_question(self, request: AccessRequest) -> None:
        self._hold_answers()
        self.heading.say(words.access_question(request), words.access_consequence(request))
        warning = words.access_warning(request.application)
        self.warning.setVisible(bool(warning))
        self.warning.say("needs", "needs", warning, "")
        self.warning.show_buttons()
        self.facts.show_facts([Fact(*fact) for fact in words.access_facts(request)])
        self.holding.offer(request, self._remember)
        self.heading.title.setFocus(Qt.FocusReason.OtherFocusReason)
        self.tick()
        self.fit()

    def _answer(self, decision: Decision, holding: Holding | None = None) -> None:
        request = self.request
        if request is None:
            self.hide()
            return
        chosen = holding or self.holding.chosen
        self._answered.add(request.id)
        self.answered.emit(request.id, decision, chosen)
        self.show_requests(self._requests)

    def _hold_answers(self) -> None:
        self._set_buttons(enabled=False)
        self.guard.start()

    def _let_answer(self) -> None:
        request = self.request
        if request is not None and request.expires_at > self._clock.wall():
            self._set_buttons(enabled=True)

    def _set_buttons(self, *, enabled: bool) -> None:
        for button in (self.deny, self.allow):
            if not enabled and button.hasFocus():
                self.heading.title.setFocus(Qt.FocusReason.OtherFocusReason)
            button.setEnabled(enabled)


class HoldingChoice(QWidget):
    """How long the answer holds; just this once is chosen anew for each question."""

    def __init__(self) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self._buttons: dict[Holding, QRadioButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.space("s"))
        title = Label(tr("How long does your answer hold?"), "strong")
        layout.addWidget(title)
        for holding in Holding:
            button = QRadioButton()
            button.setAccessibleDescription(title.text())
            self._group.addButton(button)
            self._buttons[holding] = button
            layout.addWidget(button)
        self.runner = Label(kind="caption", quiet=True)
        layout.addWidget(self.runner)

    @property
    def chosen(self) -> Holding:
        """What is chosen now."""
        return next((holding for holding, button in self._buttons.items() if button.isChecked()), Holding.ONCE)

    @property
    def offered(self) -> dict[Holding, QRadioButton]:
        """The choices of this question."""
        return {holding: button for holding, button in self._buttons.items() if not button.isHidden()}

    def offer(self, request: AccessRequest, remember: float) -> None:
        """Offer what can hold for this program: nothing holds for ever for one that runs other programs."""
        possible = _HOLDINGS["manage" if request.purpose == "manage" else "token"]
        for holding, button in self._buttons.items():
            button.setText(words.holding_words(holding, remember))
            offered = holding in possible and (holding is not Holding.ALWAYS or request.application.identified)
            button.setVisible(offered)
        self._buttons[Holding.ONCE].setChecked(True)
        known = bool(request.application.executable)
        self.runner.setText(words.holds_for_runner(request.application) if known else "")
        self.runner.setVisible(known and not request.application.identified)


class ProgramSign(QWidget):
    """The sign of a program, in the place where dialogs about a provider have its tile."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        side = style.BIG_TILE * style.unit()
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color("track"))
        painter.drawRoundedRect(self.rect(), 2 * style.unit(), 2 * style.unit())
        side = 6 * style.unit()
        place = QRect((self.width() - side) // 2, (self.height() - side) // 2, side, side)
        icons.paint_line_icon(painter, place, "terminal", style.color("text2"))
