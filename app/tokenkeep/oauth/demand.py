"""What a request demanded of the login itself: how fresh, how strong (OpenID Connect Core §3.1.2.1, §5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokenkeep.oauth import strict_json


@dataclass(frozen=True, slots=True)
class Demand:
    """What the id_token must show (OIDC-11).

    :param max_age: seconds since the person's last active login.
    :param auth_time: whether the time of that login must be told.
    :param acr: authentication context classes, one of which must have been used; empty when any will do.
    """

    max_age: float | None = None
    auth_time: bool = False
    acr: frozenset[str] = frozenset()


NO_DEMAND = Demand()


def demand_of(parameters: Mapping[str, str]) -> Demand:
    """The demand of these authorization parameters: `max_age`, `acr_values`, and the same in `claims`.

    A value that means nothing demands nothing: it is the server's to refuse.
    """
    age = parameters.get("max_age", "")
    requested = _requested(parameters.get("claims", ""))
    acr, time = requested.get("acr"), requested.get("auth_time")
    return Demand(
        max_age=float(age) if age.isascii() and age.isdigit() else None,
        auth_time=isinstance(time, dict) and time.get("essential") is True,
        acr=frozenset(parameters.get("acr_values", "").split()) | (_values(acr) if isinstance(acr, dict) else set()),
    )


def _requested(text: str) -> dict[str, Any]:
    """The claims of the id_token that the `claims` parameter names (§5.5)."""
    try:
        members = strict_json.loads(text.encode()) if text else {}
    except ValueError:
        return {}
    wanted = members.get("id_token") if isinstance(members, dict) else None
    return wanted if isinstance(wanted, dict) else {}


def _values(request: dict[str, Any]) -> set[str]:
    listed = request.get("values")
    values = [request.get("value"), *(listed if isinstance(listed, list) else [])]
    return {value for value in values if isinstance(value, str)}
