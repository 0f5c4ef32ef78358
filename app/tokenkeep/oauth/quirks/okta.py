"""Okta: a client assertion must name the token endpoint.

<https://developer.okta.com/docs/guides/build-self-signed-jwt/java/main/>: `aud` is the whole address that it is
sent to (X9).
"""

from __future__ import annotations

from tokenkeep.oauth.quirks import Quirks

QUIRKS = Quirks(assertion_to_token_endpoint=True)
