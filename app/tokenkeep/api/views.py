"""The engine's snapshots as the JSON values of the contract."""

from __future__ import annotations

import os
from typing import Any

from tokenkeep.domain.access import AccessRequest, Grant
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.registration import ClientFacts
from tokenkeep.domain.session import (
    ConfigurationProblem,
    EngineSnapshot,
    SessionSnapshot,
    SessionState,
    SignInSnapshot,
)

API_VERSION = 1


def status(snapshot: EngineSnapshot) -> dict[str, Any]:
    """`Status`."""
    counts = {"providers": len(snapshot.sessions)} | {
        state.value: sum(session.state is state for session in snapshot.sessions) for state in SessionState
    }
    problems = map(_configuration_notice, snapshot.problems)
    return {
        "version": snapshot.version,
        "api": API_VERSION,
        "pid": os.getpid(),
        "boot_id": snapshot.boot_id,
        "started_at": snapshot.started_at,
        "state": snapshot.state.value,
        "storage": snapshot.storage.value,
        "counts": counts,
        "notices": [text for text in (snapshot.storage_notice, *snapshot.notices, *problems) if text],
    }


def _configuration_notice(problem: ConfigurationProblem) -> str:
    place = "config.toml" if problem.line is None else f"config.toml, line {problem.line}"
    return f"{place}: {problem.message}"


def provider(session: SessionSnapshot) -> dict[str, Any]:
    """`Provider`."""
    return {
        "id": session.id,
        "name": session.name,
        "issuer": session.issuer,
        "flow": session.flow,
        "state": session.state.value,
        "account": session.account,
        "scope": " ".join(session.scope),
        "expires_at": session.expires_at,
        "refresh_at": session.refresh_at,
        "last_error": _problem(session.last_error),
        "base_url": session.base_url,
        "resources": list(session.resources),
        "client": None if session.client is None else _client(session.client),
    }


def _client(facts: ClientFacts) -> dict[str, Any]:
    return {
        "client_id": facts.client_id,
        "source": facts.source,
        "registered_at": facts.registered_at,
        "expires_at": facts.expires_at,
        "redirect_uris": list(facts.redirect_uris),
    }


def sign_in(attempt: SignInSnapshot) -> dict[str, Any]:
    """`SignIn`."""
    return {
        "id": attempt.id,
        "provider": attempt.provider,
        "method": attempt.method,
        "state": attempt.state.value,
        "authorization_url": attempt.authorization_url,
        "user_code": attempt.user_code,
        "verification_uri": attempt.verification_uri,
        "verification_uri_complete": attempt.verification_uri_complete,
        "expires_at": attempt.expires_at,
        "error": _problem(attempt.error),
    }


def grant(given: Grant) -> dict[str, Any]:
    """`Grant`."""
    kind, application = given.key
    return {
        "id": given.id,
        "kind": kind,
        "application": application,
        "name": given.name,
        "provider": given.provider,
        "decision": given.decision.value,
        "holding": given.holding.value,
        "purpose": given.purpose,
        "scope": " ".join(given.scope),
        "resource": list(given.resource),
        "created_at": given.created_at,
        "until": given.until,
    }


def event(kind: str, data: object) -> dict[str, Any] | None:
    """The value of an event of the stream; None for kinds that are between engine and window only."""
    match kind, data:
        case "snapshot", EngineSnapshot():
            return {
                "status": status(data),
                "providers": [provider(each) for each in data.sessions],
                "sign_ins": [sign_in(each) for each in data.sign_ins],
                "access_requests": [_access_request(each) for each in data.access_requests],
            }
        case "status", EngineSnapshot():
            return status(data)
        case "session", SessionSnapshot():
            return provider(data)
        case "sign_in", SignInSnapshot():
            return sign_in(data)
        case "access_request", AccessRequest():
            return _access_request(data)
        case "access_request", str():
            return {"id": data, "answered": True}
        case "config", tuple():
            return {"problems": [_configuration_problem(each) for each in data]}
    return None


def _access_request(request: AccessRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "answered": False,
        "application": request.application.name,
        "provider": request.provider,
        "purpose": request.purpose,
        "scope": " ".join(request.scope),
        "expires_at": request.expires_at,
    }


def _configuration_problem(found: ConfigurationProblem) -> dict[str, Any]:
    return {"message": found.message, "key": found.key, "line": found.line}


def _problem(error: TokenKeepError | None) -> dict[str, Any] | None:
    return None if error is None else error.as_problem()
