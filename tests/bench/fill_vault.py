"""Fills the vault of a home with signed-in sessions, as a person would have left it behind.

    fill_vault.py < {"path": …, "sessions": [{"id": …, "endpoint": …, "issuer": …, "age": …, "lifetime": …}]}

Run in the environment of the application, whose keyring gets the key. Ages and lifetimes in seconds.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path

from tokenkeep.domain.tokens import Account, Secret, StoredSession, TokenSet
from tokenkeep.storage.opening import VaultStorage


def main() -> None:
    wanted = json.load(sys.stdin)
    storage = VaultStorage(Path(wanted["path"]))
    vault = storage.open(storage.key("keyring", None))
    now = time.time()
    for each in wanted["sessions"]:
        tokens = TokenSet(
            access_token=Secret(secrets.token_urlsafe(600)),
            token_type="Bearer",
            obtained_at=now - each["age"],
            lifetime=each["lifetime"],
            scope=("read", "write"),
            refresh_token=Secret(secrets.token_urlsafe(200)),
        )
        session = StoredSession(
            tokens=tokens,
            account=Account(each["issuer"], each["id"], "ada@example.org"),
            binding=(each["issuer"], each["endpoint"], "bench"),
            signed_in_at=now - each["age"],
        )
        vault.mark_session(each["id"], session)
    vault.close()


main()
