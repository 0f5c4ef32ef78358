"""What a CI job and a pod find around them, on loopback and in a folder, as GitHub and Kubernetes document it."""

from __future__ import annotations

import base64
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from support.scripted_server import Connection, Recorded, ScriptedServer, json_answer

PATH = "/idtoken/run-1/job-1"
QUERY = "api-version=2.0"
REQUEST_TOKEN = "CANARY-REQUEST-TOKEN-0001"


def unsigned_jwt(number: int, subject: str = "repo:octo/app:ref:refs/heads/main", audience: str = "") -> str:
    """A token in the form of a JWT about that subject; who checks signatures is not taken in."""
    parts = [{"alg": "RS256", "typ": "JWT"}, {"sub": subject, "aud": audience, "jti": f"canary-{number}"}]
    encoded = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts]
    return ".".join([*encoded, f"CANARY-JWT-{number:04}"])


class GitHubJob(ScriptedServer):
    """The OpenID Connect token service of a job (docs.github.com, "OpenID Connect reference").

    It answers a GET with the bearer token of the job and an `audience`, and gives another JWT each time.

    :param make: a JWT by its number, for an audience.
    """

    make: Callable[[int, str], str] = staticmethod(lambda number, audience: unsigned_jwt(number, audience=audience))

    def __enter__(self) -> GitHubJob:
        super().__enter__()
        self._numbers = itertools.count(1)
        self.given: list[str] = []
        self.reply(PATH, self._give)
        return self

    @property
    def environment(self) -> dict[str, str]:
        """What the runner sets where the job has `id-token: write`."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.origin}{PATH}?{QUERY}",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
        }

    def _give(self, connection: Connection) -> None:
        request: Recorded = self.requests[-1]
        query = parse_qs(urlsplit(request.target).query)
        if request.header("Authorization") != f"Bearer {REQUEST_TOKEN}":
            json_answer({"message": "Unauthorized"}, 401)(connection)
        elif request.method != "GET" or query.get("api-version") != ["2.0"] or len(query.get("audience", [])) != 1:
            json_answer({"message": "Bad request"}, 400)(connection)
        else:
            self.given.append(self.make(next(self._numbers), query["audience"][0]))
            json_answer({"count": len(self.given[-1]), "value": self.given[-1]})(connection)


class ProjectedVolume:
    """A folder as the kubelet writes projected volumes: files are links into `..data`, which is swapped as a whole."""

    def __init__(self, folder: Path, name: str = "token") -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._versions = itertools.count(1)
        self._name = name
        self.path = folder / name

    def write(self, text: str) -> None:
        """The next version: a new folder, then `..data` is moved over, then the old folder goes."""
        version = f"..2026_01_01_{next(self._versions):02}"
        (self._folder / version).mkdir()
        (self._folder / version / self._name).write_text(text)
        data, new = self._folder / "..data", self._folder / "..data_tmp"
        old = data.readlink() if data.is_symlink() else None
        new.symlink_to(version)
        os.replace(new, data)  # noqa: PTH105 - as the kubelet does: one step, and nobody sees half of it
        if not self.path.is_symlink():
            self.path.symlink_to(Path("..data") / self._name)
        if old is not None:
            (self._folder / old / self._name).unlink()
            (self._folder / old).rmdir()
