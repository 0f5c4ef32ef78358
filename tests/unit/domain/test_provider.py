"""Provider entries: what is accepted, what is refused and in which words."""

import pytest
from pydantic import ValidationError

from tokenkeep.domain.provider import Flow, Provider, check_url, default_callback_path


def provider(**entry: object) -> Provider:
    return Provider(**{"id": "x", "issuer": "https://auth.example", "client_id": "c", **entry})  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", [{"flow": "password"}, {"flow": "implicit"}, {"response_type": "token"}])
def test_AUTHZ_1_no_configuration_reaches_another_flow(entry: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(entry))):
        provider(**entry)


@pytest.mark.parametrize("name", ["response_type", "state", "code_challenge", "redirect_uri", "nonce", "client_secret"])
def test_AUTHZ_1_extra_parameters_cannot_replace_ours(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        provider(authorization_params={name: "x"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com"])
def test_LOOP_1_no_setting_makes_the_listener_bind_another_interface(host: str) -> None:
    with pytest.raises(ValidationError, match="redirect_host"):
        provider(redirect_host=host)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil.test/", "http://localhost.evil.test/", "http://127.0.0.1@evil.test/", "http://2130706433/",
        "http://0x7f.1/", "http://0.0.0.0/", "http://[::ffff:127.0.0.1]/", "http://example.com/", "ftp://127.0.0.1/",
        "javascript:alert(1)", "file:///etc/passwd", "ms-msdt:/id", "-x", "", "https://", "https://u:p@a.example/",
        "https://a.example/#f", "https://a.example/#", 'https://x/";calc', "https://a.example/\r\n", "https://a.example:0/",
        "https://a.example/\x9b31m", "https://a.example/\u202egpj", "https://a.example/\u2019", "https://\u0430.example/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("local", [True, False])
def test_NET_2_AUTHZ_5_urls_that_are_refused_whatever_the_mark(url: str, local: bool) -> None:
    with pytest.raises(ValueError, match="the address"):
        check_url(url, local=local)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/a", "http://[::1]:1/", "http://localhost/x?y=1"])
def test_NET_2_plain_http_is_for_loopback_of_providers_marked_local(url: str) -> None:
    assert check_url(url, local=True) == url
    with pytest.raises(ValueError, match="local = true"):
        check_url(url, local=False)


def test_https_is_accepted_as_it_stands() -> None:
    url = "https://a.example/t?tenant=a%2Fb"
    assert check_url(url, local=False) == url


def test_RESP_9_each_issuer_has_its_own_callback_path_stable_for_ever() -> None:
    assert default_callback_path("https://auth.example.com") == "/callback/dtqyjb7axg76"
    paths = {provider(issuer=f"https://{name}.example").callback_path for name in "abcdef"}
    assert len(paths) == 6
    assert provider(redirect_path="/cb").callback_path == "/cb"


@pytest.mark.parametrize("path", ["cb", "/a?b", "/a#b", "//evil.test/x", "/a b", "/ä", "/a\r\nX: y"])
def test_a_redirect_path_is_a_plain_path(path: str) -> None:
    with pytest.raises(ValidationError, match="redirect_path"):
        provider(redirect_path=path)


@pytest.mark.parametrize("bad", ["", "A", "-a", "a_b", "a" * 64, "ä"])
def test_a_provider_id_is_short_and_plain(bad: str) -> None:
    with pytest.raises(ValidationError, match="id"):
        provider(id=bad)


@pytest.mark.parametrize("scope", ["a b", "", 'a"', "ä"])
def test_a_scope_is_one_word(scope: str) -> None:
    with pytest.raises(ValidationError, match="scope"):
        provider(scopes=[scope])


def test_a_boolean_or_number_is_not_guessed_from_a_string() -> None:
    with pytest.raises(ValidationError, match="pkce"):
        provider(pkce="true")
    with pytest.raises(ValidationError, match="redirect_port"):
        provider(redirect_port="80")


@pytest.mark.parametrize("source", [{}, {"env": "A", "file": "B"}, {"vault": False}])
def test_a_client_secret_has_exactly_one_source(source: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="client_secret"):
        provider(client_secret=source)


def test_a_provider_is_complete_when_its_flow_needs_no_discovery() -> None:
    token = "https://auth.example/token"
    assert not provider().complete
    assert not provider(token_endpoint=token).complete
    assert provider(token_endpoint=token, authorization_endpoint="https://auth.example/a").complete
    device = provider(flow="device_code", token_endpoint=token)
    assert device.flow is Flow.DEVICE_CODE
    assert not device.complete
