"""What a demo provider says when it starts: to people, or to a shell."""

import shlex
from collections.abc import Mapping
from typing import Any

PREFIX = "TOKENKEEP_DEMO_"


def as_text(description: Mapping[str, Any]) -> str:
    """For a person at a terminal: the address, who can sign in, where to go on, how to stop."""
    origin = description["origin"]
    people = "\n".join(
        f"  {user['username']} with the password {user['password']}   ({user['name']})" for user in description["users"]
    )
    return f"""\
The demo provider runs at {origin} – open this address to see what can be tried.
It answers this computer only, its accounts are made up, and it forgets everything when it ends.

People:
{people}
Issuer:           {description["issuer"]}
Client id:        {description["client_id"]}   (public, any port of 127.0.0.1 with the path /callback/NAME)
Protected notes:  {description["resource"]}
Fault switches:   {origin}/faults
All settings:     tokenkeep demo server --print-env   (for a shell)   or --json

Ctrl-C ends it."""


def settings(description: Mapping[str, Any]) -> dict[str, str]:
    """What as_env() exports, without the prefix of the names."""
    person = description["users"][0]
    values: dict[str, object] = {
        "ISSUER": description["issuer"],
        # What all addresses begin with; the issuer too, which may have a path.
        "ORIGIN": description["origin"],
        "RESOURCE": description["resource"],
        "CONTROL": description["control"],
        "CLIENT_ID": description["client_id"],
        "SCOPES": " ".join(description["scopes"]),
        "USERNAME": person["username"],
        "PASSWORD": person["password"],
    }
    for name, client in description["clients"].items():
        if name == "public":
            continue
        values[f"{name.upper()}_CLIENT_ID"] = client["client_id"]
        if "client_secret" in client:
            values[f"{name.upper()}_CLIENT_SECRET"] = client["client_secret"]
    return {name: str(value) for name, value in values.items()}


def as_env(description: Mapping[str, Any]) -> str:
    """`export` lines for a POSIX shell. The secrets in them are of this run alone."""
    values = settings(description) | {"PID": str(description["pid"])}
    return "\n".join(f"export {PREFIX}{name}={shlex.quote(value)}" for name, value in values.items())
