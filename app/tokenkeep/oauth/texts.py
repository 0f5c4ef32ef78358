"""What servers write, made fit to be shown; and our own words for the standard's error codes."""

from __future__ import annotations

import unicodedata

TEXT_LIMIT = 300  # characters of a server's text that are ever shown
CODE_LIMIT = 64  # an error code longer than this is no code

ERROR_TEXTS = {
    "access_denied": "The request was denied.",
    "expired_token": "The code ran out before it was confirmed.",
    "invalid_client": "The provider does not know this client, or the client's secret is wrong.",
    "invalid_dpop_proof": "The provider did not accept the proof that the token's key is here.",
    "invalid_grant": "The sign-in is no longer valid at the provider.",
    "invalid_request": "The provider could not use the request.",
    "invalid_scope": "The provider does not give one of the scopes that were asked for.",
    "invalid_target": "The provider does not give tokens for the resource that was asked for.",
    "server_error": "The provider had an error of its own.",
    "temporarily_unavailable": "The provider is not available at the moment.",
    "unauthorized_client": "The provider does not allow this client to do that.",
    "unsupported_grant_type": "The provider does not offer this way to sign in.",
    "unsupported_response_type": "The provider does not offer this way to sign in.",
    "unsupported_token_type": "The provider does not revoke tokens of this kind.",
    "use_dpop_nonce": "The provider wants a nonce in the proof, and was not content with the one that it gave.",
}

ERROR_STEPS = {
    "invalid_dpop_proof": "Check that the clock of this computer is right.",
    "invalid_scope": "Check `scopes` of this provider in the configuration.",
    "invalid_target": "Check `resource` and `audience` of this provider in the configuration.",
    "unsupported_grant_type": "Check `flow` of this provider in the configuration.",
    "unsupported_response_type": "Check `flow` of this provider in the configuration.",
}


def clean_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Plain text of one line: no control, format (bidirectional overrides) or surrogate characters, cut to `limit`."""
    kept = []
    for char in text[: limit * 4]:
        kind = unicodedata.category(char)
        if char.isspace() or kind in ("Zl", "Zp"):
            kept.append(" ")
        elif kind not in ("Cc", "Cf", "Cs", "Co", "Cn"):
            kept.append(char)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def error_text(code: str) -> str:
    """Our sentence for an OAuth error code; an unknown one is named."""
    return ERROR_TEXTS.get(code) or f"The provider answered with the error “{clean_text(code, CODE_LIMIT)}”."


def error_step(code: str) -> str:
    """What to do about an OAuth error code; empty where the kind of error says it."""
    return ERROR_STEPS.get(code, "")


def denial_text(description: str) -> str:
    """Our sentence for `access_denied`, and the server's cleaned words marked as such."""
    words = f" The provider says: “{description.rstrip('.')}”." if description else ""
    return ERROR_TEXTS["access_denied"] + words
