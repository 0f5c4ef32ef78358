"""`tokenkeep token`: prints the access token and nothing else, as fast as a Python process can."""

from __future__ import annotations

from tokenkeep.cli.exits import DONE, report
from tokenkeep.client import TokenKeep, TokenKeepError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VALUES = {
    "--min-valid": "min_valid",
    "--scope": "scope",
    "--resource": "resource",
    "--audience": "audience",
    "--wait": "wait",
}
FLAGS = {"--interactive": "interactive", "--json": "json", "--start": "start"}
NUMBERS = ("min_valid", "wait")


def run(arguments: list[str]) -> int | None:
    """Print the token; None leaves help and mistakes to the full parser, which knows how to speak of them."""
    options = read(arguments)
    if options is None:
        return None
    if options.pop("start"):
        from tokenkeep.cli.start import start

        code = start()
        if code != DONE:
            return code
    as_json = options.pop("json")
    provider = options.pop("provider")
    if options["interactive"] and options["wait"] is None:
        options["wait"] = 300.0
    try:
        token = TokenKeep().token(provider, **options)
    except TokenKeepError as error:
        return report(error)
    if as_json:
        import json

        print(json.dumps({name: getattr(token, name) for name in token.__slots__}))
    else:
        print(token.access_token)
    return DONE


def read(arguments: list[str]) -> dict[str, Any] | None:
    """The options of a command line that is plainly right; importing argparse takes longer than asking for a token."""
    options: dict[str, Any] = {"min_valid": None, "scope": None, "resource": [], "audience": None, "wait": None}
    options |= dict.fromkeys(FLAGS.values(), False)
    provider = None
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name in VALUES:
            text = value if equals else next(rest, None)
            if text is None:
                return None
            if not _take(options, VALUES[name], text):
                return None
        elif argument in FLAGS:
            options[FLAGS[argument]] = True
        elif argument.startswith("-") or provider is not None:
            return None
        else:
            provider = argument
    if not provider:
        return None
    return options | {"provider": provider}


def _take(options: dict[str, Any], name: str, text: str) -> bool:
    if name in NUMBERS:
        if not is_number(text):
            return False
        options[name] = float(text)
    elif name == "resource":
        options["resource"].append(text)
    else:
        options[name] = text
    return True


def is_number(text: str) -> bool:
    """Whether a text is plain digits with at most one point."""
    return text.isascii() and text.replace(".", "", 1).isdigit()
