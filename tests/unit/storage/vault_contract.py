"""What every kind of vault must do; a test class per kind inherits it and says how that kind is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tokenkeep.domain.access import Decision, Grant, Holding
from tokenkeep.domain.errors import StorageFailed
from tokenkeep.domain.origin import Origin
from tokenkeep.domain.ports import Vault
from tokenkeep.domain.provider import Provider, SecretSource
from tokenkeep.domain.registration import Registration
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Account, Secret, StoredSession, TokenSet


def a_session(token: str = "CANARY-AT-1", *, refresh: str | None = "CANARY-RT-1") -> StoredSession:
    """A session with something in every field."""
    tokens = TokenSet(
        access_token=Secret(token),
        token_type="Bearer",
        obtained_at=1_700_000_000.25,
        lifetime=20.0,
        scope=("openid", "übergang"),
        refresh_token=None if refresh is None else Secret(refresh),
        id_token=Secret("CANARY-IT-1"),
        resource=("https://api.example/",),
    )
    account = Account("https://auth.example", "subject-1", "Ada ❤")
    return StoredSession(
        tokens=tokens,
        account=account,
        binding=("https://auth.example", "https://auth.example", "client"),
        signed_in_at=1.5,
        method="device",
        answer_lost=True,
        origin=an_origin(),
        left_at=77.5,
    )


def a_grant(id_: str = "g1", **changes: Any) -> Grant:
    """A grant with something in every field."""
    grant = Grant(
        id=id_,
        key=("app", "/usr/bin/git"),
        name="git",
        provider="github",
        decision=Decision.ALLOW,
        holding=Holding.FOR_A_WHILE,
        created_at=12.5,
        until=99.0,
        scope=("repo",),
        resource=("https://api.example/",),
    )
    return replace(grant, **changes)


def a_revocation(id_: str = "r1", **changes: Any) -> OwedRevocation:
    """An owed revocation with something in every field."""
    owed = OwedRevocation(
        id=id_,
        origin=an_origin(),
        tokens=((Secret("CANARY-RT-1"), "refresh_token"), (Secret("CANARY-AT-1"), "access_token")),
        since=12.5,
        tries=3,
        next_try_at=99.0,
    )
    return replace(owed, **changes)


def a_registration(issuer: str = "https://auth.example", **changes: Any) -> Registration:
    """A registration with something in every field."""
    known = Registration(
        issuer=issuer,
        provider="github",
        client_id="registered",
        registered_at=12.5,
        metadata={"redirect_uris": ["http://127.0.0.1:5/x"], "token_endpoint_auth_method": "client_secret_basic"},
        asked={"scope": "openid", "redirect": ["127.0.0.1", "/x", 0]},
        secret=Secret("CANARY-CS-2"),
        secret_at=12.5,
        secret_expires_at=99.0,
        access_token=Secret("CANARY-RAT-1"),
        management_uri="https://auth.example/register/registered",
        doubted=True,
    )
    return replace(known, **changes)


def an_origin() -> Origin:
    """Where tokens came from, with something in every field that is kept."""
    entry = Provider(
        id="github",
        name="GitHub",
        issuer="https://auth.example",
        client_id="client",
        client_auth="client_secret_post",
        client_secret=SecretSource(env="SECRET"),
        private_key=SecretSource(vault=True),
        tls_client_cert="/client.pem",
        tls_client_key="/client.key",
        token_endpoint="https://auth.example/token",
        quirks=["basic_unencoded"],
    )
    revoke, token = "https://auth.example/revoke", "https://mtls.auth.example/token"
    return Origin(entry, revoke, ("client_secret_post",), ("ES256",), "https://auth.example/", token)


class VaultContract:
    """Tests for one kind; `open_vault` opens the same vault again each time where it lasts."""

    state: StorageState
    lasting = True

    @pytest.fixture
    def open_vault(self) -> Callable[[], Vault]:
        raise NotImplementedError

    def again(self, vault: Vault, open_vault: Callable[[], Vault]) -> Vault:
        """The vault as the next start of the process sees it."""
        if not self.lasting:
            return vault
        vault.close()
        return open_vault()

    def test_it_says_where_its_key_is_and_has_nothing_to_complain_of(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        assert vault.state is self.state
        assert vault.notice == ""
        assert vault.read_sessions() == {}
        assert vault.read_grants() == []
        assert vault.read_activity(10) == []

    @pytest.mark.parametrize(
        "session",
        [
            a_session(),
            a_session(refresh=None),
            replace(a_session(), tokens=None, account=None, ended="invalid_grant", answer_lost=False, method="browser"),
            replace(a_session(), tokens=replace(a_session().tokens, lifetime=None, id_token=None, scope=())),  # type: ignore[type-var]
            a_session("x" * 6_000),
        ],
    )
    def test_LEAK_4_a_session_comes_back_as_it_was(
        self, open_vault: Callable[[], Vault], session: StoredSession
    ) -> None:
        vault = open_vault()
        vault.write_session("github", session)
        assert self.again(vault, open_vault).read_sessions() == {"github": session}

    def test_REF_1_the_last_write_of_a_session_counts(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        vault.write_session("github", a_session("first-token"))
        vault.write_session("gitlab", a_session("other-token"))
        vault.mark_session("github", a_session("second-token"))
        sessions = self.again(vault, open_vault).read_sessions()
        assert sessions == {"github": a_session("second-token"), "gitlab": a_session("other-token")}

    def test_a_session_can_be_deleted_and_deleting_nothing_is_no_error(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        vault.write_session("github", a_session())
        vault.delete_session("github")
        vault.delete_session("unknown")
        assert self.again(vault, open_vault).read_sessions() == {}

    def test_grants_come_back_are_replaced_by_id_and_deleted(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        vault.write_grant(a_grant("g1"))
        vault.write_grant(a_grant("g2", until=None, scope=(), holding=Holding.ALWAYS, purpose="manage"))
        vault.write_grant(a_grant("g1", decision=Decision.DENY))
        vault.write_grant(a_grant("g3"))
        vault.delete_grant("g3")
        vault.delete_grant("unknown")
        assert self.again(vault, open_vault).read_grants() == [
            a_grant("g1", decision=Decision.DENY),
            a_grant("g2", until=None, scope=(), holding=Holding.ALWAYS, purpose="manage"),
        ]

    def test_a_client_secret_comes_back_by_its_name(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        vault.write_secret("github/client_secret", Secret("CANARY-CS-ü"))
        vault = self.again(vault, open_vault)
        assert vault.read_secret("github/client_secret") == Secret("CANARY-CS-ü")
        assert vault.read_secret("gitlab/client_secret") is None

    def test_a_secret_is_made_once(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        assert vault.make_secret("github/private_key/ES256", lambda: Secret("CANARY-1")) == Secret("CANARY-1")
        vault = self.again(vault, open_vault)
        assert vault.make_secret("github/private_key/ES256", lambda: Secret("CANARY-2")) == Secret("CANARY-1")
        assert vault.read_secret("github/private_key/ES256") == Secret("CANARY-1")

    def test_LEAK_5_the_secrets_of_one_provider_are_removed_and_no_others(
        self, open_vault: Callable[[], Vault]
    ) -> None:
        vault = open_vault()
        names = ("git/client_secret", "git/private_key/ES256", "git-hub/client_secret", "github/client_secret")
        for name in reversed(names):
            vault.write_secret(name, Secret("CANARY"))
        assert vault.secret_names() == tuple(sorted(names))
        vault.delete_secrets("git")
        vault.delete_secrets("unknown")
        vault = self.again(vault, open_vault)
        assert vault.secret_names() == ("git-hub/client_secret", "github/client_secret")

    def test_activity_is_read_newest_first_and_no_more_than_asked(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        vault.append_activity([{"at": float(number), "event": "token", "provider": "é"} for number in range(3)])
        vault.append_activity([{"at": 3.5, "event": "refresh", "provider": "é"}])
        vault.append_activity([])
        vault = self.again(vault, open_vault)
        assert [entry["at"] for entry in vault.read_activity(3)] == [3.5, 2.0, 1.0]
        assert vault.read_activity(1)[0] == {"at": 3.5, "event": "refresh", "provider": "é"}
        assert len(vault.read_activity(100)) == 4
        assert vault.read_activity(0) == vault.read_activity(-1) == []

    def test_after_closing_every_call_says_that_it_is_closed(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        vault.close()
        vault.close()
        calls: list[Callable[[], object]] = [
            vault.read_sessions,
            lambda: vault.write_session("github", a_session()),
            lambda: vault.mark_session("github", a_session()),
            lambda: vault.delete_session("github"),
            vault.read_grants,
            lambda: vault.write_grant(a_grant()),
            lambda: vault.read_secret("x"),
            lambda: vault.make_secret("x", lambda: Secret("y")),
            vault.secret_names,
            lambda: vault.delete_secrets("x"),
            lambda: vault.append_activity([{"at": 1.0}]),
            lambda: vault.read_activity(1),
        ]
        for call in calls:
            with pytest.raises(StorageFailed, match="closed"):
                call()

    def test_MCP_5_DCR_7_registrations_are_kept_by_issuer_and_entry(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        for one in (a_registration(), a_registration("https://other.example", client_id="another")):
            vault.write_registration(one)
        vault.write_registration(a_registration(access_token=Secret("CANARY-RAT-2")))
        assert vault.read_registrations() == [
            a_registration(access_token=Secret("CANARY-RAT-2")),
            a_registration("https://other.example", client_id="another"),
        ]
        vault.delete_registration("https://auth.example", "github")
        vault.delete_registration("https://auth.example", "github")
        assert [one.client_id for one in vault.read_registrations()] == ["another"]
        vault.write_registration(a_registration(secret=None, access_token=None, secret_expires_at=None))
        assert vault.read_registrations()[0].secret_expires_at is None
        vault.close()

    def test_REV_2_what_is_owed_takes_the_place_of_its_session(self, open_vault: Callable[[], Vault]) -> None:
        vault = open_vault()
        vault.write_session("github", a_session())
        assert vault.read_session("github") == a_session()
        vault.delete_session("github", a_revocation())
        assert (vault.read_session("github"), vault.read_sessions()) == (None, {})
        assert vault.read_revocations() == [a_revocation()]
        vault.write_revocation(a_revocation(tries=4))
        assert vault.read_revocations() == [a_revocation(tries=4)]
        vault.delete_revocation("r1")
        vault.delete_revocation("r1")
        assert vault.read_revocations() == []
        vault.close()
