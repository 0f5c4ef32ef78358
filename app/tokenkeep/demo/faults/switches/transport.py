"""Switches of the connection and of HTTP itself; each holds for all addresses or, with `@/path`, for one."""

from tokenkeep.demo.faults.switch import Fault, switch


def _everywhere(name: str, values: str, effect: str, requirements: str) -> Fault:
    return switch(name, values, effect, requirements, per_path=True)


SWITCHES = (
    _everywhere(
        "network",
        """
        refuse stall stall:NUMBER cut cut:NUMBER reset reset:NUMBER drip:NUMBER slow_body:NUMBER
        """,
        "The connection itself. refuse: nobody listens. stall, cut, reset: the request is not processed and never "
        "answered, the connection closed, or reset; with a number the request is processed and this happens after so "
        "many bytes of the answer. drip: one byte of the answer every so many seconds. slow_body: so is the body "
        "alone. Waits end when the switch goes off. /faults and /log are spared.",
        "TOK-9 REF-1 REF-5 REF-8 DEV-4 META-4 META-5 NET-5 REV-2 OIDC-7 OIDC-9 LOOP-6 TOK-3",
    ),
    _everywhere(
        "redirect",
        "301 302 303 307 308 301:same 302:same 303:same 307:same 308:same",
        "A redirect to an address of another host that counts connections in the log (trap.connection), or with :same "
        "to an address of this one.",
        "NET-4 META-5 OIDC-7 OIDC-9 REV-2",
    ),
    _everywhere(
        "gzip",
        "good broken bomb",
        "The answer is compressed: rightly, into something that cannot be unpacked, or into little that unpacks to 64 "
        "MiB.",
        "NET-5 TOK-3 META-5",
    ),
    _everywhere(
        "set_cookie",
        "on",
        "The answer sets a cookie; requests that bring it back are counted in the log (PATH.cookie_replayed).",
        "NET-5",
    ),
    _everywhere(
        "cache_control",
        "TEXT",
        "The Cache-Control header of good answers, with an ETag that If-None-Match is answered 304 by.",
        "META-7",
    ),
    _everywhere(
        "date",
        "SIGNED",
        "The Date header is so many seconds ahead, or behind.",
        "OIDC-5 GRANT-2 REF-5",
    ),
    switch(
        "clock",
        "SIGNED",
        "The server's clock is so many seconds ahead, or behind: in the Date header, the times in id_tokens, "
        "and the checks of assertions.",
        "OIDC-5 GRANT-2",
    ),
)
