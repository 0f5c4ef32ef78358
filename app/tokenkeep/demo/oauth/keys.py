"""The signing keys of one run, and one that nobody publishes."""

from typing import Any

from joserfc.jwk import RSAKey


def _new_key(key_id: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": key_id, "use": "sig", "alg": "RS256"})


class SigningKey:
    """RS256 keys, made anew at each start so that no demo token outlives its server (DEMO-1)."""

    def __init__(self) -> None:
        self.current = _new_key("demo-1")
        # Published beside the current key: those it has replaced with overlap.
        self._former: list[RSAKey] = []
        self._number = 1
        self._stranger: RSAKey | None = None
        # Keys that no honest server has, published after a fault has signed with them; by key id.
        self.unsuitable: dict[str, dict[str, Any]] = {}

    def rotate(self, *, overlap: bool = False) -> None:
        """Replace the key; with overlap the ones before it stay published, else they are gone."""
        self._former = [self.current, *self._former] if overlap else []
        self._number += 1
        self.current = _new_key(f"demo-{self._number}")
        self._stranger = None

    @property
    def stranger(self) -> RSAKey:
        """A key with the current key's id that no JWKS contains."""
        if self._stranger is None:
            self._stranger = _new_key(str(self.current.kid))
        return self._stranger

    def published(self) -> dict[str, Any]:
        """The JWKS document (RFC 7517 §5)."""
        keys = [key.as_dict(private=False) for key in (self.current, *self._former)]
        return {"keys": [*keys, *self.unsuitable.values()]}
