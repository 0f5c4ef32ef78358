"""The challenges that answer missing and bad tokens (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1)."""

from flask import Request, Response, jsonify

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.challenges import change_challenge
from tokenkeep.demo.oauth.dpop import ALGORITHMS
from tokenkeep.demo.web.log import note

STATUS = {"invalid_request": 400, "insufficient_scope": 403}


def metadata_url(demo: Demo, path: str) -> str:
    """RFC 9728 §3.1: the well-known part goes between host and path."""
    return f"{demo.origin}/.well-known/oauth-protected-resource{path}"


def _written(scheme: str, values: dict[str, str]) -> str:
    return f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in values.items())


def refuse(
    demo: Demo,
    request: Request,
    *,
    error: str | None = None,
    scope: str | None = None,
    dpop: bool = False,
    status: int | None = None,
) -> Response:
    """401 for a missing or bad token, 403 for `insufficient_scope`, with the challenges that say why.

    `dpop`: the request used the scheme DPoP, so the reason belongs to that challenge.
    """
    reason = {"error": error} if error else {}
    bearer = {"realm": "TokenKeep demo"} | ({} if dpop else reason)
    if scope:
        bearer["scope"] = scope
    bearer["resource_metadata"] = metadata_url(demo, request.path)
    note(outcome=error or "no_token")
    answer = jsonify(error=error or "unauthorized")
    answer.status_code = status or STATUS.get(error or "", 401)
    challenges = [_written("Bearer", bearer)]
    mode = demo.faults.value("rs_dpop")
    if mode != "bearer_only":
        algorithms = "HS256 ES256K" if mode == "other_algs" else " ".join(ALGORITHMS)
        challenges.append(_written("DPoP", (reason if dpop else {}) | {"algs": algorithms}))
    answer.headers["WWW-Authenticate"] = ", ".join(challenges)
    change_challenge(demo, answer, bearer)
    return answer
