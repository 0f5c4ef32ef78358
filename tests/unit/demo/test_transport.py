"""The switches of the connection and of HTTP, seen from a socket."""

import gzip
import socket
import threading
import time
import zlib
from email.utils import parsedate_to_datetime

import pytest
import requests

from support.demo_provider import DemoProvider
from tokenkeep.demo.faults.board import FaultBoard, UnknownFaultError

METADATA = "/.well-known/oauth-authorization-server"


def address(provider: DemoProvider) -> tuple[str, int]:
    return "127.0.0.1", int(provider.issuer.rpartition(":")[2])


def ask(provider: DemoProvider, path: str = METADATA) -> socket.socket:
    connection = socket.create_connection(address(provider), timeout=60)
    host = provider.issuer.removeprefix("http://")
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return connection


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    with connection:
        while part := connection.recv(65536):
            received += part
    return received


def get(provider: DemoProvider, path: str = METADATA, **headers: str) -> requests.Response:
    return requests.get(provider.issuer + path, headers=headers, timeout=60, allow_redirects=False)


def switched_on(provider: DemoProvider) -> dict[str, str]:
    active: dict[str, str] = requests.get(f"{provider.control}/faults", timeout=60).json()["active"]
    return active


def test_DEMO_3_a_refused_connection_is_refused_by_the_kernel_and_comes_back_at_the_same_port(
    demo_provider: DemoProvider,
) -> None:
    for _ in range(3):
        demo_provider.faults(network="refuse")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address(demo_provider), timeout=60)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(address(demo_provider))
        demo_provider.faults(network=None)
        assert get(demo_provider).status_code == 200


def test_DEMO_3_faults_and_log_answer_at_the_control_address_and_nothing_else_does(
    demo_provider: DemoProvider,
) -> None:
    demo_provider.faults(network="refuse")
    assert switched_on(demo_provider) == {"network": "refuse"}
    assert demo_provider.log() == []
    for path in ("/", METADATA, "/token", "/authorize", "/api/notes"):
        assert requests.get(demo_provider.control + path, timeout=60).status_code == 421


@pytest.mark.parametrize("host", ["evil.test", "localhost:{port}", "127.0.0.1"])
def test_DEMO_1_the_control_address_answers_to_its_own_name_alone(demo_provider: DemoProvider, host: str) -> None:
    port = demo_provider.control.rpartition(":")[2]
    headers = {"Host": host.format(port=port)}
    assert requests.get(f"{demo_provider.control}/faults", headers=headers, timeout=60).status_code == 421
    form = requests.post(f"{demo_provider.control}/faults", data={"name": "token", "value": "503"}, timeout=60)
    assert form.status_code == 403
    assert switched_on(demo_provider) == {}


@pytest.mark.parametrize("value", ["stall", "cut", "reset"])
def test_DEMO_3_faults_of_all_addresses_spare_the_switches_themselves(demo_provider: DemoProvider, value: str) -> None:
    demo_provider.faults(network=value)
    assert requests.get(f"{demo_provider.issuer}/faults", timeout=60).json()["active"] == {"network": value}
    assert requests.get(f"{demo_provider.issuer}/log", timeout=60).json()["entries"] == []


@pytest.mark.parametrize("size", [0, 1, 120])
def test_NET_5_a_cut_ends_the_answer_after_exactly_so_many_bytes(demo_provider: DemoProvider, size: int) -> None:
    demo_provider.faults(network=f"cut:{size}")
    answer = read_to_end(ask(demo_provider))
    assert len(answer) == size
    assert b"HTTP/1.1 200 OK".startswith(answer[:15])


@pytest.mark.parametrize(("value", "size"), [("reset", 0), ("reset:0", 0), ("reset:40", 40)])
def test_NET_5_a_reset_is_seen_as_one(demo_provider: DemoProvider, value: str, size: int) -> None:
    demo_provider.faults(network=value)
    with ask(demo_provider) as connection:
        received: list[bytes] = []
        with pytest.raises(ConnectionResetError):
            # A polite end would give an empty part and stop the iteration without an error.
            received.extend(iter(lambda: connection.recv(1), b""))
    # A reset may overtake what was sent before it.
    assert len(received) <= size


def test_REF_8_without_a_number_the_request_is_not_processed_and_is_in_the_log_all_the_same(
    demo_provider: DemoProvider,
) -> None:
    tokens = demo_provider.tokens()
    demo_provider.reset_log()
    demo_provider.faults(network="cut@/token*1")
    with pytest.raises(requests.ConnectionError):
        demo_provider.refresh(tokens["refresh_token"])
    (entry,) = demo_provider.log("/token")
    assert (entry["outcome"], entry["grant_type"], entry["fault"]) == ("cut", "refresh_token", "network=cut")
    assert demo_provider.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize(("value", "size"), [("stall", 0), ("stall:0", 0), ("stall:30", 30)])
def test_NET_5_a_stalled_answer_stays_away_until_the_switch_goes_off(
    demo_provider: DemoProvider, value: str, size: int
) -> None:
    demo_provider.faults(network=value)
    with ask(demo_provider) as connection:
        demo_provider.wait_for(METADATA)
        start = connection.recv(size, socket.MSG_WAITALL) if size else b""
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(60)
        demo_provider.faults(network=None)
        assert len(start) == size
        assert connection.recv(1) == b""


def test_NET_5_a_counted_stall_holds_until_the_switch_is_touched(demo_provider: DemoProvider) -> None:
    demo_provider.faults(network="stall*1")
    with ask(demo_provider) as connection:
        demo_provider.wait_for(f"{METADATA}.stall")
        assert get(demo_provider).status_code == 200
        demo_provider.clear_faults()
        assert connection.recv(1) == b""


def test_NET_5_a_drip_gives_single_bytes_and_the_rest_at_once_when_it_ends(demo_provider: DemoProvider) -> None:
    demo_provider.faults(network="drip:0.01*1")
    with ask(demo_provider) as connection:
        first = [connection.recv(65536) for _ in range(5)]
        assert b"".join(first) == b"HTTP/1.1 200 OK"[: sum(map(len, first))]
        # A slow reader may find a few together, never the whole.
        assert max(map(len, first)) < 200
        demo_provider.faults(network="drip:600")
        demo_provider.clear_faults()
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    assert rest.endswith(b"}\n")


def test_META_5_a_slow_body_sends_the_head_at_once(demo_provider: DemoProvider) -> None:
    demo_provider.faults(network="slow_body:600")
    with ask(demo_provider) as connection:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert head.startswith(b"HTTP/1.1 200 OK")
        demo_provider.clear_faults()
        assert b"".join(iter(lambda: connection.recv(65536), b"")).startswith(b"{")


def test_DEMO_3_a_path_is_exact_or_all_below_a_slash(demo_provider: DemoProvider) -> None:
    demo_provider.faults(network="cut@/token")
    assert get(demo_provider).status_code == 200
    with pytest.raises(requests.ConnectionError):
        get(demo_provider, "/token")
    demo_provider.faults(network="cut@/.well-known/")
    with pytest.raises(requests.ConnectionError):
        get(demo_provider)
    assert get(demo_provider, "/jwks.json").status_code == 200


def test_DEMO_3_a_count_is_used_up_by_its_own_path_only(demo_provider: DemoProvider) -> None:
    demo_provider.faults(redirect="308@/jwks.json*2")
    get(demo_provider)
    get(demo_provider, "/jwks.json")
    assert switched_on(demo_provider) == {"redirect": "308@/jwks.json*1"}
    get(demo_provider, "/jwks.json")
    assert switched_on(demo_provider) == {}


@pytest.mark.parametrize(
    "value",
    ["refuse@/token", "refuse*2", "cut:-1", "cut:x", "cut@token", "drip", "drip:-1", "stall:1e9", "made_up", "cut:@/x"],
)
def test_DEMO_3_wrong_network_faults_are_refused(value: str) -> None:
    with pytest.raises(UnknownFaultError):
        FaultBoard({"network": value})


def test_DEMO_3_only_switches_of_the_transport_take_a_path() -> None:
    with pytest.raises(UnknownFaultError):
        FaultBoard({"iss": "wrong@/authorize"})


def test_NET_5_a_half_open_connection_is_not_in_the_way_of_others(demo_provider: DemoProvider) -> None:
    demo_provider.faults(network="stall@/token")
    threads = [threading.Thread(target=lambda: read_to_end(ask(demo_provider, "/token"))) for _ in range(10)]
    for thread in threads:
        thread.start()
    demo_provider.wait_for("/token", 10)
    assert get(demo_provider).status_code == 200
    demo_provider.clear_faults()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_NET_4_redirects_lead_to_another_host_that_counts_who_comes(demo_provider: DemoProvider, status: int) -> None:
    demo_provider.faults(redirect=f"{status}@/token")
    url, form = f"{demo_provider.issuer}/token", {"grant_type": "refresh_token", "refresh_token": "x"}
    answer = requests.post(url, data=form, timeout=60, allow_redirects=False)
    assert answer.status_code == status
    target = answer.headers["Location"]
    assert target == demo_provider.description["trap"] + "/moved"
    assert target.split("/")[2] != demo_provider.issuer.split("/")[2]
    assert demo_provider.count("trap.connection") == 0
    with pytest.raises(requests.ConnectionError):
        requests.post(url, data=form, timeout=60)
    assert demo_provider.count("trap.connection") > 0


def test_META_5_a_redirect_can_stay_at_the_same_host(demo_provider: DemoProvider) -> None:
    demo_provider.faults(redirect="308:same")
    assert get(demo_provider).headers["Location"] == f"{demo_provider.issuer}/moved"


def test_NET_5_gzip_is_good_broken_or_a_bomb(demo_provider: DemoProvider) -> None:
    plain = get(demo_provider).content
    for how in ("good", "broken", "bomb"):
        demo_provider.faults(gzip=how)
        with ask(demo_provider) as connection:
            head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
        assert b"Content-Encoding: gzip" in head
        assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
        if how == "broken":
            with pytest.raises((OSError, zlib.error)):
                gzip.decompress(body)
        elif how == "good":
            assert gzip.decompress(body) == plain
        else:
            assert len(body) < 1024 * 1024
            assert len(gzip.decompress(body)) == 64 * 1024 * 1024


def test_NET_5_a_cookie_that_comes_back_is_counted(demo_provider: DemoProvider) -> None:
    demo_provider.faults(set_cookie=f"on@{METADATA}*1")
    with requests.Session() as jar:
        jar.get(demo_provider.issuer + METADATA, timeout=60)
        assert demo_provider.count(f"{METADATA}.cookie_replayed") == 0
        jar.get(demo_provider.issuer + METADATA, timeout=60)
    get(demo_provider)
    assert demo_provider.count(f"{METADATA}.cookie_replayed") == 1


def test_META_7_cache_control_comes_with_an_etag_that_is_answered_304(demo_provider: DemoProvider) -> None:
    assert get(demo_provider, "/jwks.json").headers["Cache-Control"] == "no-store"
    demo_provider.faults(cache_control="max-age=31536000@/jwks.json")
    first = get(demo_provider, "/jwks.json")
    assert first.headers["Cache-Control"] == "max-age=31536000"
    again = get(demo_provider, "/jwks.json", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert get(demo_provider, "/jwks.json", **{"If-None-Match": '"other"'}).status_code == 200
    assert get(demo_provider).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("ahead", [-300, 300])
@pytest.mark.parametrize("switch", ["date", "clock"])
def test_OIDC_5_the_date_header_can_be_wrong(demo_provider: DemoProvider, switch: str, ahead: int) -> None:
    demo_provider.faults(**{switch: str(ahead)})
    before = time.time()
    sent = parsedate_to_datetime(get(demo_provider).headers["Date"]).timestamp()
    # Whole seconds on the wire.
    assert before + ahead - 1 <= sent <= time.time() + ahead
