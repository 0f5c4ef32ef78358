"""Rules of the key set that id_tokens are signed with (RFC 7517, OpenID Connect Core)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tokenkeep.domain.check import Finding
from tokenkeep.oauth.check.endpoints import problem
from tokenkeep.oauth.check.rule import Rule, listed, path
from tokenkeep.oauth.check.seen import Fetched, Server, fetch
from tokenkeep.oauth.jws import ALGORITHMS, algorithms_of
from tokenkeep.oauth.transport import Transport

REACHABLE = Rule("jwks.reachable", "jwks_uri answers with a JSON key set.", "RFC 8414 §2, RFC 7517 §5")
USABLE = Rule(
    "jwks.keys_usable",
    "At least one public key is for signatures (RSA with 2048 bits or more, P-256, P-384, P-521, Ed25519), each key "
    "has a kid of its own, and nothing private is published.",
    "RFC 7517 §4, OpenID Connect Core §10.1",
)
ALG = Rule(
    "jwks.alg",
    f"Id_tokens are signed with one of {', '.join(ALGORITHMS)}, and a key for it is published.",
    "OpenID Connect Core §3.1.3.7, RFC 8725 §3.1",
)
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def rules(server: Server, transport: Transport) -> Iterator[Finding]:
    """Fetch the key set and look at it."""
    uri = server.document.get("jwks_uri")
    if not uri:
        if server.openid:
            yield REACHABLE.fail("There is no jwks_uri.", "Publish the keys and name their address as jwks_uri.")
        else:
            yield REACHABLE.skip("There is no jwks_uri; without id_tokens none is needed.")
        return
    if not isinstance(uri, str) or problem(server, uri):
        yield REACHABLE.fail("jwks_uri is no address that can be used.", "See endpoints.https.")
        return
    fetched = fetch(transport, uri, local=server.provider.local)
    keys = _keys(fetched)
    if keys is None:
        yield REACHABLE.fail(
            f"No key set at {path(uri)}: {fetched.words}.", "Answer there with status 200 and a JSON key set."
        )
        return
    yield REACHABLE.passed(f"{len(keys)} {'key' if len(keys) == 1 else 'keys'} at {path(uri)}.")
    yield _usable(keys)
    if server.openid:
        yield _alg(server, keys)


def _keys(fetched: Fetched) -> list[dict[str, Any]] | None:
    document = fetched.document
    keys = None if document is None else document.get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else None


def _usable(keys: list[dict[str, Any]]) -> Finding:
    if any(PRIVATE & key.keys() for key in keys):
        return USABLE.fail(
            "The key set holds a PRIVATE or symmetric key, which everybody can read.",
            "Take it out now and replace it: whoever has read it can sign id_tokens.",
        )
    usable = [key for key in keys if algorithms_of(key)]
    if not usable:
        return USABLE.fail(
            "No key can be used for signatures.", "Publish the signing key, with use sig or without use."
        )
    kids = [key.get("kid") for key in keys]
    if len(keys) > 1 and (None in kids or len({str(kid) for kid in kids}) < len(kids)):
        return USABLE.warn("Keys share a kid, or have none.", "Give every key a kid of its own.")
    return USABLE.passed(f"{len(usable)} of {len(keys)} can be used for signatures.")


def _alg(server: Server, keys: list[dict[str, Any]]) -> Finding:
    announced = server.texts("id_token_signing_alg_values_supported")
    supported = frozenset(announced or ("RS256",))
    there = frozenset[str]().union(*(algorithms_of(key) for key in keys))
    said = f"Supported: {listed(announced)}."
    if not supported & ALGORITHMS.keys():
        return ALG.fail(said, "Sign id_tokens with RS256 or ES256.")
    if not supported & there:
        return ALG.fail(f"{said} No published key fits.", "Publish the key that id_tokens are signed with.")
    if "none" in supported:
        return ALG.warn(f"{said} Unsigned id_tokens are offered.", "Take none out of the list.")
    if announced is None:
        return ALG.warn("id_token_signing_alg_values_supported is missing.", "Add the list; it is required.")
    return ALG.passed(said)
