"""What works without a running application: `config`, `doctor` and the checks of servers."""

from __future__ import annotations

import argparse

from tokenkeep.cli import output
from tokenkeep.cli.exits import DONE, FAILED, say
from tokenkeep.domain.check import CheckReport
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.errors import Misconfigured, UnknownProvider
from tokenkeep.domain.provider import BrokenProvider, Provider
from tokenkeep.domain.session import ConfigurationProblem
from tokenkeep.storage import settings
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.paths import Paths


def config(options: argparse.Namespace) -> int:
    """Where the configuration is, or what is wrong with it."""
    paths = Paths.find()
    if options.what == "path":
        if options.json:
            output.print_json({"path": str(paths.config_file), "exists": paths.config_file.exists()})
        else:
            print(paths.config_file)
        return DONE
    found = settings.read(paths.config_file, Catalogue.load())
    if options.what == "client-metadata":
        return _client_metadata(found)
    broken = [one for one in found.providers.values() if isinstance(one, BrokenProvider)]
    told = [*found.problems, *(ConfigurationProblem(one.reason, one.key, one.line) for one in broken)]
    problems = [{"message": each.message, "key": each.key, "line": each.line} for each in told]
    if options.json:
        output.print_json({"path": str(paths.config_file), "problems": problems})
        return FAILED if problems else DONE
    for each in told:
        place = f"{paths.config_file}:{each.line}" if each.line is not None else str(paths.config_file)
        say(f"{place}: {each.message}")
    if not problems:
        count = len(found.providers)
        written = "" if paths.config_file.exists() else " There is no file yet, so the defaults hold."
        print(f"The configuration is good: {count} provider{'' if count == 1 else 's'}.{written}")
    return FAILED if problems else DONE


def _client_metadata(configuration: Configuration) -> int:
    """Print the document to publish at `[app] client_metadata_url`."""
    from tokenkeep.oauth import client_metadata

    url = configuration.app.client_metadata_url
    if not url:
        say("Say first where the document is to lie: `client_metadata_url` in [app], an https address of yours.")
        return FAILED
    entries = [one for one in configuration.providers.values() if isinstance(one, Provider)]
    ports = [port for one in entries if one.registration == "auto" for port in one.redirect_ports]
    document = client_metadata.document(url, ports)
    faults = client_metadata.faults(document, url)
    output.print_json(document)
    for fault in faults:
        say(f"The document cannot be used as it is: {fault}.")
    return FAILED if faults else DONE


def doctor(options: argparse.Namespace) -> int:
    """The report on the environment; fails when something keeps TokenKeep from working."""
    from tokenkeep.cli.doctor import examine

    checks = examine(Paths.find())
    if options.json:
        output.print_json(
            {"checks": [{"name": each.name, "outcome": each.outcome, "detail": each.detail} for each in checks]}
        )
    else:
        rows = [(each.name, each.outcome, each.detail) for each in checks]
        size = max(len(name) for name, _, _ in rows)
        for name, outcome, detail in rows:
            word = output.paint(f"{outcome:<7}", output.STATE_COLOURS.get(outcome, ""))
            print(f"{name:<{size}}  {word}  {output.plain(detail)}")
    return FAILED if any(each.outcome == "problem" for each in checks) else DONE


def check(provider: str = "", url: str = "") -> CheckReport:
    """The report of `tokenkeep check`, made in this process with what `config.toml` says.

    :param provider: its id; or
    :param url: an address.
    :raises TokenKeepError: there is nothing of that name, or nothing to check.
    """
    from tokenkeep.bootstrap import http_transport
    from tokenkeep.oauth.check import check_provider, check_resource
    from tokenkeep.system.clock import SystemClock

    configuration = settings.read(Paths.find().config_file, Catalogue.load())
    clock = SystemClock()
    transport = http_transport(configuration.http, clock)
    if url:
        return check_resource(transport, url, wall=clock.wall())
    entry = configuration.providers.get(provider)
    if entry is None:
        raise UnknownProvider(
            f"No provider is called {provider!r}.", hint="`tokenkeep config path` says where providers are set up."
        )
    if isinstance(entry, BrokenProvider):
        raise Misconfigured(entry.reason, key=entry.key, line=entry.line, provider=entry.id)
    return check_provider(transport, entry, wall=clock.wall())
