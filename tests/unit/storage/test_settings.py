"""`config.toml`: every key is read, every mistake is named with its key and line, and the rest runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenkeep.domain.access import AccessRule, Decision
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.provider import BrokenProvider, Flow, Provider, SecretSource
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.settings import _Reader, parse, read

CATALOGUE = Catalogue.load()
GOOD = 'issuer = "https://a.example"\nclient_id = "c"\n'

# The whole of the configuration reference, with other values than the defaults.
EVERYTHING = """
[app]
autostart = true
start_hidden = false
theme = "dark"
language = "de"
browser = "firefox -P work %s"
log_level = "debug"
notifications = "all"
lock_with_screen = true
reduced_motion = "on"
activity_days = 7
client_metadata_url = "https://me.example/client.json"

[storage]
key = "passphrase"

[refresh]
validity_skew = "10s"
ahead = "5m"
retry_max = "1h"

[access]
default = "deny"
manage = "allow"
remember = "2d"

[[access.rule]]
app = "/usr/bin/git"
provider = "github"
scope = "repo user"
decision = "allow"

[[access.rule]]
script = "/home/ada/x.py"
resource = ["https://api.example/"]
audience = "a"
decision = "deny"

[[access.rule]]
socket = "restricted"
decision = "ask"

[sockets]
restricted = true
restricted_providers = ["github", "example-ai:openid profile"]
oidc_agent = true

[gateway]
enabled = true
port = 8080

[gateway.clients.editor]
providers = ["example-ai"]

[http]
timeout = "30s"
proxy = "none"
ca_bundle = "/etc/ca.pem"

[providers.github]
preset = "github"
client_id = "abc"

[providers.example-ai]
name = "Example AI"
issuer = "https://auth.example.com"
flow = "device_code"
client_id = "opencode-client"
client_auth = "private_key_jwt"
private_key = { file = "/key" }
tls_client_cert = "/c"
tls_client_key = "/k"
client_secret = { command = ["pass", "show", "x"] }
scopes = ["openid", "profile"]
pkce = false
refresh_token = "optional"
resource = ["https://api.example.com"]
audience = "aud"
dpop = "auto"
redirect = "scheme"
redirect_host = "localhost"
redirect_port = [8000, 8001]
redirect_path = "/cb"
authorization_endpoint = "https://auth.example.com/a"
token_endpoint = "https://auth.example.com/t"
device_authorization_endpoint = "https://auth.example.com/d"
browser_url = "https://outside.example.com"
authorization_params = { prompt = "consent" }
browser = "chromium"
profile = "mcp"
accept_parent_resource = true
quirks = ["one"]
base_url = "https://api.example.com/v1"
models = { sync = "90m", names = { "glm-5" = "GLM 5" }, metadata_url = "https://m.example" }
subject_token = { source = "github_actions", audience = "a" }
subject_token_type = "urn:x"
requested_token_type = "urn:y"
actor_token = { source = "env", name = "ACTOR" }
actor_token_type = "urn:z"
post_logout_redirect = true
local = false
"""


def problems(text: str) -> list[str]:
    return [problem.message for problem in parse(text, CATALOGUE).problems]


def broken(text: str, id_: str = "x") -> BrokenProvider:
    provider = parse(text, CATALOGUE).providers[id_]
    assert isinstance(provider, BrokenProvider), provider
    return provider


def test_every_key_of_the_reference_is_read() -> None:
    configuration = parse(EVERYTHING, CATALOGUE)
    assert configuration.problems == ()
    assert configuration.app.theme == "dark"
    assert configuration.app.activity_days == 7
    assert configuration.storage.key == "passphrase"
    assert (configuration.refresh.validity_skew, configuration.refresh.ahead, configuration.refresh.retry_max) == (
        10,
        300,
        3600,
    )
    assert configuration.access.remember == 172_800
    assert [rule.as_rule() for rule in configuration.access.rule] == [
        AccessRule(Decision.ALLOW, "github", app="/usr/bin/git", scope=("repo", "user")),
        AccessRule(Decision.DENY, script="/home/ada/x.py", resource=("https://api.example/",), audience="a"),
        AccessRule(Decision.ASK, socket="restricted"),
    ]
    assert configuration.gateway.clients["editor"].providers == ["example-ai"]
    assert configuration.http.timeout == 30
    provider = configuration.providers["example-ai"]
    assert isinstance(provider, Provider)
    assert provider.flow is Flow.DEVICE_CODE
    assert provider.redirect_ports == (8000, 8001)
    assert provider.client_secret == SecretSource(command=["pass", "show", "x"])
    defaults = Provider(id="example-ai")
    unset = [
        name
        for name in Provider.model_fields
        if name not in ("id", "preset", "registration", "local") and getattr(provider, name) == getattr(defaults, name)
    ]
    assert unset == []
    github = configuration.providers["github"]
    assert isinstance(github, Provider)
    assert (github.name, github.refresh_token) == ("GitHub", "optional")


def test_the_defaults_are_those_of_the_reference(tmp_path: Path) -> None:
    for configuration in (parse("", CATALOGUE), read(tmp_path / "none.toml", CATALOGUE)):
        assert configuration == Configuration()
        assert (configuration.refresh.validity_skew, configuration.refresh.ahead) == (30, 600)
        assert configuration.access.default is Decision.ASK


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[app]\nthem = 1", "config.toml line 2: [app] has no key `them`; did you mean `theme`?"),
        ("[app]\nzzz = 1", "config.toml line 2: [app] has no key `zzz`."),
        ('[app]\ntheme = "drak"', 'config.toml line 2: `theme` must be "system", "light" or "dark"; did you mean `dark`?'),  # noqa: E501
        ("[app]\n\nautostart = 1", "config.toml line 3: `autostart` must be true or false."),
        ("app.browser = 3", "config.toml line 1: `browser` must be a text in quotes."),
        ("[app]\nactivity_days = 1.5", "config.toml line 2: `activity_days` must be a whole number."),
        ("[app]\nactivity_days = -1", "config.toml line 2: `activity_days` should be greater than or equal to 0."),
        ('[refresh]\nahead = "soon"', "config.toml line 2: `ahead`: a duration is written like 90s, 15m, 12h or 7d."),
        ("[refresh]\nahead = []", "config.toml line 2: `ahead` must be a duration like 90s, 15m, 12h or 7d."),
        ('[storage]\nkey = "plain"', 'config.toml line 2: `key` must be "keyring", "passphrase" or "memory".'),
        ('[access]\ndefault = "alow"', 'config.toml line 2: `default` must be "ask", "allow" or "deny"; did you mean `allow`?'),  # noqa: E501
        ("[sokets]", "config.toml line 1: there is no section or key `sokets`; did you mean `sockets`?"),
        ("problems = []", "config.toml line 1: there is no section or key `problems`."),
        ("app = 1", "config.toml line 1: `app` must be a section, written [app]."),
        ("providers = 1", "config.toml line 1: providers are written as sections: [providers.ID]."),
        ("[gateway]\nport = 70000", "config.toml line 2: `port` should be less than or equal to 65535."),
        ("[gateway.clients.x]\nproviders = 1", "config.toml line 2: `providers` must be a list in [ ]."),
        ('[sockets]\nrestricted_providers = ["a", 1]', "config.toml line 2: `restricted_providers` must be a text in quotes."),  # noqa: E501
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_key_and_line(text: str, message: str) -> None:
    assert problems(text) == [message]


def test_a_bad_key_has_its_default_and_the_others_of_its_section_hold() -> None:
    configuration = parse('[app]\ntheme = "x"\nlanguage = "de"\nnope = 1\n[http]\ntimeout = "30s"', CATALOGUE)
    assert configuration.app.theme == "system"
    assert configuration.app.language == "de"
    assert configuration.http.timeout == 30
    assert [(problem.key, problem.line) for problem in configuration.problems] == [("app.theme", 2), ("app.nope", 4)]


@pytest.mark.parametrize("where", ["[http]\n", "[app]\n", "[providers.x]\n" + GOOD])
def test_NET_1_nothing_turns_certificate_checks_off(where: str) -> None:
    configuration = parse(where + "verify = false", CATALOGUE)
    reasons = [problem.message for problem in configuration.problems]
    reasons += [one.reason for one in configuration.providers.values() if isinstance(one, BrokenProvider)]
    assert len(reasons) == 1
    assert "no key `verify`: certificates are always checked" in reasons[0]


@pytest.mark.parametrize("flow", ["password", "implicit", "hybrid", "Implicit", "token"])
def test_AUTHZ_1_password_and_implicit_flows_are_rejected_by_name(flow: str) -> None:
    one = broken(f'[providers.x]\n{GOOD}flow = "{flow}"')
    assert one.key == "providers.x.flow"
    assert one.line == 4
    assert f"the flow `{flow}` is not offered" in one.reason


def test_AUTHZ_1_a_response_type_cannot_be_configured() -> None:
    one = broken("[providers.x]\n" + GOOD + 'response_type = "token"')
    assert one.key == "providers.x.response_type"
    assert "always asks for a code" in one.reason
    params = broken("[providers.x]\n" + GOOD + 'authorization_params = { response_type = "token" }')
    assert (params.key, params.line) == ("providers.x.authorization_params", 4)


@pytest.mark.parametrize(
    ("entry", "key", "line", "reason"),
    [
        (GOOD + 'scope = ["a"]', "scope", 4, "[providers.x] has no key `scope`; did you mean `scopes`?"),
        ('issuer = "http://a.example"\nclient_id = "c"', "issuer", 2, "the issuer must begin with https://."),
        ('client_id = "c"\nissuer = "http://127.0.0.1:1"', "issuer", 3, "the issuer is plain http; set `local = true` to allow that on loopback."),  # noqa: E501
        (GOOD + 'token_endpoint = "https://u:p@a.example"', "token_endpoint", 4, "the token_endpoint must not contain a user name or password."),  # noqa: E501
        (GOOD + 'scopes = ["a b"]', "scopes", 4, "a scope is one word without spaces or quotes."),
        (GOOD + 'redirect_port = 70000', "redirect_port", 4, "a redirect port is a number from 0 to 65535."),
        (GOOD + 'redirect_port = "x"', "redirect_port", 4, "`redirect_port` must be a whole number, or a list of them."),  # noqa: E501
        (GOOD + 'redirect_path = "x"', "redirect_path", 4, "`redirect_path`: a redirect path begins with / and is written as in a URL, without a query or fragment."),  # noqa: E501
        (GOOD + 'redirect_host = "evil.example"', "redirect_host", 4, '`redirect_host` must be "127.0.0.1", "::1" or "localhost".'),  # noqa: E501
        (GOOD + 'client_secret = { env = "A", file = "B" }', "client_secret", 4, "`client_secret`: give exactly one of vault, env, file, command."),  # noqa: E501
        (GOOD + 'client_secret = { valt = true }', "client_secret.valt", 4, "[providers.x.client_secret] has no key `valt`; did you mean `vault`?"),  # noqa: E501
        (GOOD + '[providers.x.models]\nnam = 1', "models.nam", 5, "[providers.x.models] has no key `nam`; did you mean `names`?"),  # noqa: E501
        (GOOD + 'subject_token = { audience = "a" }', "subject_token", 4, "[providers.x.subject_token] needs the key `source`."),  # noqa: E501
        (GOOD + 'id = "y"', "id", 4, "[providers.x] has no key `id`; the section's name is the id."),
        ('issuer = "https://a.example"', "", 1, '[providers.x] needs `client_id`, or registration = "auto".'),
        ('client_id = "c"', "", 1, "[providers.x] needs `issuer`, or `authorization_endpoint` and `token_endpoint`."),
        ('client_id = "c"\nflow = "device_code"', "", 1, "[providers.x] needs `issuer`, or `token_endpoint` and `device_authorization_endpoint`."),  # noqa: E501
        ('preset = "gihub"', "preset", 2, "there is no preset `gihub`; did you mean `github`?"),
        ("preset = 3", "preset", 2, "`preset` must be a text in quotes."),
        ('preset = "keycloak"\nclient_id = "c"', "issuer", 1, 'The preset keycloak needs the address, as issuer = "https://HOST/realms/REALM".'),
    ],
)  # fmt: skip
def test_a_provider_that_cannot_work_says_why(entry: str, key: str, line: int, reason: str) -> None:
    text = f'[providers.x]\n{entry}\n[providers.good]\nissuer = "https://good.example"\nclient_id = "c"\n'
    configuration = parse(text, CATALOGUE)
    assert configuration.problems == ()
    assert isinstance(configuration.providers["good"], Provider)
    one = broken(text)
    assert one.reason == f"config.toml line {line}: {reason}"
    assert one.key == f"providers.x.{key}".rstrip(".")
    assert one.line == line


def test_a_broken_provider_keeps_its_name_where_it_has_one() -> None:
    assert broken('[providers.x]\nname = "Mine"').title == "Mine"
    assert broken("[providers.x]\nname = 3").title == "x"
    assert broken("[providers]\nx = 3").reason.endswith("a provider is a section, written [providers.x].")
    assert broken("[providers.GitHub]", "GitHub").reason.startswith("config.toml line 1: a provider's id is lower-case")


@pytest.mark.parametrize("flow", ["static", "client_credentials"])
def test_flows_that_need_less_need_less(flow: str) -> None:
    entry = (
        '[providers.x]\nflow = "static"'
        if flow == "static"
        else (
            '[providers.x]\nflow = "client_credentials"\ntoken_endpoint = "https://a.example/t"\nclient_id = "c"\n'
            "client_secret = { vault = true }"
        )
    )
    assert isinstance(parse(entry, CATALOGUE).providers["x"], Provider)


def test_LEAK_1_a_secret_written_in_the_wrong_place_is_not_repeated() -> None:
    text = "[providers.x]\n" + GOOD + 'client_secret = "CANARY-CS"\n'
    one = broken(text)
    assert one.reason.endswith("write { vault = true } and type it once.")
    everything = repr(parse(text + '[app]\ntheme = "CANARY-CS"\n[storage]\nCANARY = 1\nkey = ["CANARY-CS"]', CATALOGUE))
    assert "CANARY-CS" not in everything


def test_META_8_one_issuer_with_other_endpoints_is_refused() -> None:
    good = '[providers.a]\nissuer = "https://a.example"\nclient_id = "1"\n'
    same = '[providers.b]\nissuer = "https://a.example"\nclient_id = "2"\n'
    assert isinstance(parse(good + same, CATALOGUE).providers["b"], Provider)
    other = broken(good + same + 'token_endpoint = "https://evil.example/t"\n', "b")
    assert (other.key, other.line) == ("providers.b.token_endpoint", 7)
    assert other.reason.endswith(
        "`a` has the same issuer with another token_endpoint; one issuer has one set of endpoints."
    )
    assert isinstance(
        parse(good + same + 'token_endpoint = "https://evil.example/t"\n', CATALOGUE).providers["a"], Provider
    )
    twice = 'preset = "github"\nclient_id = "1"\n'
    both = parse(f"[providers.a]\n{twice}[providers.b]\n{twice}", CATALOGUE).providers
    assert all(isinstance(one, Provider) for one in both.values())
    assert broken(f'[providers.a]\n{twice}[providers.b]\n{twice}authorization_endpoint = "https://e.example"', "b")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[app\n", 1, "expected"),
        ("a = 1\n[app]\nb = \n", 3, "invalid value"),
        ("[providers.a]\n[providers.a]\n", 2, "twice"),
        ('a = "x', 1, "unterminated"),
        ("a = 1\na = 2\n", 2, "overwrite"),
    ],
)
def test_text_that_is_no_toml_is_one_problem_with_its_line(text: str, line: int, words: str) -> None:
    configuration = parse(text, CATALOGUE)
    (problem,) = configuration.problems
    assert (problem.key, problem.line) == ("", line)
    assert problem.message.startswith(f"config.toml line {line}: ")
    assert words in problem.message
    assert configuration.providers == {}


def test_broken_access_rules_fail_on_the_safe_side() -> None:
    rules = '[[access.rule]]\napp = "/a"\ndecision = "allow"\n[[access.rule]]\napp = "/b"\ndecision = "dny"\n'
    configuration = parse('[access]\ndefault = "allow"\n' + rules, CATALOGUE)
    assert configuration.access.rule == []
    assert configuration.access.default is Decision.ASK
    assert (configuration.problems[0].key, configuration.problems[0].line) == ("access.rule.1.decision", 8)
    assert "no access rule is used" in configuration.problems[1].message
    assert parse('[access]\ndefault = "deny"\n' + rules, CATALOGUE).access.default is Decision.DENY
    two_names = parse('[[access.rule]]\napp = "/a"\nscript = "/b"\ndecision = "allow"', CATALOGUE)
    assert "exactly one of app, script, socket" in two_names.problems[0].message


def test_a_file_is_read_with_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbf[app]\r\nlanguage = "de"\r\nthem = 1\r\n')
    configuration = read(path, CATALOGUE)
    assert configuration.app.language == "de"
    assert configuration.problems[0].line == 3


def test_files_that_cannot_be_read_are_problems_and_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "utf16.toml").write_bytes(b"[app]\nx = \xff\xfe")
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "fifo.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * (1 << 21))
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000)
    for name, words in {
        "utf16.toml": "line 2: this is not UTF-8 text",
        "folder.toml": "is not a file",
        "fifo.toml": "is not a file",
        "huge.toml": "larger than 1 MiB",
        "deep.toml": "deep",
        "fifo.toml/x": "cannot be read",
    }.items():
        (problem,) = read(tmp_path / name, CATALOGUE).problems
        assert words in problem.message


@pytest.mark.unprivileged
def test_a_file_without_the_right_to_read_it_is_a_problem(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything; the unprivileged run counts")
    path = tmp_path / "config.toml"
    path.write_text("[app]")
    path.chmod(0)
    (problem,) = read(path, CATALOGUE).problems
    assert "permission denied" in problem.message


leaves = st.none() | st.text(max_size=5) | st.integers() | st.booleans() | st.floats() | st.just("https://a.example")
keys = st.sampled_from(["issuer", "flow", "preset", "scopes", "models", "client_secret", "redirect_port", "rule", "x"])
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))


@given(st.dictionaries(st.sampled_from(["app", "access", "providers", "http", "gateway", "y"]), anything, max_size=3))
def test_no_document_makes_reading_fail(document: dict[str, Any]) -> None:
    configuration = _Reader(document, {}, "config.toml").configuration(CATALOGUE)
    assert isinstance(configuration, Configuration)
