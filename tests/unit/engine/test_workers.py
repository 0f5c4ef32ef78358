"""The thread pools: results, errors, fairness between hosts, and an exit that nobody can hold."""

import asyncio
import subprocess
import sys
import threading

import pytest

from support.fake_clock import until
from tokenkeep.engine.workers import NetPool, WorkerPool


async def test_a_call_gives_its_result_or_its_error_to_the_caller() -> None:
    pool = WorkerPool("test", 2)
    assert await pool.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await pool.run(divmod, 7, 0)
    pool.close()


async def test_calls_run_side_by_side_up_to_the_limit_and_not_beyond() -> None:
    pool, gate = WorkerPool("test", 3), threading.Event()
    running: list[int] = []
    calls = [asyncio.ensure_future(pool.run(lambda n: (running.append(n), gate.wait()), n)) for n in range(5)]
    await until(lambda: len(running) == 3)
    assert running == [0, 1, 2]
    gate.set()
    await asyncio.gather(*calls)
    assert running == [0, 1, 2, 3, 4]
    pool.close()


async def test_the_vaults_one_thread_keeps_the_order_of_its_calls() -> None:
    pool = WorkerPool("vault", 1)
    seen: list[int] = []
    await asyncio.gather(*(pool.run(seen.append, number) for number in range(200)))
    assert seen == list(range(200))
    pool.close()


async def test_a_caller_that_gives_up_leaves_the_pool_working() -> None:
    pool, gate = WorkerPool("test", 1), threading.Event()
    call = asyncio.ensure_future(pool.run(gate.wait))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.set()
    assert await pool.run(lambda: 5) == 5
    pool.close()


async def test_a_closed_pool_takes_no_more_calls() -> None:
    pool = WorkerPool("test", 1)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        await pool.run(print)


async def test_background_calls_are_two_at_a_time_at_one_host_and_leave_room_for_a_person() -> None:
    pool, gate = NetPool(threads=4, interactive=1, per_host=2), threading.Event()
    running: list[str] = []

    def call(name: str) -> None:
        running.append(name)
        gate.wait()

    background = [
        asyncio.ensure_future(pool.run_background(f"https://{host}.example/token", call, f"{host}{n}"))
        for host in "ab"
        for n in range(3)
    ]
    await until(lambda: len(running) == 3)
    assert sorted(running) == ["a0", "a1", "b0"], "two at one host, three of four threads in all"
    person = asyncio.ensure_future(pool.run(call, "person"))
    await until(lambda: "person" in running)
    gate.set()
    await asyncio.gather(*background, person)
    assert len(running) == 7
    pool.close()


def test_a_call_that_never_ends_does_not_hold_the_process() -> None:
    program = """
import asyncio, threading
from tokenkeep.engine.workers import WorkerPool
async def main():
    pool = WorkerPool("stuck", 1)
    asyncio.ensure_future(pool.run(threading.Event().wait))
    await asyncio.sleep(0)
    pool.close()
asyncio.run(main())
print("out")
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "out"), done.stderr
