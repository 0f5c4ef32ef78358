"""LEAK-1 and LEAK-2 for every flow and many faults, with everything turned on that could say too much.

The application runs at the level `trace` with the debug logs of its HTTP and OAuth libraries and of asyncio let
through: nothing but the redaction stands between the wire and the log. What is searched for is taken from the wire.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from support.app import AppProcess, StartApp
from support.canaries import Canaries, WatchProcess
from support.configurations import ALLOW, demo_entry
from support.demo_clients import trusted_assertion
from support.demo_provider import DemoProvider
from support.file_keyring import IN_KEYRING, file_keyring
from support.homes import MakeHome
from support.sign_in import StartDemo
from support.wire_record import LOUD, WireRecord

TRACE = '[app]\nlog_level = "trace"\n'
STRAY = "stray-code-0123456789"
# Answers with a token in them that cannot be used, or with texts of the server: where a careless parser quotes.
TOKEN_FAULTS = (
    "array",
    "bom",
    "bad_utf8",
    "dup_keys",
    "nan",
    "truncated",
    "huge",
    "html200",
    "error200",
    "error_form",
    "error_long",
    "error_text_plain",
    "number_access_token",
    "missing_token_type",
    "mac_type",
    "redirect",
    "500",
    "invalid_grant",
    "invalid_client",
    "www_authenticate_only",
)
REFRESH_FAULTS = ("dup_keys", "truncated", "mac_type", "bad_utf8", "redirect", "error_long", "500", "invalid_client")
MACHINE_FAULTS = ("dup_keys", "truncated", "mac_type", "invalid_grant", "html200")
ID_TOKEN_FAULTS = (
    "garbage",
    "five_parts",
    "bad_signature",
    "wrong_nonce",
    "alg_none",
    "expired",
    "wrong_at_hash",
    "crit",
)
DEVICE_FAULTS = ("no_user_code", "number_device_code", "text_expires_in", "html", "null_verification_uri")
OTHER_FAULTS = (
    ("network", "cut:0@/token"),
    ("network", "cut:40@/token"),
    ("network", "reset:40@/token"),
    ("gzip", "broken"),
    ("state", "wrong"),
    ("iss", "wrong"),
    ("code", "with_error"),
    ("dup", "code"),
    ("extra", "access_token"),
    ("authorize", "markup"),
    ("userinfo", "html"),
    ("userinfo", "signed_bad_signature"),
    ("par", "html"),
    ("par", "no_request_uri"),
    ("access_token", "broken_base64"),
    ("scope", "a b secret=c"),
    ("jwks", "text_keys"),
)
REGISTRATION_FAULTS = ("html200", "array", "no_client_id", "text_secret_expiry", "secret")


class Sweep:
    """The application behind a socket, the provider, and all that was heard of either."""

    def __init__(self, app: AppProcess, demo: DemoProvider, record: WireRecord, visible: Canaries) -> None:
        """:param visible: secrets that may be in the browser's arguments, as they are part of the address (LEAK-2)."""
        self.app, self.demo, self.record, self.visible = app, demo, record, visible
        self.told: list[bytes] = []

    def ask(self, method: str, target: str, body: object = None, *, gives_secrets: bool = False) -> Any:
        """Ask the socket; what it answers may hold no secret unless giving them is what was asked for."""
        answer = self.app.ask(method, target, body)
        if not gives_secrets:
            shown = answer.json if answer.body else None
            if isinstance(shown, dict):  # who begins a sign-in opens its address, which names the pushed request
                shown = {name: value for name, value in shown.items() if name != "authorization_url"}
            self.told.append(json.dumps(shown, ensure_ascii=False).encode())
        return answer

    def sign_in(self, id_: str) -> str:
        """Through the browser, with the test as the browser; returns how it ended."""
        started = self.ask("POST", "/v1/sign-ins", {"provider": id_, "open_browser": False}, gives_secrets=True).json
        if "authorization_url" not in started:
            return "refused"
        query = parse_qs(urlsplit(started["authorization_url"]).query)
        for name in ("request_uri", "state", "nonce"):
            for value in query.get(name, []):
                self.visible.add(**{name: value})
        try:
            callback = self.demo.sign_in(started["authorization_url"])
            requests.get(callback, timeout=60)
        except (requests.RequestException, AssertionError, KeyError, IndexError):
            self.ask("DELETE", f"/v1/sign-ins/{started['id']}")
            return "broken off"
        return self.end_of(started["id"])

    def device(self, id_: str) -> str:
        """By a code."""
        started = self.ask("POST", "/v1/sign-ins", {"provider": id_, "method": "device"}).json
        if "user_code" not in started:
            return "refused"
        self.demo.approve_device(started["user_code"])
        return self.end_of(started["id"])

    def end_of(self, sign_in: str) -> str:
        """How a sign-in ended; one that goes on waiting is cancelled."""
        for _ in range(2):
            state = str(self.ask("GET", f"/v1/sign-ins/{sign_in}?wait=2").json["state"])
            if state not in ("waiting", "exchanging"):
                return state
        self.ask("DELETE", f"/v1/sign-ins/{sign_in}")
        return "cancelled"

    def use(self, id_: str) -> int:
        """Take token, headers, claims and proof as a program does; returns the status of the token query."""
        status = int(self.ask("GET", f"/v1/providers/{id_}/token", gives_secrets=True).status)
        for what in ("headers?method=GET&url=http://127.0.0.1:1/x", "id-token", "claims?introspect=true"):
            self.ask("GET", f"/v1/providers/{id_}/{what}", gives_secrets=what != "claims?introspect=true")
        self.record.collect()
        return status

    def with_faults(self, switch: str, values: tuple[str, ...], act: Callable[[str], object]) -> set[object]:
        """Do it once under each value; returns what came of it."""
        outcomes = set()
        for value in values:
            self.demo.faults(**{switch: value})
            outcomes.add(act(value))
            self.demo.faults(**{switch: None})
            self.record.collect()
        return outcomes


def slug(fault: str) -> str:
    return fault.replace("_", "-")


def machine(demo: DemoProvider, id_: str, flow: str, client: str, secret: Path, subject: Path | None = None) -> str:
    """The entry of a flow without a person."""
    known = demo.description["clients"][client]
    keys = {"flow": flow, "client_id": known["client_id"], "scopes": ["notes:read"], "refresh_token": "optional"}
    text = demo_entry(demo, id_, **keys) + f"client_secret = {{ file = {json.dumps(str(secret))} }}\n"
    if subject is not None:
        text += f'subject_token = {{ source = "file", path = {json.dumps(str(subject))} }}\n'
    if flow == "token_exchange":
        text += 'subject_token_type = "urn:ietf:params:oauth:token-type:access_token"\n'
    return text


def configuration(demo: DemoProvider, secrets: Path, canaries: Canaries) -> str:
    """Entries for every flow and client."""
    clients = demo.description["clients"]
    for name in ("confidential", "service"):
        (secrets / name).write_text(clients[name]["client_secret"])
        canaries.add(client_secret=clients[name]["client_secret"])
    key = clients["private_key_jwt"]["private_jwk"]
    (secrets / "key").write_text(json.dumps(key))
    canaries.add(private_key=key["d"])
    subject = demo.tokens()["access_token"]
    (secrets / "subject").write_text(subject)
    assertion = trusted_assertion(demo)
    (secrets / "assertion").write_text(assertion)
    canaries.add(subject_token=subject, assertion=assertion)
    entries = [demo_entry(demo, id_) for id_ in ("demo", "device", "faulty")]
    entries += [demo_entry(demo, f"refresh-{slug(fault)}") for fault in REFRESH_FAULTS]
    entries.append(demo_entry(demo, "bound", dpop="required"))
    entries += [
        demo_entry(demo, f"registered{n}", client_id="", registration="auto", redirect_path=f"/callback/r{n}")
        for n in range(len(REGISTRATION_FAULTS) + 1)
    ]
    confidential = clients["confidential"]["client_id"]
    for method in ("client_secret_basic", "client_secret_post"):
        keys = {"client_id": confidential, "client_auth": method}
        secret = f"client_secret = {{ file = {json.dumps(str(secrets / 'confidential'))} }}\n"
        entries.append(demo_entry(demo, slug(method), **keys) + secret)
    keys = {"client_id": clients["private_key_jwt"]["client_id"], "client_auth": "private_key_jwt"}
    entries.append(
        demo_entry(demo, "keyed", **keys) + f"private_key = {{ file = {json.dumps(str(secrets / 'key'))} }}\n"
    )
    service, client = secrets / "service", secrets / "confidential"
    for name in ("service", *(f"service-{slug(fault)}" for fault in MACHINE_FAULTS)):
        entries.append(machine(demo, name, "client_credentials", "service", service))
    entries.append(machine(demo, "vouched", "jwt_bearer", "service", service, secrets / "assertion"))
    entries.append(machine(demo, "exchanged", "token_exchange", "confidential", client, secrets / "subject"))
    entries.append(demo_entry(demo, "pasted", flow="static"))
    return TRACE + IN_KEYRING + ALLOW + "".join(entries)


def good_days(sweep: Sweep) -> None:
    """Every flow and client as they should go; the ends count, for a flow that fails leaks nothing."""
    assert sweep.sign_in("demo") == "done"
    assert sweep.use("demo") == 200
    assert sweep.ask("POST", "/v1/providers/demo/refresh").status == 200
    assert sweep.device("device") == "done"
    for id_ in ("bound", "registered0", "client-secret-basic", "client-secret-post", "keyed"):
        assert sweep.sign_in(id_) == "done", id_
        assert sweep.use(id_) == (403 if id_ == "bound" else 200), id_  # a bound token is of no use without proofs
        assert sweep.ask("POST", f"/v1/providers/{id_}/refresh").status == 200, id_
    for id_ in ("service", "vouched", "exchanged"):
        assert sweep.use(id_) == 200, id_
    pasted = "pasted-token-CANARY-0123456789"
    sweep.visible.add(pasted=pasted)
    sweep.ask("PATCH", "/v1/providers/pasted", {"token": pasted})
    assert sweep.use("pasted") == 200


def bad_days(sweep: Sweep) -> None:
    """What can go wrong in them."""
    assert sweep.with_faults("exchange", TOKEN_FAULTS, lambda _: sweep.sign_in("faulty")) == {"failed"}
    assert sweep.with_faults("id_token", ID_TOKEN_FAULTS, lambda _: sweep.sign_in("faulty")) == {"failed"}
    assert "refused" in sweep.with_faults("device", DEVICE_FAULTS, lambda _: sweep.device("device"))
    for switch, value in OTHER_FAULTS:
        sweep.with_faults(switch, (value,), lambda _: sweep.sign_in("faulty"))
    for fault in REFRESH_FAULTS:
        assert sweep.sign_in(f"refresh-{slug(fault)}") == "done"

    def refresh(fault: str) -> bool:
        return bool(sweep.ask("POST", f"/v1/providers/refresh-{slug(fault)}/refresh").status >= 400)

    assert sweep.with_faults("refresh", REFRESH_FAULTS, refresh) == {True}
    assert 200 not in sweep.with_faults("machine", MACHINE_FAULTS, lambda fault: sweep.use(f"service-{slug(fault)}"))
    numbers = iter(range(1, len(REGISTRATION_FAULTS) + 1))
    sweep.with_faults("register", REGISTRATION_FAULTS, lambda _: sweep.sign_in(f"registered{next(numbers)}"))


def wrong_questions(sweep: Sweep) -> None:
    """Secrets where none belong."""
    token = sweep.ask("GET", "/v1/providers/demo/token", gives_secrets=True).json["access_token"]
    started = sweep.ask("POST", "/v1/sign-ins", {"provider": "faulty", "open_browser": False}, gives_secrets=True).json
    url = started["authorization_url"]
    redirect = parse_qs(urlsplit(url).query).get("redirect_uri", ["http://127.0.0.1:1/"])[0]
    answer = f"{redirect}?code={STRAY}&state=nobody-knows-this-state"
    if not redirect.endswith(":1/"):
        requests.get(answer, timeout=60)
    sweep.ask("POST", "/v1/sign-ins/callback", {"url": answer})
    sweep.ask("POST", "/v1/providers/demo/token/rejected", {"sha256": "x", "token": token})
    sweep.ask("GET", f"/v1/providers/{token}/token", gives_secrets=True)  # the refusal names what was asked for
    sweep.app.ask("GET", "/v1/status", headers={"Authorization": f"Bearer {token}"})
    sweep.ask("DELETE", f"/v1/sign-ins/{started['id']}")


def ends(sweep: Sweep) -> None:
    """Revocation, also unconfirmed, logout at the provider, the end of a registration."""
    assert (
        sweep.ask("POST", "/v1/providers/demo/sign-out", {"revoke": True, "end_session": True}).json["revoked"] is True
    )
    sweep.demo.faults(revoke="503")
    sweep.ask("POST", "/v1/providers/bound/sign-out", {"revoke": True})
    sweep.demo.faults(revoke=None)
    for id_ in ("device", "keyed", "client-secret-basic", "exchanged", "pasted", "registered0"):
        sweep.ask("POST", f"/v1/providers/{id_}/sign-out", {"revoke": True})
    sweep.ask("DELETE", "/v1/providers/registered0")
    for page in ("/v1/providers", "/v1/activity?limit=1000", "/v1/status", "/v1/grants"):
        sweep.ask("GET", page)
    shown = sweep.app.cli("doctor", "--json")
    sweep.told.append(shown.stdout.encode() + shown.stderr.encode())
    for id_ in ("demo", "faulty", "bound"):
        shown = sweep.app.cli("show", id_, "--json")
        sweep.told.append(shown.stdout.encode() + shown.stderr.encode())


def test_LEAK_1_LEAK_2_no_secret_of_any_flow_is_written_said_or_shown_whatever_the_provider_does(
    start_demo: StartDemo,
    start_app: StartApp,
    make_home: MakeHome,
    canaries: Canaries,
    watch_process: WatchProcess,
) -> None:
    demo = start_demo(token_lifetime=3600, device_interval=1)
    outside = make_home()
    secrets = outside / "secrets"
    secrets.mkdir()
    record = WireRecord(outside / "wire", canaries)
    canaries.add(code=STRAY)
    env = file_keyring(outside) | record.env() | {"PYTHONASYNCIODEBUG": "1", "BROWSER": "/bin/true"}
    config = configuration(demo, secrets, canaries)
    app = start_app(args=["--headless"], python=[str(LOUD)], env=env, config=config)
    watch = watch_process(app.pid)
    sweep = Sweep(app, demo, record, Canaries())
    good_days(sweep)
    bad_days(sweep)
    wrong_questions(sweep)
    ends(sweep)
    record.collect()
    watch.look()
    assert app.stop() == 0
    record.collect()

    for name in (
        "access_token",
        "refresh_token",
        "id_token",
        "code",
        "code_verifier",
        "device_code",
        "token",
        "assertion",
        "client_assertion",
        "subject_token",
        "registration_access_token",
        "private_key",
        "request_uri",
        "dpop",
        "authorization",
    ):
        assert record.seen.get(name), f"no {name} went over the wire: the sweep is not what it says"
    assert not list((app.home / "log").glob("*.4")), "the log was turned over so often that its beginning may be gone"
    log = "".join(path.read_text() for path in sorted((app.home / "log").glob("tokenkeep.log*")))
    for library in ("requests_oauthlib", "urllib3", "http.client"):
        assert f" {library}" in log, f"{library} said nothing: its way to the log was not open"
    for found in (canaries, sweep.visible):
        found.assert_absent_from_files(app.home)
        found.assert_absent_from_text("\n".join(answer.decode(errors="replace") for answer in sweep.told), "the socket")
