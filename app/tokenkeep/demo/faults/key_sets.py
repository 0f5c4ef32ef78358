"""Wrong and odd key sets, by the values of the `jwks` fault switch."""

from typing import Any

from flask import Response, jsonify, redirect
from joserfc.jwk import ECKey, OctKey, RSAKey

from tokenkeep.demo.context import Demo

# More than any client should read (NET-5): 6 MiB.
HUGE = 6 * 1024 * 1024


def instead_of_key_set(demo: Demo, fault: str) -> Any:
    """The whole answer that the switch value names."""
    match fault:
        case "401" | "404" | "500" | "503":
            return Response("The demo provider was told to fail.\n", int(fault), mimetype="text/plain")
        case "html":
            return Response("<!doctype html><title>Welcome</title>", mimetype="text/html")
        case "redirect":
            return redirect(f"{demo.origin}/moved-keys", 302)
        case "array":
            return jsonify(demo.keys.published()["keys"])
        case "text_keys":
            return jsonify(keys="none")
        case "huge":
            return jsonify(demo.keys.published() | {"padding": "x" * HUGE})
    return jsonify(keys=_keys(demo, fault))


def _keys(demo: Demo, fault: str) -> list[Any]:
    keys: list[Any] = demo.keys.published()["keys"]
    match fault:
        case "empty":
            return []
        case "no_kid":
            del keys[0]["kid"]
        case "two_no_kid":
            keys = [demo.keys.stranger.as_dict(private=False), *keys]
            for key in keys:
                del key["kid"]
        case "enc_only":
            keys[0]["use"] = "enc"
        case "stranger":
            # Another key under the very id: what a server would publish whose tokens were forged.
            return [demo.keys.stranger.as_dict(private=False)]
        case "crowded":
            kid = keys[0]["kid"]
            secret = OctKey.generate_key(256, {"kid": kid, "alg": "HS256"}).as_dict(private=True)
            curve = ECKey.generate_key("P-384", {"kid": kid, "alg": "ES384"}).as_dict(private=False)
            sealing = RSAKey.generate_key(2048, {"kid": kid, "use": "enc", "alg": "RSA-OAEP"}).as_dict(private=False)
            return [7, {"kty": "made-up", "kid": kid}, secret, curve, sealing, *keys]
    return keys
