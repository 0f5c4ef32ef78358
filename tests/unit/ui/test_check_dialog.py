"""Diagnose: what the window shows of a check, and what it puts on the clipboard."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from support import snapshots
from support.fake_ui_engine import CHECKED, FakeClock
from tokenkeep.domain.check import CheckReport, Finding, Outcome, as_text
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.ui.check_dialog import COLUMNS, CheckDialog


@pytest.fixture
def dialog(qapp: QApplication) -> CheckDialog:
    made = CheckDialog(FakeClock(), "example", "Example")
    made.fit()
    made.show()
    qapp.processEvents()
    return made


def test_it_says_that_it_is_under_way_and_has_nothing_to_copy(dialog: CheckDialog) -> None:
    assert dialog.heading.title.text() == "Checking Example…"
    assert dialog.copy_button.isHidden()
    assert dialog.report.isHidden()


def test_the_report_is_the_one_of_the_command_line_and_can_be_copied(dialog: CheckDialog) -> None:
    dialog.show_report(CHECKED)
    assert dialog.heading.title.text() == "One rule is broken"
    assert dialog.heading.mark.mark == "failed"
    assert dialog.report.toPlainText() == as_text(CHECKED, COLUMNS)
    assert dialog.report.isReadOnly()
    dialog.copy_button.click()
    assert QGuiApplication.clipboard().text() == as_text(CHECKED, COLUMNS)


@pytest.mark.parametrize(
    ("outcomes", "title", "mark"),
    [
        ((Outcome.PASS,), "The server is as it should be", "ok"),
        ((Outcome.PASS, Outcome.SKIP), "The server is as it should be", "ok"),
        ((Outcome.WARN,), "One thing to look at", "needs"),
        ((Outcome.WARN, Outcome.WARN), "2 things to look at", "needs"),
        ((Outcome.FAIL, Outcome.FAIL, Outcome.WARN), "2 rules are broken", "failed"),
    ],
)
def test_the_heading_says_how_it_ended(
    dialog: CheckDialog, outcomes: tuple[Outcome, ...], title: str, mark: str
) -> None:
    rules = tuple(Finding(f"rule.{number}", outcome, "Seen.") for number, outcome in enumerate(outcomes))
    dialog.show_report(replace(CHECKED, rules=rules))
    assert (dialog.heading.title.text(), dialog.heading.mark.mark) == (title, mark)


def test_an_unreachable_server_is_named_first(dialog: CheckDialog) -> None:
    unreachable: CheckReport = replace(CHECKED, reachable=False)
    dialog.show_report(unreachable)
    assert dialog.heading.title.text() == "Example cannot be reached"


def test_a_check_that_cannot_be_made_says_why(dialog: CheckDialog) -> None:
    dialog.show_problem(Misconfigured("It has no issuer.", hint="Add one."))
    assert dialog.heading.title.text() == "The configuration cannot work"
    assert "It has no issuer." in dialog.heading.text.text()
    assert dialog.copy_button.isHidden()


def test_whole_lines_are_seen_without_scrolling_sideways(dialog: CheckDialog, qapp: QApplication) -> None:
    dialog.show_report(CHECKED)
    qapp.processEvents()
    assert not dialog.report.horizontalScrollBar().isVisible()


@pytest.mark.parametrize("provider", [session.id for session in snapshots.six_states().sessions])
def test_the_page_of_a_provider_in_trouble_offers_it(show: object, provider: str) -> None:
    window = show(snapshots.six_states(), provider)  # type: ignore[operator]
    asked: list[str] = []
    window.diagnose_requested.connect(asked.append)
    detail = window.providers.detail
    assert detail.session is not None
    if detail.diagnose_button.isVisible():
        detail.diagnose_button.click()
    elif detail.header.more_button.isVisible():
        detail.header.diagnose_action.trigger()
    ours = isinstance(detail.session.last_error, Misconfigured)
    assert asked == ([] if ours or detail.session.signed_in_at is None else [provider])
