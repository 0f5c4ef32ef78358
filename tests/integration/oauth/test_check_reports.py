"""The reports of docs/check-reports.md are what the program says of real servers, whole and broken."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from support.demo_provider import DemoProvider
from support.oidc_provider import OidcProviderPeer
from tokenkeep.domain.check import CheckReport, as_text
from tokenkeep.oauth.check import check_issuer, check_resource
from tokenkeep.oauth.transport import Transport

pytestmark = pytest.mark.peer

PAGE = Path(__file__).parents[3] / "docs/check-reports.md"
WRITE = "WRITE_CHECK_REPORTS"  # `make check-reports` sets it

NOON = 1_795_262_400.0  # 2026-11-21 12:00 UTC
# As long as any port that a system picks, so that no line breaks elsewhere.
PORT = "41953"

HEAD = """\
# Reports

What `tokenkeep check` says of five servers that everybody can start: the [demo provider](demo-provider.md), whole and
with three faults of its, and the npm package oidc-provider. [Checking a server](check.md) explains the rules. This page
is made by `make check-reports`, and a test holds it to the program.
"""

# What an administrator may have done, the fault switches that do it, and what the check is asked about.
BROKEN = (
    ("PKCE without S256, and keys for encryption alone", {"metadata": "plain_only", "jwks": "enc_only"}),
    ("An issuer with a final slash that the document does not have", {"metadata": "slash_issuer"}),
    ("A token endpoint that is no address, and no promise to name the issuer", {"metadata": "relative_token_endpoint"}),
)


def shown(title: str, report: CheckReport) -> str:
    """One section, without what differs from run to run."""
    text = as_text(replace(report, checked_at=NOON))
    return f"## {title}\n\n```text\n{re.sub(r'127.0.0.1:[0-9]{5}', f'127.0.0.1:{PORT}', text).strip()}\n```\n"


def test_the_reports_are_what_the_program_says(demo_provider: DemoProvider, oidc_provider: OidcProviderPeer) -> None:
    transport = Transport(timeout=60.0, wall=time.time)
    parts = [HEAD]
    report = check_resource(transport, demo_provider.whoami, wall=time.time())
    parts.append(shown("A protected resource of the demo provider, and the provider", report))
    report = check_issuer(transport, oidc_provider.issuer, wall=time.time())
    parts.append(shown("oidc-provider", report))
    for title, faults in BROKEN:
        demo_provider.clear_faults()
        demo_provider.faults(**faults)
        fresh = Transport(timeout=60.0, wall=time.time)
        report = check_issuer(fresh, demo_provider.issuer, wall=time.time())
        fresh.close()
        assert report.failed
        parts.append(shown(title, report))
    transport.close()
    page = "\n".join(parts)
    if os.environ.get(WRITE):
        PAGE.write_text(page)
    assert page == PAGE.read_text(), "run `make check-reports`, read the page, and commit it"
