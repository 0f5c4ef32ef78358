"""Where a person's browser may be sent to log out."""

from __future__ import annotations

import pytest

from support.oauth_values import CLIENT_ID, make_provider
from tokenkeep.domain.errors import ProviderError
from tokenkeep.oauth import logout

BAD = (
    "javascript:alert(1)",
    "file:///etc/passwd",
    "ms-msdt:/id",
    "-evil",
    'https://x/";calc',
    "http://auth.example.com/logout",
    "http://127.0.0.1/logout",
    "https://user@auth.example.com/logout",
)


@pytest.mark.parametrize("endpoint", BAD)
def test_AUTHZ_5_nobody_is_sent_to_a_bad_end_session_endpoint(endpoint: str) -> None:
    provider = make_provider()
    with pytest.raises(ProviderError, match="not opened"):
        logout.request(provider, endpoint, CLIENT_ID, id_token=None)
    with pytest.raises(ProviderError, match="not opened"):
        logout.link(provider, endpoint, CLIENT_ID)


def test_AUTHZ_5_a_good_end_session_endpoint_is_asked_as_it_stands() -> None:
    endpoint = "https://auth.example.com/logout?tenant=a%2Fb"
    assert logout.request(make_provider(), endpoint, CLIENT_ID, id_token=None).endpoint == endpoint
    assert logout.link(make_provider(), endpoint, CLIENT_ID) == f"{endpoint}&client_id={CLIENT_ID}"
    local = "http://127.0.0.1:1/logout"
    assert logout.request(make_provider(local=True), local, CLIENT_ID, id_token=None).endpoint == local
