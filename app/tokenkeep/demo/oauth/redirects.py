"""Redirects of the authorization endpoint: 303, always with `iss`, changed only by fault switches."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Response, render_template

from tokenkeep.demo.context import Demo
from tokenkeep.demo.web.log import note

MARKUP = '<script>document.title="CANARY"</script>\r\nSet-Cookie: canary=1'


def _spelled_otherwise(issuer: str, fault: str) -> str:
    """Values that a careless URL comparison would call equal to the issuer, and one that is not (RESP-3)."""
    return {
        "wrong": "https://somebody-else.invalid",
        "slash": issuer + "/",
        "upper": issuer.replace("http:", "HTTP:"),
        "port": issuer.rpartition(":")[0] + ":0" + issuer.rpartition(":")[2],
        "encoded": issuer.replace("127.", "%3127.", 1),
    }[fault]


class Redirects:
    """Makes the redirect answers of one demo provider."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    def to(self, location: str) -> Response:
        """303, so that the browser never repeats a form to the target (RFC 9700 §4.12)."""
        return Response("", 303, {"Location": location})

    def fail(self, redirect_uri: str, fault: str, state: str | None) -> Response:
        """The answer that the `authorize` switch asks for."""
        if fault == "error_page":
            text = "The demo provider was told to stop here."
            return Response(render_template("error.html", title="Nothing goes back", text=text, stopped=True), 400)
        described = {"error": "access_denied", "error_description": MARKUP} if fault == "markup" else {"error": fault}
        if state:
            described["state"] = state
        return self.finish(f"{redirect_uri}?{urlencode(described)}")

    def finish(self, location: str) -> Response:
        """An authorization response to the client, with `iss` and with the active faults applied."""
        parts = urlsplit(location)
        params = [*parse_qsl(parts.query, keep_blank_values=True), ("iss", self._demo.issuer)]
        for name in ("iss", "state", "code", "extra", "dup"):
            fault = self._demo.faults.take(name)
            if fault is not None:
                note(fault=f"{name}={fault}")
                params = self._apply(name, fault, params)
        return self.to(urlunsplit(parts._replace(query=urlencode(params))))

    def _apply(self, name: str, fault: str, params: list[tuple[str, str]]) -> list[tuple[str, str]]:
        if name == "dup":
            return [*params, *((key, value) for key, value in params if key == fault)]
        if name == "extra":
            return [*params, ("session_state" if fault == "unknown" else fault, "demo-extra")]
        if fault == "missing":
            return [(key, value) for key, value in params if key != name]
        if fault == "with_error":
            return [*params, ("error", "access_denied")]

        def changed(value: str) -> str:
            if fault == "empty":
                return ""
            if name == "iss":
                return _spelled_otherwise(value, fault)
            return value.swapcase() if fault == "upper" else "not-the-state"

        return [(key, changed(value) if key == name else value) for key, value in params]
