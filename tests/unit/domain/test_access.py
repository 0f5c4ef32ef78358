"""Who may have a token: rules, grants, the default, and programs that are no identity."""

import pytest

from tokenkeep.domain.access import (
    OWN_WINDOW,
    AccessRule,
    Application,
    Carried,
    Decision,
    Grant,
    Holding,
    allowed_part,
    decide,
)

GIT = Application(executable="/usr/bin/git", pid=7)
SCRIPT = Application(executable="/usr/bin/python3.11", script="/home/ada/eval.py", pid=8)
SHELL = Application(executable="/bin/bash", pid=9, login_session="tty:pts/1")


def grant(
    application: Application, decision: Decision, *, at: float = 1.0, until: float | None = None, **rest
) -> Grant:
    return Grant("g", application.key, application.name, "github", decision, Holding.ALWAYS, at, until, **rest)


def ask(
    rules=(),
    grants=(),
    default=Decision.ASK,
    application=GIT,
    provider="github",
    scope=(),
    resource=(),
    audience=(),
    purpose="token",
):
    carried = Carried(scope, resource, audience)
    return decide(rules, grants, default, application, provider, carried=carried, wall=100.0, purpose=purpose)


def test_without_rule_and_grant_the_default_holds() -> None:
    assert ask() is Decision.ASK
    assert ask(default=Decision.DENY) is Decision.DENY


def test_the_first_matching_rule_wins_over_later_ones_and_over_grants() -> None:
    rules = [
        AccessRule(Decision.DENY, "github", app="/usr/bin/git"),
        AccessRule(Decision.ALLOW, "*", app="/usr/bin/git"),
    ]
    assert ask(rules, [grant(GIT, Decision.ALLOW)]) is Decision.DENY
    assert ask(rules, provider="other") is Decision.ALLOW


@pytest.mark.parametrize(
    "rule",
    [
        AccessRule(Decision.ALLOW, "github", app="/usr/local/bin/git"),
        AccessRule(Decision.ALLOW, "gitlab", app="/usr/bin/git"),
        AccessRule(Decision.ALLOW, "github", script="/usr/bin/git"),
        AccessRule(Decision.ALLOW, "github", socket="restricted"),
        AccessRule(Decision.ALLOW, "github", app="/usr/bin/git", scope=("read",)),
    ],
)
def test_a_rule_about_something_else_does_not_match(rule: AccessRule) -> None:
    assert ask([rule], scope=("repo",)) is Decision.ASK


def test_a_yes_for_a_scope_holds_for_tokens_that_carry_no_more() -> None:
    rule = AccessRule(Decision.ALLOW, "github", app="/usr/bin/git", scope=("read", "write"))
    assert ask([rule], scope=("read",)) is Decision.ALLOW
    assert ask([rule], scope=("read", "admin")) is Decision.ASK
    assert ask([rule], scope=()) is Decision.ASK, "nobody knows what it carries"


@pytest.mark.parametrize("decision", [Decision.DENY, Decision.ASK])
def test_a_no_for_a_scope_holds_for_tokens_that_carry_it_among_others(decision: Decision) -> None:
    rules = [
        AccessRule(decision, "github", app="/usr/bin/git", scope=("admin",)),
        AccessRule(Decision.ALLOW, "github", app="/usr/bin/git"),
    ]
    assert ask(rules, scope=("read", "admin")) is decision
    assert ask(rules, scope=()) is decision, "nobody knows what it carries"
    assert ask(rules, scope=("read",)) is Decision.ALLOW


@pytest.mark.parametrize(
    ("narrow", "token", "other"),
    [
        ({"resource": ("https://a.example",)}, {"resource": ("https://a.example",)}, {"resource": ("https://b",)}),
        ({"audience": "a"}, {"audience": ("a",)}, {"audience": ("b",)}),
    ],
)
def test_RES_2_a_yes_or_no_for_a_resource_or_audience_is_about_tokens_for_it(narrow, token, other) -> None:
    yes, no = (AccessRule(decision, app="/usr/bin/git", **narrow) for decision in (Decision.ALLOW, Decision.DENY))
    assert (ask([yes], **token), ask([no], **token)) == (Decision.ALLOW, Decision.DENY)
    assert (ask([yes], **other), ask([no], **other)) == (Decision.ASK, Decision.ASK)
    assert (ask([yes]), ask([no])) == (Decision.ASK, Decision.DENY), "nobody knows what the token is for"


def part(rules=(), grants=(), **carried):
    return allowed_part(rules, grants, GIT, "github", carried=Carried(**carried), wall=100.0)


def test_RES_2_a_narrower_yes_leaves_that_part_of_the_token() -> None:
    read = AccessRule(Decision.ALLOW, "github", app="/usr/bin/git", scope=("read", "more"))
    assert part([read], scope=("read", "admin")) == Carried(("read",))
    assert part([read], scope=("admin",)) is None
    assert part([AccessRule(Decision.ALLOW, "gitlab", scope=("read",))], scope=("read", "admin")) is None
    of_a = AccessRule(Decision.ALLOW, "github", resource=("https://a",))
    assert part([of_a], resource=("https://a", "https://b")) == Carried(resource=("https://a",))
    assert part([of_a], resource=("https://b",)) is None
    assert part([of_a]) is None, "a sign-in for no resource is for none in particular"


def test_RES_2_what_comes_first_about_the_whole_leaves_no_part() -> None:
    read = AccessRule(Decision.ALLOW, "github", scope=("read",))
    for decision in (Decision.DENY, Decision.ASK):
        assert part([AccessRule(decision, "github", scope=("admin",)), read], scope=("read", "admin")) is None
    assert part([read, AccessRule(Decision.DENY, "github")], scope=("read", "admin")) == Carried(("read",))


def test_RES_2_the_latest_grant_says_which_part() -> None:
    narrow = grant(GIT, Decision.ALLOW, scope=("read",))
    assert part(grants=[narrow], scope=("read", "admin")) == Carried(("read",))
    assert part(grants=[narrow, grant(GIT, Decision.DENY, at=2.0)], scope=("read", "admin")) is None
    assert part(grants=[grant(GIT, Decision.ALLOW, until=100.0, scope=("read",))], scope=("read", "admin")) is None
    of_a = grant(GIT, Decision.ALLOW, resource=("https://a",))
    assert ask(grants=[of_a], resource=("https://a",)) is Decision.ALLOW
    assert ask(grants=[of_a], resource=("https://b",)) is Decision.ASK


def test_a_programs_name_is_one_plain_line_whatever_its_file_is_called() -> None:
    odd = Application(executable="/tmp/TokenKeep update\nPress Allow \u202e\udcff", pid=1)
    assert odd.name == "TokenKeep update\ufffdPress Allow \ufffd\ufffd"
    assert odd.key == ("app", odd.executable), "a grant is for the file itself"


def test_a_grant_ends_with_its_time_and_covers_no_wider_scope() -> None:
    assert ask(grants=[grant(GIT, Decision.ALLOW, until=101.0)]) is Decision.ALLOW
    assert ask(grants=[grant(GIT, Decision.ALLOW, until=100.0)]) is Decision.ASK
    narrow = grant(GIT, Decision.ALLOW, scope=("read",))
    assert ask(grants=[narrow], scope=("read",)) is Decision.ALLOW
    assert ask(grants=[narrow], scope=("read", "write")) is Decision.ASK


def test_a_yes_to_some_of_it_is_none_to_what_nobody_knows() -> None:
    """Before a sign-in nobody knows what its token will carry; what was said no to may be in it."""
    narrow = [grant(GIT, Decision.ALLOW, scope=("read",)), grant(GIT, Decision.ALLOW, resource=("https://a.example",))]
    assert [ask(grants=[one]) for one in narrow] == [Decision.ASK, Decision.ASK]
    refused = [grant(GIT, Decision.DENY, scope=("read",)), grant(GIT, Decision.DENY, resource=("https://a.example",))]
    assert [ask(grants=[one]) for one in refused] == [Decision.DENY, Decision.DENY]


def test_the_latest_answer_of_a_person_holds() -> None:
    answers = [grant(GIT, Decision.ALLOW, at=1.0), grant(GIT, Decision.DENY, at=2.0)]
    assert ask(grants=answers) is Decision.DENY


def test_a_grant_for_tokens_is_no_right_to_manage() -> None:
    assert ask(grants=[grant(GIT, Decision.ALLOW)], purpose="manage") is Decision.ASK
    rules = [AccessRule(Decision.ALLOW, "*", app="/usr/bin/git")]
    assert ask(rules, purpose="manage", provider="*") is Decision.ASK


def test_our_own_window_is_never_asked() -> None:
    assert ask(application=OWN_WINDOW, default=Decision.DENY) is Decision.ALLOW


@pytest.mark.parametrize(
    ("application", "identified", "name"),
    [
        (GIT, True, "git"),
        (SCRIPT, True, "eval.py"),
        (SHELL, False, "bash"),
        (Application(executable="/usr/bin/python3.11", pid=1), False, "python3.11"),
        (Application(executable="/usr/bin/sudo", pid=1), False, "sudo"),
        (Application(executable="/usr/bin/pypy3.10", pid=1), False, "pypy3.10"),
        (Application(executable="/usr/bin/guile-3.0", pid=1), False, "guile-3.0"),
        (Application(executable="/lib64/ld-linux-x86-64.so.2", pid=1), False, "ld-linux-x86-64.so.2"),
        (Application(pid=12), False, "process 12"),
    ],
)
def test_AGENT_8_shells_and_interpreters_are_no_identity(application: Application, identified: bool, name: str) -> None:
    assert application.identified is identified
    assert application.name == name


def test_AGENT_8_a_grant_for_a_shell_holds_for_its_login_session_and_for_a_script_by_the_script() -> None:
    assert SHELL.key == ("session", "tty:pts/1")
    assert SCRIPT.key == ("script", "/home/ada/eval.py")
    elsewhere = Application(executable="/bin/bash", pid=10, login_session="tty:pts/2")
    assert ask(grants=[grant(SHELL, Decision.ALLOW)], application=elsewhere) is Decision.ASK
