"""The person's browser on the way of a log-out: the one-time page of ours, the provider, and the way back."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import requests

LIMIT = 60.0  # seconds, against hanging only


def open_page(url: str, http: requests.Session) -> requests.Response:
    """Go to an address as a browser does, without following redirects."""
    headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    return http.get(url, headers=headers, allow_redirects=False, timeout=LIMIT)


def form_of(page: requests.Response) -> tuple[str, dict[str, str]]:
    """Where the page's form goes, and its hidden fields."""
    form = re.search(r'<form [^>]*action="([^"]*)"', page.text)
    assert form is not None, page.text
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return urljoin(page.url, unescape(form[1])), {unescape(name): unescape(value) for name, value in fields}


def log_out(url: str, http: requests.Session, **decision: str) -> requests.Response:
    """From the address that a browser was started with to the page that the person ends on.

    :param decision: what the person answers where the provider asks.
    """
    action, fields = form_of(open_page(url, http))
    answer = http.post(action, data=fields, allow_redirects=False, timeout=LIMIT)
    if answer.status_code == 200 and decision and "<form" in answer.text:
        action, fields = form_of(answer)
        answer = http.post(action, data=fields | decision, allow_redirects=False, timeout=LIMIT)
    while answer.status_code in (302, 303):
        answer = open_page(urljoin(answer.url, answer.headers["Location"]), http)
    return answer


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
