"""Odd, misleading and broken WWW-Authenticate headers, by the `challenge` switch (RFC 9110 §11.6.1)."""

from flask import Response

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.metadata_answers import ELSEWHERE

HEADER = "WWW-Authenticate"
WELL_KNOWN = "/.well-known/oauth-protected-resource"
NTLM = "Negotiate YWJj=="


def _metadata(demo: Demo, fault: str) -> str | None:
    """The metadata URL that the switch puts in place of the right one."""
    return {
        "root_metadata": demo.origin + WELL_KNOWN,
        "trap_metadata": demo.trap + WELL_KNOWN,
        "evil_metadata": f"https://{ELSEWHERE}{WELL_KNOWN}",
        "http_metadata": f"http://{ELSEWHERE}{WELL_KNOWN}",
        "link_local_metadata": f"http://169.254.169.254{WELL_KNOWN}",
        "private_metadata": f"http://10.0.0.1{WELL_KNOWN}",
        "file_metadata": "file:///etc/passwd",
    }.get(fault)


def _bearer(values: dict[str, str]) -> str:
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in values.items())


def change_challenge(demo: Demo, answer: Response, values: dict[str, str]) -> None:
    """Rewrite the header as the switch wants it; `values` are the parameters of the honest Bearer challenge."""
    fault = demo.faults.take("challenge")
    if fault is None:
        return
    url = values["resource_metadata"]
    if (other := _metadata(demo, fault)) is not None:
        answer.headers[HEADER] = _bearer(values | {"resource_metadata": other})
        return
    without = {name: _bearer({k: v for k, v in values.items() if k != name}) for name in ("resource_metadata", "scope")}
    bearer_in_odd_case = f'bearer REALM="demo", ERROR="invalid_token", Resource_Metadata="{url}"'
    quoted = rf"x \"y\", resource_metadata=\"{demo.trap}{WELL_KNOWN}\", scope=\"evil\""
    lines: dict[str, list[str]] = {
        "none": [],
        "bare": ["Bearer"],
        "basic_only": ['Basic realm="demo"'],
        "many": [f'Basic realm="x", {bearer_in_odd_case}, DPoP algs="ES256 PS256"'],
        "two_lines": ['Basic realm="demo, with a comma"', _bearer(values)],
        "token68": [f"{NTLM}, {_bearer(values)}"],
        "quoted_comma": [_bearer({"realm": "a, scope=evil", "resource_metadata": url})],
        "quoted_pairs": [f'Bearer error="invalid_token", error_description="{quoted}"'],
        "token_scope": [f'Bearer scope=openid, resource_metadata="{url}"'],
        "dup_scope": [f'Bearer scope="openid", scope="profile", resource_metadata="{url}"'],
        "dup_metadata": [f'Bearer resource_metadata="{url}", resource_metadata="{demo.trap}{WELL_KNOWN}"'],
        "unterminated": [f'Bearer realm="demo, resource_metadata={url}'],
        "no_metadata": [without["resource_metadata"]],
        "no_scope": [without["scope"]],
        # A scope that the metadata does not list (MCP-1).
        "other_scope": [_bearer(values | {"scope": "profile"})],
    }
    del answer.headers[HEADER]
    for line in lines[fault]:
        answer.headers.add(HEADER, line)
