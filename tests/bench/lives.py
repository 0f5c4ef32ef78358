"""Starting, resting, and keeping many tokens fresh."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from figures import Report
from machinery import Programs, Times
from queries import REQUEST
from stage import DAY, Kept, Provider, Stage, many, pss, scripted_provider, wait_for_token, wakeups

from support.app import AppProcess

NET_BACKGROUND, NET_PER_HOST = 28, 2  # how many refreshes run at once, and at one host (engine/workers.py)


def starts(report: Report, stage: Stage, provider: Provider, *, quick: bool) -> None:
    """From the process's beginning to the first token, key from the keyring included, and to the icon in the tray."""
    report.section("Start, 20 sessions, master key from the desktop's keyring")
    rounds = 2 if quick else 5
    headless = stage.prepare(many(20), provider)
    tray = stage.prepare(many(20), provider, tray=True)
    assert stage.screen is not None
    icons = stage.screen.tray_icons
    figures = [
        (
            _start(headless, lambda: wait_for_token(headless.socket_path)),
            _start(tray, lambda: wait_for_token(tray.socket_path)),
            _start(tray, lambda: _wait_for(lambda: bool(icons()))),
        )
        for _ in range(rounds + 1)
    ]
    first, token, icon = (statistics.median(each[1:]) for each in zip(*figures, strict=True))  # the first compiled
    report.add("headless: process to first token", first, "s", most=0.5)
    report.add("tray: process to first token", token, "s", most=0.7)
    report.add("tray: process to icon in the tray", icon, "s", most=0.9)


def _start(app: AppProcess, wait: Callable[[], None]) -> float:
    began = time.perf_counter()
    app.start(ready=False)
    try:
        wait()
        return time.perf_counter() - began
    finally:
        app.stop()


def _wait_for(look: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not look():
        if time.monotonic() > until:
            raise RuntimeError("what was awaited did not come within a minute")
        time.sleep(0.002)


def rest(report: Report, headless: AppProcess, tray: AppProcess, *, quick: bool) -> None:
    """Memory and wake-ups of applications that served queries and refreshed all 20 sessions."""
    report.section("At rest, 20 sessions, after queries and one refresh of each")
    for app in (headless, tray):
        for i in range(20):
            app.ask("POST", f"/v1/providers/p{i}/refresh")
    time.sleep(7)  # the activity list is written five seconds after the last query
    seconds = 5 if quick else 20
    before = [wakeups(app.pid) for app in (headless, tray)]
    time.sleep(seconds)
    after = [wakeups(app.pid) for app in (headless, tray)]
    report.add("headless: memory (PSS)", pss(headless.pid), "MB", most=60)
    report.add("tray: memory (PSS)", pss(tray.pid), "MB", most=105)
    for name, one, other in zip(("headless", "tray"), before, after, strict=True):
        report.add(
            f"{name}: wake-ups of all threads in {seconds} s", other - one, "", most=2, target="the slice's alone"
        )


def busy(report: Report, programs: Programs, stage: Stage, provider: Provider) -> None:
    """Queries while 50 refreshes run and the window shows them; equal requests."""
    report.section("Busy: window shown, 52 sessions")
    sessions = [*many(51), Kept("equal", age=350.0, lifetime=600.0)]
    with stage.running(sessions, provider, tray=True) as app:
        app.ask("POST", "/v1/show")
        with ThreadPoolExecutor(50) as pool:
            before = provider.stats()["tokens"]
            refreshes = [pool.submit(app.ask, "POST", f"/v1/providers/p{i}/refresh") for i in range(1, 51)]
            worst = _until(programs, app, lambda: all(refresh.done() for refresh in refreshes))
            assert provider.stats()["tokens"] == before + 50
            report.add("query p99 while 50 refreshes run and the window repaints", worst.p99 / 1e3, "ms", most=5)
            before = provider.stats()["tokens"]
            together = threading.Barrier(30)

            def ask() -> int:
                together.wait()
                return app.ask("GET", "/v1/providers/equal/token?min_valid=300").status

            statuses = [each.result() for each in [pool.submit(ask) for _ in range(30)]]
        assert statuses == [200] * 30
        report.add(
            "30 equal requests in flight: calls at the provider", provider.stats()["tokens"] - before, "", most=1
        )


def _until(programs: Programs, app: AppProcess, ended: Callable[[], bool]) -> Times:
    """Ask on a kept connection, 2,000 times and again, until something ended; the worst of these batches."""
    batches = [programs.load(app.socket_path, REQUEST, "kept", 2000)]
    while not ended():
        batches.append(programs.load(app.socket_path, REQUEST, "kept", 2000))
    return max(batches, key=lambda batch: batch.p99)


def slow_clients(report: Report, programs: Programs, headless: AppProcess) -> None:
    """Others while 1,000 connections say nothing and one sends a byte now and then."""
    report.section("Slow clients")
    with _connected(headless, 1000), _dripping(headless):
        times = programs.load(headless.socket_path, REQUEST, "new", 2000)
    report.add("query p99 beside 1,000 idle connections and a dripping one", times.p99 / 1e3, "ms", most=200)


@contextmanager
def _connected(app: AppProcess, count: int) -> Iterator[None]:
    connections = []
    try:
        for _ in range(count):
            connections.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            connections[-1].connect(str(app.socket_path))
        yield
    finally:
        for connection in connections:
            connection.close()


@contextmanager
def _dripping(app: AppProcess) -> Iterator[None]:
    ended = threading.Event()

    def drip() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(app.socket_path))
            for byte in REQUEST:
                if ended.wait(0.02):
                    return
                connection.send(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def herd(report: Report, programs: Programs, stage: Stage, *, quick: bool) -> None:
    """Very many refreshes that are due in the same moment."""
    count, hosts = (200, 40) if quick else (1000, 40)
    report.section(f"{count:,} refreshes due at once, {hosts} hosts, a provider that takes 50 ms")
    sessions = [Kept("p0"), *(Kept(f"due{i}", age=DAY - 100) for i in range(count))]
    with scripted_provider(hosts) as provider, stage.running(sessions, provider) as app:
        worst = _until(programs, app, lambda: provider.stats()["tokens"] >= count)
        stats = provider.stats()
    bound = count * 0.05 / min(NET_BACKGROUND, hosts * NET_PER_HOST)
    report.add(
        "first request to last answer", stats["ended"] - stats["began"], "s", reference=bound, against="bound", ratio=2
    )
    report.add("refreshes at one time, at most", stats["at_once"], "", reference=NET_BACKGROUND, against="threads")
    report.add("query p99 meanwhile, worst 2,000", worst.p99 / 1e3, "ms", most=20)


def crowd(
    report: Report, programs: Programs, stage: Stage, provider: Provider, headless: AppProcess, *, quick: bool
) -> None:
    """A configuration of unusual size."""
    count = 2000
    report.section(f"{count:,} providers, {count:,} sessions")
    app = stage.prepare(many(count), provider)
    taken = statistics.median(_start(app, lambda: wait_for_token(app.socket_path)) for _ in range(1 if quick else 3))
    report.add("headless: process to first token", taken, "s", most=2)
    with app:
        wait_for_token(app.socket_path)
        rounds = [
            [programs.load(each.socket_path, REQUEST, "new", 3000).p50 for each in (app, headless)] for _ in range(3)
        ]
    ours, few = (statistics.median(each) for each in zip(*rounds, strict=True))
    report.add("query, new connection, p50", ours, "µs", reference=few, against="with 20 providers", ratio=1.15)
