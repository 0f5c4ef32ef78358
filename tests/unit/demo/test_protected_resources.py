"""The protected resources of the demo provider: their scopes, metadata and challenges."""

import requests

from support.demo_provider import DemoProvider


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, allow_redirects=False, timeout=60)


def test_MCP_2_reading_and_writing_notes_need_different_scopes(demo_provider: DemoProvider) -> None:
    reader = demo_provider.tokens(scope="openid notes:read")["access_token"]
    url, body = f"{demo_provider.resource}/notes", {"text": "Buy brass gears."}
    refused = requests.post(url, json=body, headers={"Authorization": f"Bearer {reader}"}, timeout=60)
    assert refused.status_code == 403
    assert 'error="insufficient_scope", scope="notes:write"' in refused.headers["WWW-Authenticate"]
    writer = demo_provider.tokens("grace", scope="openid notes:read notes:write")["access_token"]
    headers = {"Authorization": f"Bearer {writer}"}
    assert requests.post(url, json=body, headers=headers, timeout=60).status_code == 201
    assert body["text"] in get(url, **headers).json()["notes"]
    assert body["text"] not in demo_provider.call(reader, "/notes").json()["notes"]
    for bad in ({"text": ""}, {"text": 7}, {"text": "x" * 1001}, []):
        assert requests.post(url, json=bad, headers=headers, timeout=60).status_code == 400


def test_PRM_4_the_root_document_stands_for_the_whole_origin(demo_provider: DemoProvider) -> None:
    origin = demo_provider.resource.removesuffix("/api")
    document = get(f"{origin}/.well-known/oauth-protected-resource").json()
    assert document["resource"] == origin
    assert document["authorization_servers"] == [demo_provider.issuer]
