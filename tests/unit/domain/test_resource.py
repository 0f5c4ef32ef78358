"""Resource identifiers: what may be asked for, and what a person means who typed one."""

import pytest

from support.oauth_values import make_provider
from tokenkeep.domain.resource import as_known, check_resource, typed_resource


@pytest.mark.parametrize(
    "value", ["https://mcp.example.com", "https://h/a?x=1", "https://h/", "urn:example:api", "http://127.0.0.1:1/api"]
)
def test_RES_1_an_absolute_uri_without_a_fragment_is_taken_as_it_is(value: str) -> None:
    assert check_resource(value) == value
    assert make_provider(resource=[value]).resource == [value]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("https://h/a#frag", "fragment"),
        ("https://h/a#", "fragment"),
        ("/api", "not absolute"),
        ("api", "not absolute"),
        ("//h/api", "not absolute"),
        ("", "not absolute"),
        ("https:", "not absolute"),
        ("https:/api", "no host"),
        ("https://h/a b", "characters"),
        ("https://h/\n", "characters"),
        ("https://h:x/", "not a URI"),
        ("https://[::1/", "not a URI"),
    ],
)
def test_RES_1_anything_else_is_refused_before_it_is_sent(value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_resource(value)
    with pytest.raises(ValueError, match=f"resource.*{reason}"):
        make_provider(resource=[value])


def test_RES_1_one_resource_is_named_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        make_provider(resource=["https://a", "https://b", "https://a"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://MCP.Example.com/", "https://mcp.example.com"),
        ("HTTPS://MCP.Example.com", "https://mcp.example.com"),
        ("https://MCP.Example.com:8443/Path/", "https://mcp.example.com:8443/Path/"),
        ("https://h/?q=A", "https://h/?q=A"),
        ("urn:Example:API", "urn:Example:API"),
    ],
)
def test_RES_1_a_typed_one_has_its_host_in_lower_case_and_no_bare_slash(typed: str, meant: str) -> None:
    assert typed_resource(typed) == meant


def test_RES_1_what_is_asked_for_becomes_what_is_configured_to_the_byte() -> None:
    known = ("https://A.example/", "https://b.example")
    assert as_known(("https://b.example/", "https://a.example"), known) == known
    assert as_known(("https://B.example", "https://b.example"), known) == ("https://b.example",)
    assert as_known(("https://z.example/", "https://c.example"), known) == ("https://c.example", "https://z.example/")
