"""Which machines the requests for one provider may reach."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from support.oauth_values import make_metadata, make_provider, make_tokens
from support.scripted_server import ScriptedServer, json_answer
from support.tls import self_signed
from tokenkeep.domain.errors import ProviderError, ProviderUnreachable
from tokenkeep.oauth import identity, metadata
from tokenkeep.oauth.connection import Address
from tokenkeep.oauth.reach import Reach, Zone, zone_of, zone_of_host
from tokenkeep.oauth.transport import Request, Transport

ADDRESSES = {
    Zone.LOOPBACK: ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::1%lo"],
    Zone.PRIVATE: [
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "198.18.0.1",
        "fc00::1",
        "fd00::1",
        "fdff:ffff::1",
        "fec0::1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",  # IPv4-compatible
        "2002:0a00:0001::1",  # 6to4 of 10.0.0.1
        "2001:0:808:808:0:0:f5ff:fffe",  # Teredo, client 10.0.0.1 written inverted
        "2001:0:a00:1:0:0:f7f7:f7f7",  # Teredo, server 10.0.0.1
        "64:ff9b::10.0.0.1",  # NAT64
        "64:ff9b:1::808:808",  # the prefix for local use
        "2a00::5efe:192.168.1.1",  # ISATAP
        "2a00::200:5efe:192.168.1.1",
    ],
    Zone.LINK: ["169.254.0.1", "169.254.255.255", "fe80::1", "fe80::1%eth0", "febf::1", "::ffff:169.254.1.1"],
    Zone.RESERVED: [
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "2001:db8::1",
        "ff02::1",
    ],
    Zone.PUBLIC: [
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "2606:4700::1",
        "2002:0808:0808::1",
        "64:ff9b::8.8.8.8",
        "2001:0:808:808:0:0:f7f7:f7f7",
        "::ffff:8.8.8.8",
    ],
}


@pytest.mark.parametrize(("zone", "address"), [(zone, one) for zone, many in ADDRESSES.items() for one in many])
def test_NET_3_where_an_address_lies(zone, address):
    assert zone_of(address) is zone


@pytest.mark.parametrize(
    "text", ["0x7f.1", "0x7f000001", "010.0.0.1", "1e2", "127.1", "2130706433", "", "a", "1.2.3.4.5"]
)
def test_NET_3_other_spellings_are_no_addresses(text):
    with pytest.raises(ValueError):
        zone_of(text)


HOSTS = [
    ("localhost", Zone.LOOPBACK),
    ("LOCALHOST.", Zone.LOOPBACK),
    ("x.localhost", Zone.LOOPBACK),
    ("printer.local", Zone.PRIVATE),
    ("metadata.google.internal", Zone.PRIVATE),
    ("nas.home.arpa", Zone.PRIVATE),
    ("intranet", Zone.PRIVATE),
    ("127.0.0.1", Zone.LOOPBACK),
    ("fe80::1%25eth0", Zone.LINK),
    *[(host, Zone.RESERVED) for host in ("0x7f.1", "2130706433", "0x7f000001", "010.0.0.1", "127.1", "1e2")],
    ("localhost.evil.test", None),
    ("127.0.0.1.evil.test", None),
    ("notlocal", Zone.PRIVATE),
    ("my.notlocal.com", None),
    ("xn--bcher-kva.example", None),
]


@pytest.mark.parametrize(("host", "zone"), HOSTS)
def test_NET_3_what_the_spelling_of_a_host_tells(host, zone):
    assert zone_of_host(host) is zone


LEARNED = ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "169.254.7.7", "[fd00::1]", "[fe80::1]", "[::1]"]
ODD = ["localhost", "2130706433", "0x7f.1", "metadata.google.internal", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]"]


@pytest.mark.parametrize("host", LEARNED + ODD)
def test_NET_3_PRM_5_learned_addresses_that_are_no_places_for_a_provider_are_refused_by_name(wall, host):
    with pytest.raises(ProviderError, match="not sent"):
        Transport(wall=wall).starting_at(["https://auth.example.com"]).send(Request("GET", f"https://{host}/t"))


@pytest.mark.parametrize("host", [*LEARNED, "localhost", "metadata.google.internal"])
@pytest.mark.parametrize("member", ["token_endpoint", "jwks_uri", "authorization_endpoint", "registration_endpoint"])
def test_NET_3_metadata_that_name_such_an_address_are_not_used(server, transport, host, member):
    """As of a public server: nothing of it is on this machine or in its network."""
    document = {"issuer": server.origin, "token_endpoint": "https://auth.example.com/t"}
    server.reply("/.well-known/oauth-authorization-server", json_answer(document | {member: f"https://{host}/x"}))
    reach = transport.starting_at([server.origin])
    reach.reach = Reach(["https://auth.example.com"])
    provider = make_provider(server)
    if host in ("127.0.0.1", "[::1]", "localhost"):  # a provider that is marked local may be on this machine
        assert metadata.discover(reach, provider)
        return
    with pytest.raises(ProviderError, match=member) as caught:
        metadata.discover(reach, provider)
    assert "configuration" in caught.value.hint


class Names:
    """A resolver that says what a test says; the last answer of a name is given again and again."""

    def __init__(self, **names: Sequence[Sequence[str]]) -> None:
        self.names = {name.replace("_", "."): [list(one) for one in many] for name, many in names.items()}
        self.asked: list[str] = []
        self.port: int | None = None

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        answers = self.names.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                (one, self.port or port, *([0, 0] if ":" in one else [])),
            )
            for one in found
        ]


def direct(wall, names: Names, *written: str, timeout: float = 30.0, ca_bundle: str = "") -> Transport:
    return Transport(timeout=timeout, ca_bundle=ca_bundle, proxy="none", wall=wall, resolver=names).starting_at(written)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "fd00::1", "fe80::1", "::ffff:127.0.0.1", "0.0.0.0"]
)
def test_NET_3_a_name_that_leads_there_is_blocked_at_connect(wall, address):
    names = Names(evil_test=[[address]])
    with pytest.raises(ProviderUnreachable, match="so nothing was sent") as caught:
        direct(wall, names, "https://auth.example.com").send(Request("POST", "https://evil.test/t", (("code", "c"),)))
    assert address in caught.value.detail
    assert not caught.value.maybe_sent
    assert "configuration" in caught.value.hint


@pytest.fixture
def public_server(monkeypatch, tmp_path) -> Iterator[ScriptedServer]:
    """`evil.test` on 127.0.0.2, which counts as an address on the internet here."""

    def zone(address: str) -> Zone:
        return Zone.PUBLIC if address == "127.0.0.2" else zone_of(address)

    monkeypatch.setattr("tokenkeep.oauth.adapter.zone_of", zone)
    with ScriptedServer(tls=self_signed(tmp_path, "evil.test"), host="127.0.0.2") as server:
        server.reply("/t", json_answer({"a": 1}))
        yield server


def test_NET_3_a_name_that_means_another_machine_the_second_time_gains_nothing(wall, tmp_path, public_server):
    """What is judged is what is connected to: there is one question to the resolver for one connection."""
    names = Names(evil_test=[["127.0.0.2"], ["127.0.0.1"]])
    transport = direct(wall, names, "https://auth.example.com", ca_bundle=str(tmp_path / "cert.pem"))
    url = f"https://evil.test:{public_server.port}/t"
    assert transport.send(Request("GET", url)).json() == {"a": 1}
    assert names.asked == ["evil.test"]
    with pytest.raises(ProviderUnreachable, match=r"leads to 127\.0\.0\.1"):
        transport.send(Request("GET", url))
    assert names.asked == ["evil.test", "evil.test"]
    assert public_server.connections == 1


def test_NET_3_of_several_addresses_only_the_allowed_ones_are_tried(wall, tmp_path, public_server):
    with socket.create_server(("127.0.0.1", public_server.port)) as inside:
        inside.setblocking(False)
        names = Names(evil_test=[["127.0.0.1", "10.0.0.1", "127.0.0.2"]])
        transport = direct(wall, names, ca_bundle=str(tmp_path / "cert.pem"))
        assert transport.send(Request("GET", f"https://evil.test:{public_server.port}/t")).status == 200
        with pytest.raises(BlockingIOError):
            inside.accept()


def test_NET_3_what_a_person_wrote_is_reached_wherever_it_lies(wall, tmp_path):
    with ScriptedServer(tls=self_signed(tmp_path, "sso.corp.example")) as intranet:
        intranet.reply("/t", json_answer({"a": 1}))
        names = Names(sso_corp_example=[["127.0.0.1"]])
        transport = direct(
            wall, names, f"https://sso.corp.example:{intranet.port}", ca_bundle=str(tmp_path / "cert.pem")
        )
        assert transport.send(Request("GET", f"https://sso.corp.example:{intranet.port}/t")).json() == {"a": 1}


def intranet_of_two(wall, tmp_path, intranet: ScriptedServer) -> Transport:
    """The issuer is written, `login` is named in its metadata; both are found on this machine."""
    names = Names(sso_corp_example=[["127.0.0.1"]], login_corp_example=[["127.0.0.1"]], evil_test=[["10.0.0.1"]])
    return direct(wall, names, f"https://sso.corp.example:{intranet.port}", ca_bundle=str(tmp_path / "cert.pem"))


def test_NET_3_where_the_start_was_others_may_be_too_and_nowhere_else(wall, tmp_path):
    tls = self_signed(tmp_path, "sso.corp.example", "login.corp.example")
    with ScriptedServer(tls=tls) as intranet:
        issuer, login = (f"https://{name}.corp.example:{intranet.port}" for name in ("sso", "login"))
        intranet.reply(
            "/.well-known/oauth-authorization-server",
            json_answer({"issuer": issuer, "token_endpoint": f"{login}/token", "userinfo_endpoint": f"{login}/me"}),
        )
        intranet.reply("/token", json_answer({}))
        transport = intranet_of_two(wall, tmp_path, intranet)
        with pytest.raises(ProviderUnreachable, match="leads to 127"):
            transport.send(Request("POST", f"{login}/token", ()))
        found = metadata.discover(transport, make_provider(issuer=issuer))
        assert transport.send(Request("POST", found.token_endpoint, ())).status == 200
        with pytest.raises(ProviderUnreachable, match=r"leads to 10\.0\.0\.1"):
            transport.send(Request("GET", "https://evil.test/t"))
        with pytest.raises(ProviderUnreachable, match="leads to 127"):
            transport.starting_at(["https://auth.example.com"]).send(Request("POST", f"{login}/token", ()))


def test_NET_3_a_start_without_a_trusted_certificate_opens_nothing(wall, tmp_path):
    """Whoever can only answer for a name in DNS cannot move the start into our network."""
    with ScriptedServer(tls=self_signed(tmp_path, "other.example")) as inside:
        transport = intranet_of_two(wall, tmp_path, inside)
        with pytest.raises(ProviderUnreachable, match="certificate"):
            transport.send(Request("GET", f"https://sso.corp.example:{inside.port}/t"))
        with pytest.raises(ProviderUnreachable, match="leads to 127"):
            transport.send(Request("GET", f"https://login.corp.example:{inside.port}/t"))


def test_NET_3_keys_and_profile_are_fetched_under_the_same_rule(wall, tmp_path):
    names = Names(evil_test=[["127.0.0.1"]])
    transport = direct(wall, names, "https://auth.example.com")
    learned = make_metadata(jwks_uri="https://evil.test/jwks", userinfo_endpoint="https://evil.test/me")
    with pytest.raises(ProviderUnreachable, match="leads to"):
        identity.userinfo(transport, make_provider(), learned, make_tokens(), None)


def test_NET_3_a_local_provider_may_be_on_this_machine_and_not_in_its_network(wall):
    names = Names(here_example=[["127.0.0.1"]], near_example=[["192.168.0.1"]])
    transport = direct(wall, names, "http://127.0.0.1:1")
    with ScriptedServer() as gone:
        names.port = gone.port
    with pytest.raises(ProviderUnreachable, match="does not accept"):
        transport.send(Request("GET", "https://here.example/t"), local=True)
    with pytest.raises(ProviderUnreachable, match="leads to 192"):
        transport.send(Request("GET", "https://near.example/t"), local=True)


@pytest.mark.parametrize("host", ["10.0.0.1", "intranet", "printer.local", "2130706433"])
def test_NET_3_a_proxy_is_not_asked_for_what_the_spelling_gives_away(wall, host):
    with ScriptedServer() as proxy:
        transport = Transport(proxy=proxy.origin, wall=wall).starting_at(["https://auth.example.com"])
        with pytest.raises(ProviderError, match="not sent"):
            transport.send(Request("GET", f"https://{host}/t"))
        assert proxy.connections == 0
        written = transport.starting_at([f"https://{host}"])
        with pytest.raises(ProviderUnreachable, match="proxy"):
            written.send(Request("GET", f"https://{host}/t"))
        assert [request.target for request in proxy.requests] == [f"{host}:443"]


def test_NET_3_a_proxy_may_be_on_this_machine_and_no_name_is_looked_up(wall):
    names = Names()
    with ScriptedServer() as proxy:
        names.names["127.0.0.1"] = [["127.0.0.1"]]
        transport = Transport(proxy=proxy.origin, wall=wall, resolver=names).starting_at(["https://auth.example.com"])
        with pytest.raises(ProviderUnreachable, match="proxy"):
            transport.send(Request("GET", "https://auth.example.com/t"))
        assert proxy.connections == 1
    assert names.asked == ["127.0.0.1"]


def test_NET_5_a_resolver_that_hangs_is_cut_at_the_deadline(wall):
    stuck = threading.Event()

    def resolver(host: str, port: int) -> list[Address]:
        stuck.wait(30)
        return []

    try:
        with pytest.raises(ProviderUnreachable, match=r"within 0\.2") as caught:
            Transport(timeout=0.2, proxy="none", wall=wall, resolver=resolver).send(
                Request("GET", "https://auth.example.com/t")
            )
        assert not caught.value.maybe_sent
    finally:
        stuck.set()
