"""`tokenkeep check`: what a server passes and fails, in words that can be sent to its administrator."""

from __future__ import annotations

import argparse
import shutil
import sys

from tokenkeep.cli import output
from tokenkeep.cli.exits import DONE, FAILED, OF_CODE, report
from tokenkeep.client import NotRunning, TokenKeep, TokenKeepError
from tokenkeep.domain import errors
from tokenkeep.domain.check import CheckReport, Line, Outcome, lines
from tokenkeep.domain.provider import PROVIDER_ID

WIDTH, WIDEST = 78, 100  # columns; of an e-mail, and of text that is still read with ease
COLOURS = {
    Outcome.PASS: output.GREEN,
    Outcome.WARN: output.YELLOW,
    Outcome.FAIL: output.RED,
    Outcome.SKIP: output.DIM,
}


def run(options: argparse.Namespace) -> int:
    """Check, print the report; fails when a rule failed."""
    wanted = subject(options.target)
    try:
        found = _ask(wanted)
    except TokenKeepError as error:
        return report(error)
    if options.json:
        output.print_json(found.as_answer())
    else:
        show(found)
    if not found.reachable:
        return OF_CODE["provider_unreachable"]
    return FAILED if found.failed else DONE


def subject(target: str) -> dict[str, str]:
    """What was named: a provider's id, or an address, whose scheme may be left out."""
    if "://" in target:
        return {"url": target}
    return {"provider": target} if PROVIDER_ID.fullmatch(target) else {"url": f"https://{target}"}


def _ask(wanted: dict[str, str]) -> CheckReport:
    """The report of the running application, or of this process where there is none."""
    try:
        with TokenKeep() as client:
            return CheckReport.from_answer(client.check(**wanted))
    except NotRunning:
        pass
    except TokenKeepError as error:
        if error.code != "not_found":  # an application of an older version has no such route
            raise
    from tokenkeep.cli import offline

    try:
        return offline.check(**wanted)
    except errors.TokenKeepError as error:
        raise TokenKeepError(error.code, error.title, error.detail, error.hint) from None


def show(found: CheckReport) -> None:
    """Print it, with colours on a terminal."""
    columns = min(shutil.get_terminal_size().columns, WIDEST) - 1 if sys.stdout.isatty() else WIDTH
    for line in lines(found, max(columns, 40)):
        print(_painted(line, found))


def _painted(line: Line, found: CheckReport) -> str:
    text = output.plain(line.text)
    if line.outcome is None:
        if not line.summary:
            return text
        worst = next((kind for kind in (Outcome.FAIL, Outcome.WARN) if found.of(kind)), Outcome.PASS)
        return output.paint(text, COLOURS[worst])
    if line.quiet:
        return output.paint(text, output.DIM)
    indent = text[: len(text) - len(text.lstrip())]
    rest = text.removeprefix(indent + line.mark)
    colour = output.DIM if indent else COLOURS[line.outcome]
    return indent + (output.paint(line.mark, colour) if line.mark else "") + rest
