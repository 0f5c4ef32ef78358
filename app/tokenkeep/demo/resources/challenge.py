"""Bearer tokens in requests and the challenges that answer bad ones (RFC 6750, RFC 9728 §5.1)."""

from flask import Request, Response, jsonify

from tokenkeep.demo.context import Demo
from tokenkeep.demo.web.log import note


def bearer_token(request: Request) -> str | None:
    """The token of the Authorization header, or None; query and form are not looked at."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def metadata_url(demo: Demo, resource: str) -> str:
    """RFC 9728 §3.1: the well-known part goes between host and path."""
    return f"{demo.issuer}/.well-known/oauth-protected-resource{resource.removeprefix(demo.issuer)}"


def refuse(
    demo: Demo, request: Request, resource: str, *, error: str | None = None, scope: str | None = None
) -> Response:
    """401 for a missing or bad token, 403 for `insufficient_scope`, with the challenge that says why."""
    parts = ['realm="TokenKeep demo"']
    if error is None and bearer_token(request):
        error = "invalid_token"
    if error:
        parts.append(f'error="{error}"')
    if scope:
        parts.append(f'scope="{scope}"')
    parts.append(f'resource_metadata="{metadata_url(demo, resource)}"')
    note(outcome=error or "no_token")
    answer = jsonify(error=error or "unauthorized")
    answer.status_code = 403 if error == "insufficient_scope" else 401
    answer.headers["WWW-Authenticate"] = "Bearer " + ", ".join(parts)
    return answer
