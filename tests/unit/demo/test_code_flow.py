"""The authorization code flow at the demo provider, by real HTTP."""

from urllib.parse import parse_qs, urlsplit

from support.demo_provider import DemoProvider


def test_DEMO_2_a_sign_in_gives_tokens_that_the_resource_accepts(demo_provider: DemoProvider) -> None:
    request = demo_provider.authorization_request()
    callback = demo_provider.sign_in(request.url)
    query = parse_qs(urlsplit(callback).query)
    assert callback.startswith(request.parameters["redirect_uri"] + "?")
    assert query["state"] == [request.parameters["state"]]
    assert query["iss"] == [demo_provider.issuer]
    answer = request.exchange(callback)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 300
    assert tokens["scope"] == request.parameters["scope"]
    who = demo_provider.call(tokens["access_token"])
    assert who.json()["username"] == "ada"
