"""Times token queries from within a Python program. Prints `Times` as JSON.

    client_times.py tokenkeep-new|tokenkeep-kept|library|liboidcagent COUNT ACCOUNT

`library` is oidc-agent's C library called by ctypes: less than what its Python package costs, which is used with
`liboidcagent` where it is installed (exit code 3 where it is not).
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable


def asker(kind: str, account: str) -> Callable[[], object]:
    """What is to be timed."""
    if kind == "library":
        try:
            library = ctypes.CDLL("liboidc-agent.so.4")
        except OSError:
            sys.exit(3)
        library.getAccessToken.restype = ctypes.c_void_p  # not freed: the library allocates in a way of its own
        name = account.encode()
        return lambda: ctypes.string_at(library.getAccessToken(name, ctypes.c_ulong(60), None)).decode()
    if kind == "liboidcagent":
        try:
            import liboidcagent
        except ImportError:
            sys.exit(3)
        return lambda: liboidcagent.get_access_token(account)
    from tokenkeep.client import TokenKeep

    kept = TokenKeep()
    if kind == "tokenkeep-kept":
        return lambda: kept.token(account).access_token

    def ask() -> str:
        with TokenKeep() as client:
            return client.token(account).access_token

    return ask


def main() -> None:
    kind, count_text, account = sys.argv[1:]
    ask, count = asker(kind, account), int(count_text)
    for _ in range(20):
        if not ask():
            sys.exit("no token")
    times = []
    began = time.perf_counter()
    for _ in range(count):
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1e6)
    seconds = time.perf_counter() - began
    times.sort()
    figures = {"p50": times[count // 2], "p99": times[int(count * 0.99)], "max": times[-1]}
    print(json.dumps(figures | {"per_second": count / seconds}))


main()
