"""Microsoft Entra ID: one document for all tenants, whose issuer is a template (META-3)."""

from __future__ import annotations

import re
from typing import Any

from tokenkeep.oauth.quirks import Quirks

ANY_TENANT = re.compile(r"https://login\.microsoftonline\.com/(common|organizations|consumers)/v2\.0/?")
TEMPLATE = "https://login.microsoftonline.com/{tenantid}/v2.0"
TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _issuer_matches(configured: str, documented: str) -> bool:
    return ANY_TENANT.fullmatch(configured) is not None and documented == TEMPLATE


def _token_issuer(documented: str, claims: dict[str, Any]) -> str:
    tenant = claims.get("tid")
    if documented == TEMPLATE and isinstance(tenant, str) and TENANT.fullmatch(tenant):
        return TEMPLATE.replace("{tenantid}", tenant)
    return documented


QUIRKS = Quirks(issuer_matches=_issuer_matches, token_issuer=_token_issuer)
