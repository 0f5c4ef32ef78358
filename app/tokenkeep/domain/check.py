"""What `tokenkeep check` found at a server: one finding for each rule, and the whole as text for an e-mail."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a rule ended."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"

    @property
    def words(self) -> str:
        """The outcome in a summary."""
        return {
            Outcome.PASS: "passed",
            Outcome.WARN: "to look at",
            Outcome.FAIL: "failed",
            Outcome.SKIP: "not offered or not needed",
        }[self]


# What needs somebody comes first.
ORDER = (Outcome.FAIL, Outcome.WARN, Outcome.PASS, Outcome.SKIP)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule.

    :param id: stable name, such as `metadata.issuer_equal`.
    :param detail: one plain sentence: what was seen.
    :param asks: what the standard asks for.
    :param standard: where it says so, such as `RFC 8414 §3.3`; empty where TokenKeep asks on its own account.
    :param advice: what the server's administrator should do; empty when nothing is to be done.
    """

    id: str
    outcome: Outcome
    detail: str
    asks: str = ""
    standard: str = ""
    advice: str = ""

    @property
    def asked(self) -> str:
        """What is asked and by which text, in one sentence."""
        return f"{self.standard}: {self.asks}" if self.standard else self.asks

    @property
    def needs_somebody(self) -> bool:
        """Whether there is something to do or to look at."""
        return self.outcome in (Outcome.FAIL, Outcome.WARN)

    def as_answer(self) -> dict[str, str]:
        """The members of `rules` in the API's answer."""
        return {
            "id": self.id,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "asks": self.asks,
            "standard": self.standard,
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All rules of one check, in the order in which they were looked at.

    :param subject: the address that was checked.
    :param name: what people call it; empty without a provider of that name.
    :param issuer: the authorization server that was found; empty when there is none.
    :param checked_at: wall clock, seconds since the epoch.
    :param reachable: False when no complete answer came at all.
    """

    subject: str
    name: str
    issuer: str
    checked_at: float
    reachable: bool
    rules: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether a rule failed."""
        return any(rule.outcome is Outcome.FAIL for rule in self.rules)

    @property
    def summary(self) -> str:
        """`14 passed, 2 to look at, 1 failed`; what does not occur is left out, the first number never."""
        counts = [(outcome, len(self.of(outcome))) for outcome in (Outcome.PASS, *ORDER[1::-1], Outcome.SKIP)]
        shown = [f"{n} {kind.words}" for kind, n in counts if n or kind is Outcome.PASS]
        return ", ".join(shown)

    @property
    def heading(self) -> tuple[str, str]:
        """What was checked, and when."""
        what = f"{self.name} ({self.subject})" if self.name else self.subject
        return f"TokenKeep checked {what}", time.strftime("on %Y-%m-%d at %H:%M UTC.", time.gmtime(self.checked_at))

    def of(self, outcome: Outcome) -> tuple[Finding, ...]:
        """The rules that ended so."""
        return tuple(rule for rule in self.rules if rule.outcome is outcome)

    def as_answer(self) -> dict[str, Any]:
        """The API's answer."""
        return {
            "subject": self.subject,
            "name": self.name,
            "issuer": self.issuer,
            "checked_at": self.checked_at,
            "reachable": self.reachable,
            "summary": {outcome.value: len(self.of(outcome)) for outcome in Outcome},
            "rules": [rule.as_answer() for rule in self.rules],
        }

    @classmethod
    def from_answer(cls, answer: dict[str, Any]) -> CheckReport:
        """The report in an answer of the API; members that an older or newer version lacks are empty."""
        rules = (
            Finding(
                id=str(rule["id"]),
                outcome=Outcome(rule["outcome"]),
                **{name: str(rule.get(name, "")) for name in ("detail", "asks", "standard", "advice")},
            )
            for rule in answer["rules"]
        )
        return cls(
            subject=str(answer.get("subject", "")),
            name=str(answer.get("name", "")),
            issuer=str(answer.get("issuer", "")),
            checked_at=float(answer.get("checked_at", 0.0)),
            reachable=answer.get("reachable") is not False,
            rules=tuple(rules),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the text.

    :param outcome: of the rule it belongs to; None for lines of the report itself.
    :param mark: the part to colour, a prefix of the line behind its indentation.
    :param quiet: of less weight than the rest.
    :param summary: the line that counts.
    """

    text: str
    outcome: Outcome | None = None
    mark: str = ""
    quiet: bool = False
    summary: bool = False


def as_text(report: CheckReport, width: int = 78) -> str:
    """The report as plain text, ready to be pasted into an e-mail.

    :param width: columns.
    """
    return "\n".join(line.text for line in lines(report, width))


def lines(report: CheckReport, width: int = 78) -> Iterator[Line]:
    """The lines of the text: what failed, what to look at, the rest, the summary."""
    names = max((len(rule.id) for rule in report.rules), default=0)
    for text in report.heading:
        yield Line(text)
    yield Line("")
    for outcome in ORDER:
        rules = report.of(outcome)
        for rule in rules:
            yield from _rule(rule, names, width)
            if rule.needs_somebody:
                yield Line("")
        if rules and outcome in (Outcome.PASS, Outcome.SKIP):
            yield Line("")
    yield Line(f"{report.summary}.", summary=True)


def _rule(rule: Finding, names: int, width: int) -> Iterator[Line]:
    """A rule that is fine takes a line; one that is not says what is asked and what to do."""
    word = rule.outcome.value.upper() if rule.outcome is Outcome.FAIL else rule.outcome.value
    quiet = rule.outcome is Outcome.SKIP
    if not rule.needs_somebody:
        head = f"{word}  {rule.id:<{names}}  "
        first, *rest = _wrapped(rule.detail, head, width)
        yield Line(first, rule.outcome, word, quiet)
        for text in rest:
            yield Line(text, rule.outcome, quiet=quiet)
        return
    yield Line(f"{word}  {rule.id}", rule.outcome, word)
    for name, text in (("seen", rule.detail), ("asked", rule.asked), ("to do", rule.advice)):
        if text:
            first, *rest = _wrapped(text, f"      {name:<5}  ", width)
            yield Line(first, rule.outcome, name)
            for more in rest:
                yield Line(more, rule.outcome)


def _wrapped(text: str, head: str, width: int) -> list[str]:
    # An address longer than a line stays whole: it is meant to be copied.
    found = textwrap.wrap(
        text,
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return found or [head.rstrip()]
