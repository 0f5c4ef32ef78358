"""Authorization attempts for the tests of the code flow."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.oauth_values import REDIRECT_URI, make_metadata, make_provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.authorization import Attempt, begin

CODE = Secret("CANARY-CODE+/=%&")


def start(**changes: Any) -> Attempt:
    """An attempt; arguments that begin with `metadata_` go to the metadata."""
    metadata = {name.removeprefix("metadata_"): value for name, value in changes.items() if "metadata_" in name}
    provider = {name: value for name, value in changes.items() if "metadata_" not in name}
    return begin(make_provider(**provider), make_metadata(**metadata), REDIRECT_URI)


def sent(attempt: Attempt) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(attempt.url).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
