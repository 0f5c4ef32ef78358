"""Token queries from memory: beside the floors and oidc-agent, in rounds, so that all share the machine's moods."""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from figures import Report
from machinery import HERE, Programs, Times, times_of, whole_processes
from oidc_agent import ACCOUNT, OidcAgent

from support.app import AppProcess

REQUEST = b"GET /v1/providers/p0/token HTTP/1.1\r\nHost: tokenkeep\r\n\r\n"
FLOORS = {"c": "C epoll echo", "selectors": "Python selectors echo", "httptools": "uvloop + httptools, nothing else"}
PLAIN, LIBRARY = "oidc-agent, plain", "oidc-agent, its C library"
MODES = {
    ("kept", 1): "kept connection, p50",
    ("new", 1): "new connection, p50",
    ("new", 32): "32 clients, new connections",
}

Key = tuple[str, str, int]


def queries(
    report: Report, programs: Programs, headless: AppProcess, tray: AppProcess, agent: OidcAgent | None, *, quick: bool
) -> None:
    """Rows of all kinds of connections for TokenKeep with and without a window, the floors, and the reference."""
    medians = _rounds(programs, headless, tray, agent, quick=quick)
    report.section("Token query from memory, unix socket")
    floor_name = "C epoll echo" if programs.compiled else "Python selectors echo"
    for (mode, clients), what in MODES.items():
        floor = medians[floor_name, mode, clients]
        for name in (*FLOORS.values(), PLAIN, LIBRARY):
            times = medians.get((name, mode, clients))
            if times is not None and clients > 1:
                report.add(f"{what}: {name}", times.per_second / 1e3, "k/s")
            elif times is not None:
                report.add(f"{what}: {name}", times.p50, "µs")
        for name in ("headless", "tray"):
            label, times = f"{what}: TokenKeep, {name}", medians[name, mode, clients]
            rival = medians.get((PLAIN if clients > 1 else LIBRARY, mode, clients))
            against = floor_name if rival is None else PLAIN if clients > 1 else LIBRARY
            other = rival or floor
            if clients > 1:
                ours, theirs = times.per_second / 1e3, other.per_second / 1e3
                ratio = 1.0 if rival else None
                report.add(label, ours, "k/s", reference=theirs, against=against, least=15, ratio=ratio)
            elif mode == "new":
                ratio = 0.5 if rival else None
                report.add(label, times.p50, "µs", reference=other.p50, against=against, most=120, ratio=ratio)
            else:
                report.add(label, times.p50, "µs", reference=floor.p50, against=floor_name, most=50)
                slow = label.replace("p50", "p99")
                report.add(slow, times.p99, "µs", reference=floor.p99, against=floor_name, most=300)


def _rounds(
    programs: Programs, headless: AppProcess, tray: AppProcess, agent: OidcAgent | None, *, quick: bool
) -> dict[Key, Times]:
    answer = _answer(headless)
    found: dict[Key, list[Times]] = {}
    counts = {("kept", 1): 10_000, ("new", 1): 5_000, ("new", 32): 8_000}
    with ExitStack() as stack:
        places: dict[str, Path] = {}
        for kind, name in FLOORS.items():
            if kind != "c" or programs.compiled:
                places[name] = stack.enter_context(programs.floor(kind, answer))
        places |= {"headless": headless.socket_path, "tray": tray.socket_path}
        for _ in range(1 if quick else 5):
            for mode, clients in MODES:
                count = counts[mode, clients] // (4 if quick else 1)
                for name, path in places.items():
                    times = programs.load(path, REQUEST, mode, count, clients)
                    found.setdefault((name, mode, clients), []).append(times)
                if agent is not None and mode == "new":
                    times = programs.load(agent.path, agent.request, mode, count, clients, "eof")
                    found.setdefault((PLAIN, mode, clients), []).append(times)
                    if clients == 1 and programs.compiled:
                        command = [str(programs.build("agent_library", "-ldl")), str(count // 5), ACCOUNT]
                        times = times_of(command, agent.env)
                        found.setdefault((LIBRARY, mode, clients), []).append(times)
    return {key: _median(times) for key, times in found.items()}


def _median(times: list[Times]) -> Times:
    values = [statistics.median(getattr(each, name) for each in times) for name in ("p50", "p99", "max", "per_second")]
    return Times(*values)


def _answer(app: AppProcess) -> bytes:
    """What a query is answered with, so that the floors send as much."""
    body = app.ask("GET", "/v1/providers/p0/token").body
    headers = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Cache-Control: no-store"]
    return "\r\n".join([*headers, f"Content-Length: {len(body)}", "", ""]).encode() + body


def clients(report: Report, headless: AppProcess, agent: OidcAgent | None, folder: Path, *, quick: bool) -> None:
    """Whole processes and Python programs that ask for a token."""
    report.section("Programs that ask for a token from memory")
    runs = 30 if quick else 200
    empty = folder / "empty"
    script = Path(sys.prefix, "bin/tokenkeep")
    lines = script.read_text().splitlines()
    empty.write_text("\n".join(line if "import main" not in line else "def main(): return 0" for line in lines) + "\n")
    empty.chmod(0o755)
    commands = [[str(script), "token", "p0"], [str(empty)]]
    whole, nothing = whole_processes(commands, headless.env, runs)
    report.add(
        "`tokenkeep token ID`, whole process, p50",
        whole,
        "ms",
        reference=nothing,
        against="an empty console entry point",
        ratio=1.4,
    )
    if agent is not None:
        [tool] = whole_processes([["oidc-token", ACCOUNT]], agent.env, runs)
        report.add("`oidc-token ACCOUNT`, whole process (C), p50", tool, "ms")
    count = 500 if quick else 3000
    rival, against = None, ""
    for kind, name in (("liboidcagent", "liboidcagent"), ("library", "oidc-agent's C library by ctypes")):
        if agent is not None and rival is None:
            rival, against = _client(kind, count // 3, ACCOUNT, agent.env), name
    ours = _client("tokenkeep-new", count, "p0", headless.env)
    assert ours is not None
    reference = None if rival is None else rival.p50
    report.add(
        "`TokenKeep().token()`, new connection, p50",
        ours.p50,
        "µs",
        reference=reference,
        against=against,
        ratio=1.0 if rival else None,
    )
    kept = _client("tokenkeep-kept", count, "p0", headless.env)
    assert kept is not None
    report.add("`.token()`, kept connection, p50", kept.p50, "µs", reference=reference, against=against)


def _client(kind: str, count: int, account: str, env: dict[str, str]) -> Times | None:
    try:
        return times_of([sys.executable, str(HERE / "client_times.py"), kind, str(count), account], env)
    except RuntimeError:
        return None
