"""The notes of two people: a protected API whose reading and writing need different scopes."""

import threading
from collections import defaultdict

from flask import Blueprint, Response, jsonify, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.store import Token
from tokenkeep.demo.resources.faults import guarded
from tokenkeep.demo.resources.protection import Protection

NOTES = {
    "ada": ["The engine weaves algebraic patterns.", "Ask about the Bernoulli numbers."],
    "grace": ["A ship in port is safe.", "Bring the nanosecond wire."],
}
# Characters; a demo server keeps everything in memory.
LONGEST_NOTE = 1000


def create_blueprint(demo: Demo) -> Blueprint:
    """The routes under `/api`."""
    blueprint = Blueprint("notes", __name__)
    protection = Protection(demo)
    # Programs begin without notes.
    notes = defaultdict(list, {username: list(texts) for username, texts in NOTES.items()})
    lock = threading.Lock()

    def owner_of(token: Token) -> str:
        return token.family.user.username if token.family.user else token.family.subject

    @blueprint.get("/api")
    @blueprint.get("/api/whoami")
    def whoami() -> Response:
        token = guarded(demo, protection)
        if isinstance(token, Response):
            return token
        user = token.family.user
        return jsonify(
            sub=token.family.subject,
            username=user.username if user else None,
            name=user.name if user else None,
            client_id=token.family.client_id,
            scope=token.scope,
            expires_at=int(token.expires_at),
        )

    @blueprint.get("/api/notes")
    def read() -> Response:
        token = guarded(demo, protection, "notes:read")
        if isinstance(token, Response):
            return token
        with lock:
            return jsonify(notes=notes[owner_of(token)])

    @blueprint.post("/api/notes")
    def write() -> Response | tuple[Response, int]:
        token = guarded(demo, protection, "notes:write")
        if isinstance(token, Response):
            return token
        sent = request.get_json(silent=True)
        text = sent.get("text") if isinstance(sent, dict) else None
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST_NOTE:
            return jsonify(error="Send a JSON object with a text of at most 1000 characters."), 400
        with lock:
            notes[owner_of(token)].append(text)
            return jsonify(notes=notes[owner_of(token)]), 201

    return blueprint
