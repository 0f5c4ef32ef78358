"""Where everything lies: configuration, vault, logs and socket."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = "tokenkeep"


@dataclass(frozen=True, slots=True)
class Paths:
    """The places of one set-up; two set-ups (demo, portable, the person's own) share none of them.

    :param runtime_dir: the folder of the socket when it is not overridden.
    """

    config_dir: Path
    config_file: Path
    data_dir: Path
    vault_file: Path
    log_dir: Path
    runtime_dir: Path
    socket: Path

    @classmethod
    def find(cls, home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Paths:
        """The places as the command line, the environment and the platform say, in this order.

        :param home: one folder for everything (`--config DIR`); else `TOKENKEEP_HOME`, else the platform's places.
            `TOKENKEEP_SOCKET` overrides the socket in all cases.
        """
        if home is None and environ.get("TOKENKEEP_HOME"):
            home = Path(environ["TOKENKEEP_HOME"])
        if home is not None:
            home = Path(os.path.abspath(home.expanduser()))  # noqa: PTH100 - a link to the folder stays a link
            return cls._of(home, home, home / "log", home / "run", environ)
        if sys.platform in ("darwin", "win32"):
            return cls._from_platform(environ)
        user = Path(environ.get("HOME") or Path.home())
        state = _base(environ, "XDG_STATE_HOME", user / ".local/state") / NAME
        runtime = environ.get("XDG_RUNTIME_DIR", "")
        return cls._of(
            _base(environ, "XDG_CONFIG_HOME", user / ".config") / NAME,
            _base(environ, "XDG_DATA_HOME", user / ".local/share") / NAME,
            state / "log",
            Path(runtime) / NAME if Path(runtime).is_absolute() else state / "run",
            environ,
        )

    @classmethod
    def _from_platform(cls, environ: Mapping[str, str]) -> Paths:
        import platformdirs

        places = platformdirs.PlatformDirs("TokenKeep", appauthor=False)
        return cls._of(
            places.user_config_path, places.user_data_path, places.user_log_path, places.user_cache_path, environ
        )

    @classmethod
    def _of(cls, config: Path, data: Path, log: Path, runtime: Path, environ: Mapping[str, str]) -> Paths:
        override = environ.get("TOKENKEEP_SOCKET")
        return cls(
            config_dir=config,
            config_file=config / "config.toml",
            data_dir=data,
            vault_file=data / "vault.db",
            log_dir=log,
            runtime_dir=runtime,
            socket=Path(override) if override else runtime / "api.sock",
        )


def _base(environ: Mapping[str, str], name: str, default: Path) -> Path:
    """A base directory; a relative one is to be ignored (XDG Base Directory Specification)."""
    value = environ.get(name, "")
    return Path(value) if Path(value).is_absolute() else default
