"""Where tokens came from, kept with them."""

from __future__ import annotations

from dataclasses import dataclass

from tokenkeep.domain.provider import Provider


@dataclass(frozen=True, slots=True)
class Origin:
    """The server that gave the tokens and the client they were given to: they are revoked there and nowhere else,
    whatever becomes of the entry in `config.toml` (REF-9).

    :param entry: the entry as it was, as far as a revocation needs it.
    :param revocation_endpoint: None when the server has none.
    :param auth_methods: the `token_endpoint_auth_methods_supported` of its metadata; None when it does not say.
    :param signing_algorithms: the same for `token_endpoint_auth_signing_alg_values_supported`.
    :param issuer: as its metadata say.
    :param token_endpoint: as its metadata say.
    """

    entry: Provider
    revocation_endpoint: str | None = None
    auth_methods: tuple[str, ...] | None = None
    signing_algorithms: tuple[str, ...] | None = None
    issuer: str = ""
    token_endpoint: str = ""
