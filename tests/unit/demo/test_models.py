"""The demo provider's API for language models: plain and streamed answers behind a token."""

import json
from typing import Any

import pytest
import requests

from support.demo_provider import DemoProvider


def base(provider: DemoProvider) -> str:
    return provider.resource.removesuffix("/api") + "/v1"


def ask(provider: DemoProvider, token: str | None, body: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(f"{base(provider)}/chat/completions", json=body, headers=headers, timeout=60)


def question(text: Any = "How are you?", **more: object) -> dict[str, object]:
    return {"model": "glm-5", "messages": [{"role": "user", "content": text}]} | more


@pytest.fixture
def token(demo_provider: DemoProvider) -> str:
    return str(demo_provider.tokens(scope="openid models:use")["access_token"])


def test_RES_2_the_models_are_listed_for_their_scope_alone(demo_provider: DemoProvider, token: str) -> None:
    url = f"{base(demo_provider)}/models"
    listed = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60).json()
    assert listed["object"] == "list"
    assert {"glm-5", "gpt-4o-mini"} <= {model["id"] for model in listed["data"]}
    other = demo_provider.tokens(scope="openid notes:read")["access_token"]
    refused = requests.get(url, headers={"Authorization": f"Bearer {other}"}, timeout=60)
    assert refused.status_code == 403
    assert 'scope="models:use"' in refused.headers["WWW-Authenticate"]


def test_WWW_3_without_a_token_the_challenge_names_the_metadata(demo_provider: DemoProvider) -> None:
    refused = ask(demo_provider, None, question())
    assert refused.status_code == 401
    metadata = refused.headers["WWW-Authenticate"].split('resource_metadata="')[1].split('"')[0]
    document = requests.get(metadata, timeout=60).json()
    assert document["resource"] == f"{base(demo_provider)}/chat/completions"
    assert document["scopes_supported"] == ["models:use"]


def test_a_plain_answer_repeats_the_question(demo_provider: DemoProvider, token: str) -> None:
    parts = [{"type": "text", "text": "How are"}, {"type": "image_url"}, {"type": "text", "text": "you?"}]
    answers = [ask(demo_provider, token, question(text)).json() for text in ("How are you?", parts)]
    assert answers[0] == answers[1]
    assert answers[0]["choices"][0]["message"]["content"] == "demo-ada said: How are you?"
    assert answers[0]["usage"]["prompt_tokens"] == 3


def test_a_streamed_answer_has_the_same_text(demo_provider: DemoProvider, token: str) -> None:
    answer = ask(demo_provider, token, question(stream=True))
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert events.pop() == "[DONE]"
    deltas = [json.loads(event)["choices"][0] for event in events]
    assert "".join(delta["delta"].get("content", "") for delta in deltas) == "demo-ada said: How are you?"
    assert deltas[-1]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({}, 400),
        (question() | {"messages": []}, 400),
        (question() | {"messages": ["x"]}, 400),
        (question(7), 400),
        (question() | {"model": "unknown"}, 404),
    ],
)
def test_bad_questions_are_refused_in_the_APIs_own_form(
    demo_provider: DemoProvider, token: str, body: object, status: int
) -> None:
    answer = ask(demo_provider, token, body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
