"""Wrong and odd answers of the token and device authorization endpoints, by fault switch."""

import json
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from tokenkeep.demo.context import Demo

HTML = "<!doctype html><title>Welcome</title><p>Sign in to this network first."
# More than any client should read (TOK-3): 2 MiB.
HUGE = 2 * 1024 * 1024
STATUS_OF_ERROR = {"invalid_client": 401, "server_error": 500, "temporarily_unavailable": 503}
# Looks like a token answer; no resource takes these tokens.
PRETENDED = {
    "access_token": "demo-not-a-token",
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_token": "demo-none",
}

JSON_TYPE = "application/json"


def _without(name: str) -> str:
    return json.dumps({key: value for key, value in PRETENDED.items() if key != name})


def _error(code: object, **members: object) -> str:
    return json.dumps({"error": code, **members})


# (status, body, content type) of everything that is not simply an OAuth error code or a status.
_BODIES: dict[str, tuple[int, str | bytes, str]] = {
    "html": (502, HTML, "text/html"),
    "html200": (200, HTML, "text/html"),
    "array": (200, json.dumps([PRETENDED]), JSON_TYPE),
    "null": (200, "null", JSON_TYPE),
    "empty": (200, "", JSON_TYPE),
    "bom": (200, b"\xef\xbb\xbf" + json.dumps(PRETENDED).encode(), JSON_TYPE),
    "bad_utf8": (200, json.dumps(PRETENDED).encode()[:-1] + b',"x":"\xff\xfe"}', JSON_TYPE),
    "dup_keys": (200, json.dumps(PRETENDED)[:-1] + ',"access_token":"demo-other"}', JSON_TYPE),
    "nan": (200, json.dumps(PRETENDED | {"expires_in": float("nan")}), JSON_TYPE),
    "huge": (200, json.dumps(PRETENDED | {"padding": "x" * HUGE}), JSON_TYPE),
    "missing_access_token": (200, _without("access_token"), JSON_TYPE),
    "number_access_token": (200, json.dumps(PRETENDED | {"access_token": 7}), JSON_TYPE),
    "empty_access_token": (200, json.dumps(PRETENDED | {"access_token": ""}), JSON_TYPE),
    "missing_token_type": (200, _without("token_type"), JSON_TYPE),
    "mac_type": (200, json.dumps(PRETENDED | {"token_type": "mac"}), JSON_TYPE),
    "na_type": (200, json.dumps(PRETENDED | {"token_type": "N_A"}), JSON_TYPE),
    "error200": (200, _error("invalid_grant"), JSON_TYPE),
    "error_form": (400, "error=invalid_grant&error_description=gone", "application/x-www-form-urlencoded"),
    "error_text_plain": (400, _error("invalid_grant"), "text/plain"),
    "error_html_type": (400, _error("invalid_grant"), "text/html"),
    "error_number": (400, _error(7), JSON_TYPE),
    "error_long": (400, _error("invalid_grant", error_description="\x1b[31m\x00" + "long " * 2048), JSON_TYPE),
    "invalid_grant_401": (401, _error("invalid_grant"), JSON_TYPE),
    "www_authenticate_only": (401, "", "text/plain"),
}


def instead_of_token_answer(fault: str) -> Response:
    """The whole answer that the switch value names; nothing was processed."""
    if fault in _BODIES:
        status, body, kind = _BODIES[fault]
        answer = Response(body, status, content_type=kind)
        if status == 401:
            answer.headers["WWW-Authenticate"] = 'Basic realm="demo", error="invalid_client"'
        return answer
    if fault == "truncated":
        body = json.dumps(PRETENDED)
        answer = Response(body[: len(body) // 2], content_type=JSON_TYPE)
        answer.headers["Content-Length"] = str(len(body))
        return answer
    if fault == "redirect":
        return Response("", 307, {"Location": "/moved-token"})
    if fault.isdigit():
        return Response("The demo provider was told to fail.\n", int(fault), content_type="text/plain")
    status = STATUS_OF_ERROR.get(fault, 400)
    return Response(_error(fault, error_description="a fault switch is on"), status, content_type=JSON_TYPE)


def _set_raw(members: dict[str, Any], name: str, value: str | None) -> None:
    """`absent` removes the member, any other value is JSON or text."""
    if value is None:
        return
    if value == "absent":
        members.pop(name, None)
    else:
        members[name] = {"null": None, "empty": ""}.get(value, value)


def change_token_answer(demo: Demo, answer: Response, *, refreshed: bool) -> None:
    """Apply the switches that change members of a genuine token answer."""
    members: dict[str, Any] = answer.get_json()
    faults, tokens = demo.faults, demo.store.tokens
    # None for what a token exchange issues that is no access token.
    access = tokens.get(members["access_token"])
    if (lifetime := faults.take("expires_in")) is not None:
        members.pop("expires_in", None)
        if lifetime != "absent":
            members["expires_in"] = json.loads(lifetime)
    _set_raw(members, "token_type", faults.take("token_type"))
    if (scope := faults.take("scope")) is not None:
        _set_raw(members, "scope", scope)
        if access is not None and scope != "absent":
            access.scope = "" if scope == "empty" else scope
    if "issued_token_type" in members:
        _set_raw(members, "issued_token_type", faults.take("issued_token_type"))
    switch = faults.take("refresh_token" if refreshed else "first_refresh_token")
    if switch is not None:
        tokens.pop(members.get("refresh_token", ""), None)
        _set_raw(members, "refresh_token", switch)
    if faults.take("extra_member"):
        members |= {"not_before_policy": 0, "session_state": "demo", "nested": {"deep": [1, None]}}
    answer.set_data(json.dumps(members))
    form = faults.take("form_answer")
    if form == "always" or (form and "application/json" not in request.headers.get("Accept", "")):
        answer.set_data(urlencode(members))
        answer.mimetype = "application/x-www-form-urlencoded"


def change_device_answer(demo: Demo, answer: Response, fault: str | None) -> None:
    """Apply the switches `device` and `interval` to a genuine device authorization answer."""
    members: dict[str, Any] = answer.get_json()
    if (interval := demo.faults.take("interval")) is not None:
        members.pop("interval", None)
        if interval != "absent":
            members["interval"] = json.loads(interval)
    match fault:
        case "number_device_code":
            members["device_code"] = 7
        case "number_user_code":
            members["user_code"] = 7
        case "text_expires_in":
            members["expires_in"] = "soon"
        case "null_verification_uri":
            members["verification_uri"] = None
        case "verification_url":
            members["verification_url"] = members.pop("verification_uri")
        case "lower_user_code":
            members["user_code"] = members["user_code"].lower()
        case "spaced_user_code":
            members["user_code"] = members["user_code"].replace("-", " ")
        case "javascript_uri":
            members["verification_uri"] = members["verification_uri_complete"] = "javascript:alert(1)"
        case "http_uri":
            members["verification_uri"] = members["verification_uri_complete"] = "http://somebody-else.invalid/device"
        case str():
            members.pop(fault.removeprefix("no_"), None)
    answer.set_data(json.dumps(members))
