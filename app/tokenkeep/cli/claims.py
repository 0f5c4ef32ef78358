"""`tokenkeep claims`: what the tokens of a sign-in say, for people; never a token itself."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from tokenkeep.cli import output
from tokenkeep.cli.exits import DONE
from tokenkeep.client import TokenKeep

CONSENT_WAIT = 90.0  # seconds for a person's answer, and for what the provider is asked
TIMES = {"exp": "ends", "iat": "issued", "nbf": "not before", "auth_time": "logged in", "updated_at": "updated"}
NAMES = {"iss": "issuer", "sub": "subject", "aud": "audience", "scope": "scopes", "scp": "scopes"}
SIGNATURES = {
    "verified": ("verified with the issuer's keys", output.GREEN),
    "not_verifiable": ("not verifiable here.", output.YELLOW),
    "bad": ("bad.", output.RED),
}
KINDS = {
    "opaque": "opaque: only the provider knows what it says",
    "encrypted": "encrypted for the one it is meant for",
    "jwt": "a signed JWT",
}
VALUE_LONGEST = 400  # characters


def run(client: TokenKeep, options: argparse.Namespace) -> int:
    """Show what there is to see of a provider's tokens."""
    found = client.claims(options.provider, introspect=not options.offline, wait=CONSENT_WAIT)
    if options.json:
        output.print_json(found)
    else:
        print("\n\n".join(sections(found)))
    return DONE


def sections(found: dict[str, Any]) -> list[str]:
    """The answer as blocks of text."""
    now = found["checked_at"]
    told = [output.paint(output.plain(found["name"]), output.BOLD) + f", times in {_zone(now)}"]
    parts = (("Who you are (id_token)", found["id_token"]), ("Access token", found["access_token"]))
    told += [_token(title, token, now) for title, token in parts if token is not None]
    if found["id_token"] is None:
        told.append("There is no id_token: the scope `openid` was not asked for.")
    if found["introspection"] is not None:
        told.append(_introspection(found["introspection"], now))
    return told


def _token(title: str, token: dict[str, Any], now: float) -> str:
    rows = [("kind", KINDS.get(token["kind"], str(token["kind"])))]
    if token["signature"]:
        words, colour = SIGNATURES.get(token["signature"], (str(token["signature"]), ""))
        algorithm = token["header"].get("alg")
        rows.append(("signature", " ".join(filter(None, [words, token["reason"]]))))
        rows.append(("signed by", f"{algorithm}, key {token['header'].get('kid', 'not named')}"))
    else:
        colour = ""
    rows += [
        (NAMES.get(name, TIMES.get(name, name)), _value(name, value, now)) for name, value in token["claims"].items()
    ]
    text = output.pairs(rows)
    if colour:
        text = text.replace(output.plain(rows[1][1]), output.paint(output.plain(rows[1][1]), colour), 1)
    odd = [output.paint("odd: ", output.YELLOW) + output.plain(one) for one in token["odd"]]
    return "\n".join([output.paint(title, output.BOLD), text, *odd])


def _introspection(said: dict[str, Any], now: float) -> str:
    match said["state"]:
        case "active":
            ends = output.moment(said["expires_at"], now)
            words = "active" + (f" until {ends}" if ends else "")
            words += f", scopes {' '.join(said['scope'])}" if said["scope"] else ""
            words += f", for {', '.join(said['audience'])}" if said["audience"] else ""
        case "inactive":
            words = "not active: it would be refused. TokenKeep goes on with it until a resource refuses it."
        case "unsupported":
            words = f"nothing. {said['reason']}"
        case _:
            words = f"unknown. {said['reason']}"
    return f"{output.paint('The provider says', output.BOLD)}\n{output.plain(words)}"


def _value(name: str, value: Any, now: float) -> str:
    if name in TIMES and isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11:
        return output.moment(float(value), now)
    if isinstance(value, str):
        text = value
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        text = " ".join(value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_LONGEST else text[: VALUE_LONGEST - 1] + "…"


def _zone(now: float) -> str:
    local = time.localtime(now)
    offset = time.strftime("%z", local)
    return f"{time.strftime('%Z', local)} (UTC{offset[:3]}:{offset[3:]})"
