"""Who asks for a token, what was allowed before, and what follows: rules first, then grants, then the default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    """What a rule or a person says."""

    ASK = "ask"
    ALLOW = "allow"
    DENY = "deny"


class Holding(StrEnum):
    """How long a person's answer holds."""

    ONCE = "once"
    FOR_A_WHILE = "for_a_while"
    UNTIL_QUIT = "until_quit"
    ALWAYS = "always"


# Programs that run other programs say nothing about who is asking: no answer of a person may hold for ever for
# the executable alone.
NO_IDENTITY = frozenset(
    {
        "sh", "bash", "dash", "zsh", "fish", "ksh", "tcsh", "csh", "nu", "pwsh", "busybox", "env", "sudo", "doas", "su",
        "xargs", "nohup", "setsid", "timeout", "time", "nice", "stdbuf", "watch", "tmux", "screen", "script", "ssh",
        "gnome-terminal", "gnome-terminal-server", "konsole", "xterm", "alacritty", "kitty", "foot", "wezterm",
        "python", "python3", "node", "deno", "bun", "perl", "ruby", "php", "lua", "java", "dotnet", "Rscript",
        "systemd", "init", "cron", "crond", "make", "mksh", "ash", "rbash", "elvish", "xonsh", "pypy", "luajit",
        "guile", "tclsh", "wish", "awk", "gawk", "mawk", "expect", "gdb", "lldb", "strace", "ltrace", "valgrind",
        "unshare", "nsenter", "chroot", "bwrap", "firejail", "runuser", "pkexec", "find", "parallel", "entr", "at",
        "atd", "sshd", "ptyxis-agent", "kgx", "tilix", "wezterm-gui", "dbus-daemon", "dbus-broker-launch", "electron",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Application:
    """The program behind a request, as far as the kernel can tell; advisory against programs of the same user.

    :param executable: absolute path, empty when it cannot be read.
    :param script: absolute path of the script that an interpreter runs, else empty.
    :param login_session: names the terminal or login session, for programs that have no identity of their own.
    :param own: it is our own window or command line's operator at our own window.
    """

    executable: str = ""
    script: str = ""
    pid: int = 0
    parent: str = ""
    socket: str = ""
    login_session: str = ""
    own: bool = False

    @property
    def name(self) -> str:
        """What people call it: the script's or the executable's last part."""
        return printable((self.script or self.executable).rpartition("/")[2]) or (
            f"process {self.pid}" if self.pid else "TokenKeep"
        )

    @property
    def identified(self) -> bool:
        """Whether an answer may hold for ever for it: a script, or an executable that is not a mere runner."""
        if self.script:
            return True
        base = self.executable.rpartition("/")[2]
        stem = base.rstrip("0123456789.-")
        loader = base.startswith(("ld-linux", "ld-musl", "ld.so"))  # it runs whatever file it is given
        return bool(base) and not loader and base not in NO_IDENTITY and stem not in NO_IDENTITY

    @property
    def key(self) -> tuple[str, str]:
        """What a grant is remembered for: kind and value."""
        if self.script:
            return ("script", self.script)
        if self.identified:
            return ("app", self.executable)
        return ("session", self.login_session or f"pid:{self.pid}")


OWN_WINDOW = Application(own=True)


def printable(text: str) -> str:
    """A program's name or path fit to be shown: its file may be called anything, lines and turned text included."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)


@dataclass(frozen=True, slots=True)
class Carried:
    """What a token is good for; an empty member is not known, or not limited.

    :param resource: of RFC 8707.
    """

    scope: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()


UNLIMITED = Carried()


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A program that wants a token, waiting for an answer.

    :param purpose: `token`, `id_token` or `manage`.
    :param expires_at: wall clock in seconds; without an answer by then the answer is no, this time.
    """

    id: str
    application: Application
    provider: str
    provider_name: str = ""
    account: str = ""
    scope: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    purpose: str = "token"
    expires_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """What an application may get (`Grant` of the socket API); made by a person in the window.

    :param key: kind and value as in `Application.key`.
    :param until: wall clock in seconds; None holds until quit or for ever, as `holding` says.
    """

    id: str
    key: tuple[str, str]
    name: str
    provider: str
    decision: Decision
    holding: Holding
    created_at: float
    until: float | None = None
    scope: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    purpose: str = "token"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One `[[access.rule]]` of the configuration; the first that matches wins.

    :param app: executable; `script` and `socket` are the other ways to name a program, exactly one is set.
    :param provider: id, or `*`.
    :param scope: narrows the rule: a yes to tokens that carry no more than these, anything else to those that carry
        one of them.
    :param id_token: a yes is one to the id_token too.
    :param resource: the same for the resources that the token is for (RFC 8707); `audience` for its audience.
    """

    decision: Decision
    provider: str = "*"
    app: str = ""
    script: str = ""
    socket: str = ""
    scope: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    audience: str = ""
    id_token: bool = False

    def matches(self, application: Application, provider: str, carried: Carried) -> bool:
        """Whether this rule speaks about that request; in doubt a yes does not, and a no does."""
        if not self.is_about(application, provider):
            return False
        allows = self.decision is Decision.ALLOW
        pairs = (
            (set(self.scope), set(carried.scope)),
            (set(self.resource), set(carried.resource)),
            (set(filter(None, [self.audience])), set(carried.audience)),
        )
        if allows:
            return all(not named or (bool(has) and has <= named) for named, has in pairs)
        return all(not named or not has or bool(has & named) for named, has in pairs)

    def is_about(self, application: Application, provider: str) -> bool:
        """Whether it names that program and that provider."""
        if self.provider not in ("*", provider):
            return False
        if self.app and self.app != application.executable:
            return False
        if self.script and self.script != application.script:
            return False
        return not self.socket or self.socket == application.socket

    def part_of(self, carried: Carried) -> Carried | None:
        """What a yes leaves of that token, if a narrower one can be had; None when it leaves nothing."""
        if self.audience and tuple(carried.audience) != (self.audience,):
            return None
        return _part(carried, self.scope, self.resource)


def _part(carried: Carried, scope: tuple[str, ...], resource: tuple[str, ...]) -> Carried | None:
    scopes = tuple(one for one in carried.scope if not scope or one in scope)
    resources = tuple(one for one in carried.resource if not resource or one in resource)
    if (scope and not scopes) or (resource and not resources):
        return None
    return Carried(scopes, resources, carried.audience)


def covers(grant: Grant, application: Application, provider: str, carried: Carried, wall: float, purpose: str) -> bool:
    """Whether a grant answers a request at the wall-clock time `wall`; in doubt a yes does not, and a no does."""
    pairs = ((grant.scope, carried.scope), (grant.resource, carried.resource))
    in_doubt = grant.decision is not Decision.ALLOW
    return _holds(grant, application, provider, wall, purpose) and all(
        not named or (set(has) <= set(named) if has else in_doubt) for named, has in pairs
    )


def _holds(grant: Grant, application: Application, provider: str, wall: float, purpose: str) -> bool:
    return (
        grant.purpose == purpose
        and grant.key == application.key
        and grant.provider in ("*", provider)
        and (grant.until is None or wall < grant.until)
    )


def decide(
    rules: Iterable[AccessRule],
    grants: Iterable[Grant],
    default: Decision,
    application: Application,
    provider: str,
    *,
    carried: Carried | None = None,
    wall: float,
    purpose: str = "token",
) -> Decision:
    """What is to be done with a request: first matching rule, else the latest grant, else the default.

    A yes to tokens is none to the id_token, which says who somebody is; a no is one to both.

    :param carried: what the token is good for; None when that is not known.
    """
    carried = carried or UNLIMITED
    if application.own:
        return Decision.ALLOW
    if purpose != "manage":
        for rule in rules:
            speaks = purpose == "token" or rule.id_token or rule.decision is not Decision.ALLOW
            if speaks and rule.matches(application, provider, carried):
                return rule.decision
    matching = [grant for grant in grants if covers(grant, application, provider, carried, wall, purpose)]
    if matching:
        return max(matching, key=lambda grant: grant.created_at).decision
    return default


def allowed_part(
    rules: Iterable[AccessRule],
    grants: Iterable[Grant],
    application: Application,
    provider: str,
    *,
    carried: Carried,
    wall: float,
) -> Carried | None:
    """What a program may have of a token that it may not have as a whole; None when no rule or grant says.

    The same order as in `decide`, and what comes first about this program has the say: a no or a question about the
    whole leaves no part.
    """
    for rule in rules:
        if rule.matches(application, provider, carried):
            return None
        if rule.decision is Decision.ALLOW and rule.is_about(application, provider):
            part = rule.part_of(carried)
            if part is not None:
                return part
    held = [grant for grant in grants if _holds(grant, application, provider, wall, "token")]
    if not held:
        return None
    latest = max(held, key=lambda grant: grant.created_at)
    if latest.decision is not Decision.ALLOW:
        return None
    return _part(carried, latest.scope, latest.resource)
