"""Where the socket is: the same rule as the application's, written for programs that import nothing."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def socket_path(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """The path of the socket, or the name of the pipe on Windows.

    `TOKENKEEP_SOCKET` names it outright, `TOKENKEEP_HOME` the folder that everything is under.
    """
    if named := environ.get("TOKENKEEP_SOCKET"):
        return named
    if platform == "win32":
        from tokenkeep.client.windows import pipe_name

        return pipe_name()
    if home := environ.get("TOKENKEEP_HOME"):
        folder = os.path.abspath(os.path.expanduser(home))  # noqa: PTH100, PTH111 - pathlib is slow to import
        return f"{folder}/run/api.sock"
    user = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    if platform == "darwin":
        return f"{user}/Library/Caches/TokenKeep/api.sock"
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):  # the XDG base directory specification: a relative path is invalid and ignored
        return f"{runtime}/tokenkeep/api.sock"
    state = environ.get("XDG_STATE_HOME", "")
    return f"{state if state.startswith('/') else user + '/.local/state'}/tokenkeep/run/api.sock"
