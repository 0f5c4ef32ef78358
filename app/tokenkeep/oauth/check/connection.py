"""Rules of the connection: an answer at all, a certificate, a clock."""

from __future__ import annotations

from collections.abc import Iterator

from tokenkeep.domain.check import Finding
from tokenkeep.oauth.answer import Untrusted
from tokenkeep.oauth.check.rule import Rule, host
from tokenkeep.oauth.check.seen import Fetched

REACHABLE = Rule("connection.reachable", "The server answers within the time limit, and not with a 5xx status.")
TLS = Rule(
    "tls",
    "Every address is https, with a certificate that the machine trusts and TLS 1.2 or newer.",
    "RFC 6749 §1.6, RFC 9700 §2.6",
)
CLOCK = Rule("clock", "The server's clock is right: tokens are good from one moment to another.", "RFC 7519 §4.1.4")
CLOCK_GOOD, CLOCK_BAD = 30.0, 300.0  # seconds; the first is what id_tokens are checked with


def rules(tried: tuple[Fetched, ...]) -> Iterator[Finding]:
    """The findings of the requests that began the check."""
    if not tried:
        return
    last = tried[-1]
    name = host(last.url)
    if not last.unreachable:
        yield REACHABLE.passed(f"{name} answered.")
    elif last.answer is not None:
        yield REACHABLE.fail(
            f"{name} answered with status {last.answer.status}.",
            "Look at the server's own log for that moment; check again when it is well.",
        )
    else:
        detail = "" if last.error is None else last.error.detail
        yield REACHABLE.fail(
            detail or f"{name} did not answer.",
            "Check the address, the name service, the firewall and the proxy between this machine and the server.",
        )
    yield from _tls(last, name)
    yield from _clock(tried, name)


def _tls(last: Fetched, name: str) -> Iterator[Finding]:
    if last.url.startswith("http://"):
        yield TLS.skip(f"{name} is this machine, and plain http is allowed there.")
    elif isinstance(last.error, Untrusted):
        yield TLS.fail(
            f"{name} has no certificate that this machine trusts.",
            "Send the whole chain of a certificate for this name; for a certificate authority of your own, "
            "set `ca_bundle` in TokenKeep's `[http]`.",
        )
    elif last.answer is not None or not last.unreachable:
        yield TLS.passed(f"{name} has a certificate that this machine trusts.")


def _clock(tried: tuple[Fetched, ...], name: str) -> Iterator[Finding]:
    answers = [one.answer for one in tried if one.answer is not None]
    if not answers:
        return
    answer = answers[-1]
    if answer.date is None:
        yield CLOCK.skip(f"{name} does not say what time it has (no Date header).")
        return
    offset = answer.date - answer.sent_at
    words = f"{abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the clock here"
    advice = "Set both clocks by a time server (NTP); tokens look expired or not yet valid otherwise."
    if abs(offset) <= CLOCK_GOOD:
        yield CLOCK.passed("The server's clock and the clock here agree.")
    elif abs(offset) <= CLOCK_BAD:
        yield CLOCK.warn(f"The server's clock is {words}.", advice)
    else:
        yield CLOCK.fail(f"The server's clock is {words}.", advice)
