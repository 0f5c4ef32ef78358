"""Microsoft Entra ID: one document for all tenants, whose issuer is a template; aliases of tenants (META-3).

<https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc> names the aliases and
<https://github.com/MicrosoftDocs/azure-docs/issues/38427> the template. A tenant may be named by a domain, and
`consumers` stands for one tenant; the document then has the issuer with the tenant's number. `interaction_required` at
the token endpoint is Microsoft's own: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>.
"""

from __future__ import annotations

import re
from typing import Any

from tokenkeep.oauth.quirks import Quirks

TEMPLATE = "https://login.microsoftonline.com/{tenantid}/v2.0"
TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHARED = re.compile(r"https://login\.microsoftonline\.com/(common|organizations|consumers)/v2\.0/?")
_NAMED = re.compile(r"https://login\.microsoftonline\.com/(consumers|[a-z0-9-]+(\.[a-z0-9-]+)+)/v2\.0/?", re.IGNORECASE)
_NUMBERED = re.compile(rf"https://login\.microsoftonline\.com/{TENANT.pattern}/v2\.0")


def _issuer_matches(configured: str, documented: str) -> bool:
    if _SHARED.fullmatch(configured) and documented == TEMPLATE:
        return True
    return _NAMED.fullmatch(configured) is not None and _NUMBERED.fullmatch(documented) is not None


def _token_issuer(documented: str, claims: dict[str, Any]) -> str:
    tenant = claims.get("tid")
    if documented == TEMPLATE and isinstance(tenant, str) and TENANT.fullmatch(tenant):
        return TEMPLATE.replace("{tenantid}", tenant)
    return documented


QUIRKS = Quirks(
    issuer_matches=_issuer_matches,
    token_issuer=_token_issuer,
    errors={"interaction_required": "invalid_grant"},
)
