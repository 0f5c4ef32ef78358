"""The commands and their options, for argparse, the help and the shells' completion."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable

import tokenkeep

DESCRIPTION = "Owns your sign-ins and hands fresh tokens to other programs."
EPILOGUE = """\
exit codes:
  0 done, 1 failed, 2 usage, 3 not running, 4 sign-in required, 5 access denied, 6 timed out,
  7 unknown provider, 8 provider unreachable, 9 locked
"""
Run = Callable[[argparse.Namespace], int]


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options; `run` of them is the command, None starts the application.

    :raises SystemExit: after help (0) and for wrong usage (2).
    """
    options = build().parse_args(arguments)
    if options.command in (None, "run"):
        options.run = None
    elif options.config:
        os.environ["TOKENKEEP_HOME"] = os.path.abspath(os.path.expanduser(options.config))  # noqa: PTH100, PTH111
    return options


def _client(name: str) -> Run:
    """A command of `commands.py`, imported when it runs."""

    def run(options: argparse.Namespace) -> int:
        from tokenkeep.cli import commands

        return commands.run(getattr(commands, name), options)

    return run


def _offline(name: str) -> Run:
    """A command of `offline.py`."""

    def run(options: argparse.Namespace) -> int:
        from tokenkeep.cli import offline

        command: Run = getattr(offline, name)
        return command(options)

    return run


def _check(options: argparse.Namespace) -> int:
    from tokenkeep.cli.check import run

    return run(options)


def _pkce(options: argparse.Namespace) -> int:
    from tokenkeep.cli.pkce import run

    return run(options)


def _selftest(options: argparse.Namespace) -> int:
    from tokenkeep.cli.selftest.run import run

    return run(options)


def _token(options: argparse.Namespace) -> int:
    """Only what the short way could not read comes here, and argparse has not complained: spelled in a rarer way."""
    from tokenkeep.cli.token import run

    words = [options.provider]
    for name in ("min_valid", "scope", "audience", "wait"):
        if (value := getattr(options, name)) is not None:
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else value]
    for each in options.resource:
        words += ["--resource", each]
    words += [f"--{name}" for name in ("interactive", "json", "start") if getattr(options, name)]
    return run(words) or 0


def _claims_options(claims: argparse.ArgumentParser) -> None:
    claims.add_argument("--offline", action="store_true", help="do not ask the provider what it knows of the token")


def _token_options(token: argparse.ArgumentParser) -> None:
    token.add_argument("--min-valid", type=_seconds, metavar="S", help="seconds it should still be valid (60)")
    token.add_argument("--scope", help="scopes, in quotes when there are several")
    token.add_argument("--resource", action="append", default=[], metavar="URI", help="resource it is for; repeatable")
    token.add_argument("--audience", help="audience it is for")
    token.add_argument("--interactive", action="store_true", help="start a sign-in when one is needed")
    token.add_argument("--wait", type=_seconds, metavar="S", help="seconds to wait (30, interactive 300)")


def _header_options(header: argparse.ArgumentParser) -> None:
    header.add_argument("target", metavar="ID|URL", help="the provider, or the address of the request")
    header.add_argument("--url", default="", help="with ID: the address of the request, which a bound token needs")
    header.add_argument("--method", "-X", default="GET", metavar="M", help="the method of the request (GET)")


def build() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="tokenkeep",
        description=DESCRIPTION + " Without a command it starts the tray application, or raises the running one.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _run_options(parser, default=None)
    parser.add_argument("--version", action="version", version=f"tokenkeep {tokenkeep.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(
        name: str, run: Run | None, text: str, *, provider: bool = False, common: Iterable[str] = ("json", "start")
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(run=run)
        if provider:
            command.add_argument("provider", metavar="ID", help="the provider's id, as `tokenkeep list` shows it")
        if "json" in common:
            command.add_argument("--json", action="store_true", help="print JSON")
        if "start" in common:
            command.add_argument(
                "--start", action="store_true", help="start TokenKeep without a window if it is not running"
            )
        return command

    # Suppressed: a subcommand's own defaults would overwrite what was given before its name.
    _run_options(add("run", None, "run in the foreground, as without a command", common=()), default=argparse.SUPPRESS)
    demo = add("demo", None, "run with a demo identity provider and a throw-away configuration", common=())
    demo.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    add("status", _client("status"), "show how things stand")
    add("list", _client("list_providers"), "list the providers")
    _client_options(
        add("show", _client("show"), "show one provider", provider=True),
        add("edit", _client("edit"), "give the secret or token that TokenKeep keeps sealed", provider=True),
    )
    _claims_options(
        add("claims", _client("claims"), "show what the tokens of a sign-in say, never a token", provider=True)
    )
    add("remove", _client("remove"), "sign out and remove a provider", provider=True)
    login = add("login", _client("login"), "sign in and wait for it", provider=True)
    way = login.add_mutually_exclusive_group()
    way.add_argument("--device", action="store_true", help="with a code to type on any device")
    way.add_argument("--browser", action="store_true", help="in the browser")
    way.add_argument("--no-open", action="store_true", help="print the address instead of opening the browser")
    logout = add("logout", _client("logout"), "sign out", provider=True)
    logout.add_argument("--no-revoke", action="store_true", help="leave the tokens valid at the provider")
    logout.add_argument("--browser", action="store_true", help="also log out at the provider, in the browser")
    _token_options(add("token", _token, "print a valid access token, nothing else", provider=True))
    _header_options(add("header", _client("header"), "print header lines for a request, as curl -H @- takes them"))
    add("events", _client("events"), "follow what happens, a line each")
    add("check", _check, "report each rule that a server passes or fails", common=("json",)).add_argument(
        "target", metavar="ID|ISSUER|URL", help="a provider, an issuer, or a protected resource"
    )
    add("doctor", _offline("doctor"), "report on the environment: tray, keyring, browser, socket", common=("json",))
    config = add("config", _offline("config"), "the configuration file", common=("json",))
    what = "where it is, what is wrong with it, or the client ID metadata document to publish"
    config.add_argument("what", choices=("path", "check", "client-metadata"), help=what)
    pkce = add("pkce", _pkce, "make a code verifier and its challenge (RFC 7636)", common=("json",))
    pkce.add_argument(
        "--verifier", metavar="-", help="print the challenge of the verifier on standard input; - is the only value"
    )
    add("selftest", _selftest, "try all flows against the demo provider", common=("json",))
    completion = add("completion", _completion, "print the completion script of a shell", common=())
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    add("unlock", _client("unlock"), "open the sign-ins that are sealed with a passphrase, read from standard input")
    add("quit", _client("leave"), "stop the running application", common=())
    return parser


def _client_options(show: argparse.ArgumentParser, edit: argparse.ArgumentParser) -> None:
    """What is shown and given of a client's own keys and secrets."""
    show.add_argument(
        "--public-key", action="store_true", help="print the client's public keys, to be registered at the provider"
    )
    given = edit.add_mutually_exclusive_group()
    given.add_argument(
        "--client-secret", choices=("-",), metavar="-", help="ask for it, or read it from standard input"
    )
    given.add_argument("--client-secret-file", metavar="PATH", help="read it from a file")
    given.add_argument(
        "--initial-access-token",
        choices=("-",),
        metavar="-",
        help="the same for what the server wants to see before it registers TokenKeep",
    )
    given.add_argument(
        "--token", choices=("-",), metavar="-", help="the same for the token of a provider with the flow static"
    )
    edit.add_argument(
        "--expires-at", type=_moment, metavar="DATE", help="when that token ends, as 2027-01-31 or 2027-01-31T12:00"
    )


def _run_options(parser: argparse.ArgumentParser, default: str | None) -> None:
    text = "no window and no tray: the engine and its socket only"
    parser.add_argument("--headless", action="store_true", default=default, help=text)
    parser.add_argument("--no-tray", action="store_true", default=default, help="a window, but no tray icon")
    parser.add_argument("--config", metavar="DIR", default=default, help="keep everything under this folder")


def _completion(options: argparse.Namespace) -> int:
    from tokenkeep.cli.completion import script

    print(script(options.shell, build()), end="")
    return 0


def _moment(text: str) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).timestamp()  # of this machine's time zone where none is written
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2027-01-31") from None


def _seconds(text: str) -> float:
    from tokenkeep.cli.token import is_number

    if not is_number(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)
