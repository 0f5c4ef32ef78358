"""`python -m tokenkeep.demo`: run the demo provider until standard input ends or SIGTERM comes.

With `--foreground`, which is how `tokenkeep demo server` starts it, it is for a person at a terminal: it says in words
where it is, and standard input does not matter.
"""

import argparse
import errno
import json
import os
import signal
import sys
import threading

from tokenkeep.demo import announcement
from tokenkeep.demo.options import Options


def command_line() -> argparse.ArgumentParser:
    """The options, each with the default of `Options`."""
    defaults = Options()
    parser = argparse.ArgumentParser(prog="tokenkeep demo server", description="A demo identity provider on 127.0.0.1.")
    for name, meaning in (
        ("port", "port to listen on; 0 takes a free one"),
        ("token-lifetime", "seconds an access token lives"),
        ("refresh-lifetime", "seconds a refresh token lives"),
        ("code-lifetime", "seconds an authorization code lives"),
        ("device-lifetime", "seconds a device code lives"),
        ("device-interval", "seconds between device polls"),
        ("refresh-grace", "seconds a used refresh token is still answered"),
        ("par-lifetime", "seconds a pushed authorization request waits for its browser"),
    ):
        default = getattr(defaults, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{meaning} (default {default})")
    for name, meaning in (
        ("registration-token", "clients register only with the token that the settings name"),
        ("tls", "serve https, with certificates made for this run"),
        ("require-par", "refuse authorization requests that were not pushed"),
    ):
        parser.add_argument(f"--{name}", action="store_true", help=meaning)
    parser.add_argument(
        "--issuer-path", default="", metavar="PATH", help="path of the issuer, like /tenant or /tenant/"
    )
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=VALUE", help="switch a fault on")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print all settings as one line of JSON")
    output.add_argument(
        "--print-env",
        action="store_true",
        help='print the settings as export lines of a shell, for: eval "$(tokenkeep demo server --print-env &)"',
    )
    parser.add_argument("--no-stdin", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--foreground", action="store_true", help=argparse.SUPPRESS)
    return parser


def _close_stdout() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _fail(message: str) -> int:
    print(f"tokenkeep demo: {message}", file=sys.stderr)
    return 1


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit code."""
    parser = command_line()
    parsed = vars(parser.parse_args(arguments))
    foreground, use_json, use_env = (parsed.pop(name) for name in ("foreground", "json", "print_env"))
    use_stdin = not parsed.pop("no_stdin") and not foreground
    faults = {}
    for text in parsed.pop("fault"):
        name, sign, value = text.partition("=")
        if not sign:
            parser.error(f"--fault wants NAME=VALUE, not '{text}'")
        faults[name] = value
    try:
        from tokenkeep.demo.faults.board import UnknownFaultError
        from tokenkeep.demo.server import DemoServer
    except ModuleNotFoundError as error:
        return _fail(f"the module '{error.name}' is missing. Install it with: pip install 'tokenkeep[demo]'")
    try:
        server = DemoServer(Options(**parsed, faults=faults))
    except UnknownFaultError as error:
        return _fail(str(error))
    except OverflowError:
        return _fail(f"there is no port {parsed['port']}. Ports go up to 65535.")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _fail(f"port {parsed['port']} is taken. Name another with --port, or none to get a free one.")
        return _fail(f"cannot listen on 127.0.0.1:{parsed['port']}: {error.strerror}")

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    threading.Thread(target=server.serve, name="serve", daemon=True).start()
    if use_stdin:
        # The parent holds the other end: when it dies, however it dies, this ends too.
        def until_end_of_input() -> None:
            # Not sys.stdin: a thread that waits inside its buffer holds a lock that the exit needs.
            while os.read(0, 4096):
                pass
            stop.set()

        threading.Thread(target=until_end_of_input, name="stdin", daemon=True).start()
    description = server.description() | {"pid": os.getpid()}
    if use_env:
        print(announcement.as_env(description), flush=True)
        # Whoever reads this must see its end while the server goes on.
        _close_stdout()
    elif foreground and not use_json:
        print(announcement.as_text(description), flush=True)
    else:
        print(json.dumps(description), flush=True)
    stop.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
