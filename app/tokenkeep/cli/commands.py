"""The commands that ask the running application."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenkeep.cli import output
from tokenkeep.cli.exits import DONE, FAILED, USAGE, report, say
from tokenkeep.client import NotRunning, TokenKeep, TokenKeepError

STOP_LIMIT = 5.0  # seconds until a running application is really gone


def run(command: Callable[[TokenKeep, argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a command with a client; its errors become a message and an exit code."""
    if getattr(options, "start", False):
        from tokenkeep.cli.start import start

        code = start()
        if code != DONE:
            return code
    with TokenKeep() as client:
        try:
            return command(client, options)
        except TokenKeepError as error:
            return report(error)


def status(client: TokenKeep, options: argparse.Namespace) -> int:
    """The overview."""
    found = client.status()
    if options.json:
        output.print_json(found)
        return DONE
    providers = client.providers()
    state = output.paint(output.state_word(found["state"]), output.STATE_COLOURS.get(found["state"], ""))
    print(f"TokenKeep {found['version']}: {state}")
    counts = found["counts"]
    states = [f"{count} {output.state_word(name)}" for name, count in counts.items() if name != "providers" and count]
    summary = f"{counts['providers']}: {', '.join(states)}" if states else "none yet"
    rows = [
        ("running", f"since {output.moment(found['started_at'], output.now())}, process {found['pid']}"),
        ("storage", "" if found["state"] == "locked" else STORAGE.get(found["storage"], found["storage"])),
        ("providers", summary),
    ]
    rows += [
        ("needs you", f"{each['id']}: tokenkeep login {each['id']}")
        for each in providers
        if each["state"] == "needs_sign_in"
    ]
    rows += [("failed", f"{each['id']}: {_last_error(each)}") for each in providers if each["state"] == "failed"]
    rows += [("notice", text) for text in found.get("notices", ())]  # an older application has none
    print(output.pairs(rows))
    return DONE


def edit(client: TokenKeep, options: argparse.Namespace) -> int:
    """Take a client secret or an initial access token, never from the command line, for TokenKeep to keep."""
    if options.initial_access_token is not None:
        return _initial_access_token(client, options)
    if options.token is not None:
        return _paste_token(client, options)
    if options.client_secret is None and options.client_secret_file is None:
        say("Say what to change: --client-secret -, --client-secret-file PATH, or --token -.")
        return USAGE
    try:
        secret = _typed_in(options.client_secret_file, "Client secret: ")
    except (OSError, UnicodeDecodeError):
        say(f"{options.client_secret_file} cannot be read.")
        return FAILED
    if not secret:
        say("No client secret was given; nothing was changed.")
        return FAILED
    found = client.set_client_secret(options.provider, secret)
    if options.json:
        output.print_json(found)
    else:
        print(f"The client secret of {output.plain(found['name'])} is kept sealed.")
    return DONE


def _paste_token(client: TokenKeep, options: argparse.Namespace) -> int:
    token = _typed_in(None, "Token: ").strip()
    if not token:
        say("No token was given; nothing was changed.")
        return FAILED
    found = client.paste_token(options.provider, token, expires_at=options.expires_at)
    if options.json:
        output.print_json(found)
    else:
        print(f"The token of {output.plain(found['name'])} is kept sealed.")
    return DONE


def _initial_access_token(client: TokenKeep, options: argparse.Namespace) -> int:
    token = _typed_in(None, "Initial access token: ").strip()
    if not token:
        say("No initial access token was given; nothing was changed.")
        return FAILED
    found = client.set_initial_access_token(options.provider, token)
    if options.json:
        output.print_json(found)
    else:
        print(f"The initial access token for {output.plain(found['name'])} is kept sealed.")
    return DONE


def remove(client: TokenKeep, options: argparse.Namespace) -> int:
    """Remove a provider, and say what is left of it at its server."""
    client.remove(options.provider)
    done = next((one for one in client.activity(20) if one["event"] == "remove"), {})
    left = done.get("provider") == options.provider and done.get("outcome") == "registration_left"
    if options.json:
        output.print_json({"removed": options.provider, "registration_left": left})
        return DONE
    print(f"{options.provider} is removed.")
    if left:
        say("Its registration of TokenKeep could not be deleted at the server and was removed here only.")
    return DONE


def _typed_in(file: str | None, prompt: str) -> str:
    """From a file, from a terminal without showing it, or from standard input; a final line break is no part of it.

    :raises OSError, UnicodeDecodeError: the file cannot be read.
    """
    if file is not None:
        return Path(file).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(prompt)
    return sys.stdin.read().rstrip("\r\n")


def unlock(client: TokenKeep, options: argparse.Namespace) -> int:
    """Read the passphrase, never from the command line, and open what it seals."""
    passphrase = _passphrase(client)
    if not passphrase:
        say("No passphrase was given.")
        return FAILED
    client.unlock(passphrase)
    if options.json:
        output.print_json({"unlocked": True})
    return DONE


def _passphrase(client: TokenKeep) -> str:
    """From a terminal without showing it, twice when it is a new one; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    import getpass

    passphrase = getpass.getpass("Passphrase: ")
    new = any("No passphrase has been chosen" in notice for notice in client.status().get("notices", ()))
    if new and passphrase and getpass.getpass("Once more, it is a new one: ") != passphrase:
        say("They are not the same; nothing was changed.")
        return ""
    return passphrase


STORAGE = {
    "keyring": "sealed, the key is in the system's keyring",
    "passphrase": "sealed with a passphrase",
    "memory": "in memory only, gone when it quits",
    "degraded": "in memory: the last change could not be written",
}


def list_providers(client: TokenKeep, options: argparse.Namespace) -> int:
    """The table of providers."""
    providers = client.providers()
    if options.json:
        output.print_json({"providers": providers})
        return DONE
    if not providers:
        say("No provider is set up yet.")
        return DONE
    now = output.now()
    rows = [
        (
            each["id"],
            each["name"],
            output.state_word(each["state"]),
            each["account"] or "-",
            output.moment(each["expires_at"], now) or "-",
        )
        for each in providers
    ]
    colours = [output.STATE_COLOURS.get(each["state"], "") for each in providers]
    print(output.table(("ID", "NAME", "STATE", "ACCOUNT", "TOKEN UNTIL"), rows, colours))
    return DONE


def show(client: TokenKeep, options: argparse.Namespace) -> int:
    """One provider's details."""
    found = client.provider(options.provider)
    if options.public_key:
        return _show_public_key(found)
    if options.json:
        output.print_json(found)
        return DONE
    now = output.now()
    expires, planned, resources = found["expires_at"], found["refresh_at"], found["resources"]
    print(
        output.pairs(
            [
                ("id", str(found["id"])),
                ("name", str(found["name"])),
                ("state", output.state_word(str(found["state"]))),
                ("account", str(found["account"])),
                ("issuer", str(found["issuer"])),
                *_client_rows(found.get("client"), now),
                ("flow", str(found["flow"]).replace("_", " ")),
                ("scope", str(found["scope"])),
                ("resources", " ".join(resources) if isinstance(resources, list) else ""),
                ("token until", output.moment(expires if isinstance(expires, float | int) else None, now)),
                ("next refresh", output.moment(planned if isinstance(planned, float | int) else None, now)),
                ("address", str(found["base_url"])),
                ("last error", _last_error(found)),
            ]
        )
    )
    return DONE


def _client_rows(facts: object, now: float) -> list[tuple[str, str]]:
    """Who TokenKeep is to the provider; an older application does not say."""
    if not isinstance(facts, dict):
        return []
    ways = {"metadata_document": "by its metadata document", "registration": "registered by the provider"}
    way = ways.get(facts["source"], "")
    return [
        ("client", f"{facts['client_id']} ({way})" if way else facts["client_id"]),
        ("registered", output.moment(facts["registered_at"], now)),
        ("secret until", output.moment(facts["expires_at"], now)),
        ("comes back to", " ".join(facts["redirect_uris"])),
    ]


def _show_public_key(found: dict[str, Any]) -> int:
    """The key set to be registered at the provider, and nothing else on standard output."""
    jwks = found["jwks"]
    if jwks is None:
        say(f"{found['id']} has no public key to show.")
        say('A client has one with `client_auth = "private_key_jwt"`; it is made once the provider can be reached.')
        return FAILED
    output.print_json(jwks)
    return DONE


def _last_error(found: dict[str, object]) -> str:
    problem = found["last_error"]
    if not isinstance(problem, dict):
        return ""
    error = TokenKeepError(problem["code"], problem["title"], problem["detail"], problem["hint"])
    return str(error)


def claims(client: TokenKeep, options: argparse.Namespace) -> int:
    """What the tokens of a sign-in say."""
    from tokenkeep.cli.claims import run as show_claims

    return show_claims(client, options)


def login(client: TokenKeep, options: argparse.Namespace) -> int:
    """Sign in and wait."""
    from tokenkeep.cli.login import login as sign_in

    return sign_in(client, options)


def logout(client: TokenKeep, options: argparse.Namespace) -> int:
    """Sign out."""
    outcome = client.sign_out(options.provider, revoke=not options.no_revoke, end_session=options.browser)
    if options.json:
        output.print_json(outcome)
    else:
        print(f"Signed out of {options.provider}. {output.plain(outcome['detail'])}".strip())
    return DONE


def header(client: TokenKeep, options: argparse.Namespace) -> int:
    """Header lines for one request."""
    if "://" in options.target:
        found = client.headers(options.target, method=options.method)
    else:
        found = client.headers(options.url, provider=options.target, method=options.method)
    for name, value in found.items():
        print(f"{name}: {value}")
    return DONE


def events(client: TokenKeep, options: argparse.Namespace) -> int:
    """Follow the events until the application ends."""
    for event in client.events():
        if options.json:
            line = json.dumps({"id": event.id, "event": event.kind, "data": event.data}, ensure_ascii=False)
        else:
            line = f"{time.strftime('%H:%M:%S', time.localtime(output.now()))}  {_event_line(event.kind, event.data)}"
        print(line, flush=True)
    return DONE


def _event_line(kind: str, data: dict[str, object]) -> str:
    if kind in ("session", "sign_in"):
        name = str(data["id"] if kind == "session" else data["provider"])
        words = [name, output.state_word(str(data["state"])), str(data.get("account") or "")]
    elif kind == "access_request":
        words = [
            str(data.get("application", "")),
            "asks for",
            str(data.get("provider") or "the right to change things"),
        ]
        if data.get("answered"):
            words = ["answered"]
    else:
        inner = data.get("status", data)
        state = inner.get("state", "") if isinstance(inner, dict) else ""
        words = [output.state_word(str(state))]
    return output.plain(f"{kind.replace('_', ' '):<14}  {' '.join(word for word in words if word)}")


def leave(client: TokenKeep, _options: argparse.Namespace) -> int:
    """Stop the application, and wait until its socket is gone so that it can be started again."""
    client.quit()
    client.close()
    for _ in range(int(STOP_LIMIT / 0.05)):
        try:
            client.status()
        except NotRunning:
            return DONE
        except TokenKeepError:
            pass
        time.sleep(0.05)
    say("TokenKeep is asked to quit, but still runs.")
    return FAILED
