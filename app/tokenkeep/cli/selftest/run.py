"""The command: plays the flows and says how each ended."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass

from tokenkeep.cli import output
from tokenkeep.cli.exits import DONE, FAILED, say
from tokenkeep.cli.selftest.flows import FLOWS, Flow, Wrong
from tokenkeep.cli.selftest.person import Stuck
from tokenkeep.cli.selftest.stage import Stage
from tokenkeep.cli.selftest.stage import run as on_stage
from tokenkeep.client import TokenKeepError
from tokenkeep.domain import errors

PASS, FAIL, SKIP = "pass", "fail", "skip"
COLOURS = {PASS: output.GREEN, FAIL: output.RED, SKIP: output.DIM}


@dataclass(frozen=True, slots=True)
class Result:
    """How a flow ended, and what was seen."""

    flow: Flow
    outcome: str
    detail: str


def run(options: argparse.Namespace) -> int:
    """Play everything; fails when a flow failed."""
    results: list[Result] = []

    def played(stage: Stage) -> None:
        for result in play(stage, FLOWS):
            results.append(result)
            if not options.json:
                print(line(result), flush=True)

    try:
        on_stage(played)
    except RuntimeError as problem:
        say(str(problem))
        return FAILED
    except errors.TokenKeepError as error:
        say(f"{error.title}. {error.detail} {error.hint}".rstrip())
        return FAILED
    if options.json:
        output.print_json({"flows": [as_json(result) for result in results]})
    else:
        print(f"\n{summary(results)}")
    return DONE if results and all(result.outcome == PASS for result in results) else FAILED


def play(stage: Stage, flows: Iterable[Flow]) -> Iterable[Result]:
    """One result after the other; a flow whose ground is missing is not tried."""
    passed = set()
    for flow in flows:
        if flow.needs and flow.needs not in passed:
            yield Result(flow, SKIP, f"Not tried: it needs “{flow.needs}”.")
            continue
        result = _played(stage, flow)
        if result.outcome == PASS:
            passed.add(flow.name)
        yield result


def _played(stage: Stage, flow: Flow) -> Result:
    try:
        return Result(flow, PASS, flow.run(stage))
    except (Wrong, Stuck) as wrong:
        return Result(flow, FAIL, str(wrong))
    except TokenKeepError as error:
        return Result(flow, FAIL, str(error))
    except errors.TokenKeepError as error:
        return Result(flow, FAIL, f"{error.title}. {error.detail}".rstrip())


def line(result: Result) -> str:
    """`pass  refresh with rotation  RFC 6749 §6  A new token, and it is taken.`"""
    names = max(len(flow.name) for flow in FLOWS)
    word = result.outcome.upper() if result.outcome == FAIL else result.outcome
    mark = output.paint(word, COLOURS[result.outcome])
    return f"{mark}  {result.flow.name:<{names}}  {output.plain(result.detail)}"


def summary(results: Iterable[Result]) -> str:
    """`14 passed.`"""
    ended = [result.outcome for result in results]
    words = ((PASS, "passed"), (FAIL, "failed"), (SKIP, "not tried"))
    shown = [f"{ended.count(kind)} {word}" for kind, word in words if kind == PASS or kind in ended]
    return output.paint(f"{', '.join(shown)}.", COLOURS[PASS if FAIL not in ended else FAIL])


def as_json(result: Result) -> dict[str, str]:
    """One of `flows`."""
    return {
        "name": result.flow.name,
        "standard": result.flow.standard,
        "outcome": result.outcome,
        "detail": result.detail,
    }
