"""The challenges that answer missing and bad tokens (RFC 6750 §3, RFC 9728 §5.1)."""

from flask import Request, Response, jsonify

from tokenkeep.demo.context import Demo
from tokenkeep.demo.web.log import note


def metadata_url(demo: Demo, path: str) -> str:
    """RFC 9728 §3.1: the well-known part goes between host and path."""
    return f"{demo.origin}/.well-known/oauth-protected-resource{path}"


def refuse(demo: Demo, request: Request, *, error: str | None = None, scope: str | None = None) -> Response:
    """401 for a missing or bad token, 403 for `insufficient_scope`, with the challenge that says why."""
    parts = ['realm="TokenKeep demo"']
    if error:
        parts.append(f'error="{error}"')
    if scope:
        parts.append(f'scope="{scope}"')
    parts.append(f'resource_metadata="{metadata_url(demo, request.path)}"')
    note(outcome=error or "no_token")
    answer = jsonify(error=error or "unauthorized")
    answer.status_code = 403 if error == "insufficient_scope" else 401
    answer.headers["WWW-Authenticate"] = "Bearer " + ", ".join(parts)
    return answer
