"""`make bench`: measures TokenKeep beside floors and oidc-agent in one run, and prints a table.

    run.py [--quick] [--json FILE]

Nothing here is a test: figures depend on the machine and its mood, ratios within a run much less. Everything runs on
loopback and unix sockets, in folders that are removed, and takes less than four minutes.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import lives
import oidc_agent
import queries
from figures import Report
from machinery import Programs
from stage import Stage, many, scripted_provider


def measure(report: Report, *, quick: bool) -> None:
    """All rows."""
    with ExitStack() as stack:
        stage = Stage.open(stack)
        programs = Programs(stage.home())
        provider = stack.enter_context(scripted_provider(4))
        lives.starts(report, stage, provider, quick=quick)
        with ExitStack() as running:
            headless = running.enter_context(stage.running(many(20), provider))
            tray = running.enter_context(stage.running(many(20), provider, tray=True))
            agent = running.enter_context(oidc_agent.running(stage, provider))
            if agent is None:
                report.remark("oidc-agent is not installed: its rows are missing.")
            else:
                report.remark(f"oidc-agent {agent.version}, one account, its token cached.")
            if not programs.compiled:
                report.remark("No C compiler: the load generator is Python, the C floor and the C library are missing.")
            queries.queries(report, programs, headless, tray, agent, quick=quick)
            queries.clients(report, headless, agent, stage.home(), quick=quick)
            lives.slow_clients(report, programs, headless)
            lives.rest(report, headless, tray, quick=quick)
            lives.crowd(report, programs, stage, provider, headless, quick=quick)
        lives.busy(report, programs, stage, provider)
        lives.herd(report, programs, stage, quick=quick)


def main() -> None:
    options = argparse.ArgumentParser(description="Measure TokenKeep beside floors and oidc-agent.")
    options.add_argument("--quick", action="store_true", help="fewer rounds, for a first look")
    options.add_argument("--json", metavar="FILE", type=Path, help="write the figures here too")
    chosen = options.parse_args()
    report = Report()
    measure(report, quick=chosen.quick)
    print("\n" + report.table())
    if chosen.json is not None:
        report.write(chosen.json)


if __name__ == "__main__":
    main()
