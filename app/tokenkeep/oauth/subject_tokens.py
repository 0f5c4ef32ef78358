"""Where a program's own identity comes from: the CI job, the cluster, a file, the environment, a command.

Read anew for every request and never kept: whoever rotates such a token need not tell anybody.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlencode, urlsplit

from tokenkeep.domain.errors import MalformedAnswer, Misconfigured, ProviderError
from tokenkeep.domain.provider import Provider, SubjectToken
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import strict_json
from tokenkeep.oauth.commands import CommandFailed, output_of
from tokenkeep.oauth.texts import clean_text
from tokenkeep.oauth.transport import Request, Transport

KUBERNETES_PATH = "/var/run/secrets/tokens/oauth2/token"
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
SIZE_LIMIT = 64 * 1024  # bytes; a token with a thousand groups in it is a quarter of that
COMMAND_LIMIT = 30.0  # seconds; the command may ask another server
SUBJECT_LIMIT = 120  # characters of a subject that are shown

_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which token of which entry, for what is said when there is none.

    :param key: `subject_token` or `actor_token`.
    """

    provider: Provider
    key: str
    source: SubjectToken

    def fail(self, detail: str, hint: str) -> NoReturn:
        """:raises Misconfigured: with these words and the key."""
        raise Misconfigured(
            detail, hint=hint, key=f"providers.{self.provider.id}.{self.key}", provider=self.provider.id
        )


def read(wanted: Wanted, transport: Transport) -> Secret:
    """The token as it is now. Blocking; every source but `provider`, which is the engine's.

    :param transport: that of the application, with no view of this provider: another server is asked.
    :raises Misconfigured: there is none; the hint says what to do.
    :raises ProviderUnreachable: the CI service cannot be reached.
    :raises ProviderError: it refuses, or answers nonsense.
    """
    match wanted.source.source:
        case "github_actions":
            token = _from_github(wanted, transport)
        case "kubernetes":
            token = _from_file(
                wanted,
                wanted.source.path or KUBERNETES_PATH,
                "Mount a projected volume with a `serviceAccountToken` there, its audience being this provider.",
            )
        case "file":
            token = _from_file(wanted, wanted.source.path, "Check the path, and whether it is mounted.")
        case "env":
            token = _from_environment(wanted)
        case _:
            token = _from_command(wanted)
    if not _TOKEN.fullmatch(token):
        wanted.fail("What was found where the subject token should be is no token.", "Look at what is written there.")
    return Secret(token)


def _from_github(wanted: Wanted, transport: Transport) -> str:
    url, token = os.environ.get(REQUEST_URL, ""), os.environ.get(REQUEST_TOKEN, "")
    if not url or not token:
        wanted.fail(
            f"There is no identity token of GitHub Actions: {REQUEST_URL} and {REQUEST_TOKEN} are not both set.",
            "Give the job `permissions: { id-token: write }`, and start TokenKeep within that job.",
        )
    separator = "&" if urlsplit(url).query else "?"
    asked = f"{url}{separator}{urlencode({'audience': wanted.source.audience})}"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json; api-version=2.0"}
    answer = transport.starting_at([url]).send(Request("GET", asked, headers=headers), local=wanted.provider.local)
    if answer.transient:
        raise answer.unreachable(f"GitHub Actions gives no identity token at the moment (status {answer.status}).")
    if answer.status != 200:
        raise ProviderError(
            f"GitHub Actions refused to give an identity token (status {answer.status}).",
            hint="Check `permissions: { id-token: write }` of the job, and the audience.",
            provider=wanted.provider.id,
        )
    members = answer.json()
    value = members.get("value") if isinstance(members, dict) else None
    if not isinstance(value, str) or not value:
        raise MalformedAnswer(
            "The answer of GitHub Actions has no identity token (value).", provider=wanted.provider.id
        )
    return value


def _from_file(wanted: Wanted, name: str, hint: str) -> str:
    path = Path(name).expanduser()
    try:
        if not path.is_file():  # a pipe or a device could block for ever
            wanted.fail(f"There is no file {path} to read the {_spoken(wanted.key)} from.", hint)
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
        text = content.decode("ascii").strip()
    except OSError as error:
        wanted.fail(f"The file {path} cannot be read: {error.strerror or type(error).__name__}.", hint)
    except UnicodeDecodeError:
        wanted.fail(f"The file {path} holds no token.", hint)
    if not text:
        wanted.fail(f"The file {path} is empty.", hint)
    if len(content) > SIZE_LIMIT:
        wanted.fail(f"The file {path} is too large for a token.", hint)
    return text


def _from_environment(wanted: Wanted) -> str:
    name = wanted.source.name
    token = os.environ.get(name, "").strip()
    if not token:
        wanted.fail(
            f"The environment variable {name} is not set, or empty.",
            f"Set {name} where TokenKeep is started. It is read at every use and never changes while TokenKeep runs: "
            "for tests, not for tokens that are rotated.",
        )
    return token


def _from_command(wanted: Wanted) -> str:
    command = wanted.source.command
    try:
        token = output_of(command, COMMAND_LIMIT, SIZE_LIMIT).strip()
    except CommandFailed as failed:
        wanted.fail(f"The command {command[0]} gave no token: {failed}.", "Run the command by hand to see why.")
    if not token:
        wanted.fail(f"The command {command[0]} printed nothing.", "Run the command by hand to see why.")
    return token


def _spoken(key: str) -> str:
    return key.replace("_", " ")


def subject_of(token: Secret) -> str:
    """Whom a JWT is about, by its own word and for display only; empty when it does not say."""
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = strict_json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return ""
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return clean_text(subject, SUBJECT_LIMIT) if isinstance(subject, str) else ""
