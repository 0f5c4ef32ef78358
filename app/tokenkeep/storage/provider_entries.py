"""The entries `[providers.ID]`: filled from their presets, checked, and refused one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.issuers import issuer_conflicts
from tokenkeep.domain.machine import chain_faults, fault_of
from tokenkeep.domain.provider import ENDPOINTS, PROVIDER_ID, AnyProvider, BrokenProvider, Flow, Provider
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.complaints import Complaint, complaints
from tokenkeep.storage.toml_lines import Path

REGISTERED_FLOWS = (Flow.AUTHORIZATION_CODE, Flow.DEVICE_CODE, Flow.CLIENT_CREDENTIALS)


def read_providers(
    entries: Mapping[str, Any], catalogue: Catalogue, lines: Mapping[Path, int], file: str
) -> dict[str, AnyProvider]:
    """All providers in the order of the file; one that cannot work says why.

    :param file: what messages call the file.
    """
    found = {id_: read_provider(id_, entry, catalogue) for id_, entry in entries.items()}
    conflicts = issuer_conflicts(one for one in found.values() if isinstance(one, Provider))
    found |= {id_: Complaint(("providers", id_, one.key), one.sentence) for id_, one in conflicts.items()}

    def broken(id_: str, complaint: Complaint) -> BrokenProvider:
        entry = entries[id_]
        name = entry.get("name", "") if isinstance(entry, dict) else ""
        line = complaint.line(lines)
        return BrokenProvider(
            id=id_,
            name=name if isinstance(name, str) else "",
            reason=complaint.sentence(file, line),
            key=complaint.dotted,
            line=line,
        )

    providers: dict[str, AnyProvider] = {
        id_: broken(id_, provider) if isinstance(provider, Complaint) else provider for id_, provider in found.items()
    }
    chains = {
        id_: broken(id_, Complaint(("providers", id_, fault.key), fault.sentence))
        for id_, fault in chain_faults(providers.values()).items()
    }
    return providers | chains


def read_provider(id_: str, entry: object, catalogue: Catalogue) -> Provider | Complaint:
    """One entry, or the first thing that is wrong with it."""
    at: Path = ("providers", id_)
    if not isinstance(entry, dict):
        return Complaint(at, f"a provider is a section, written [providers.{id_}]")
    if not PROVIDER_ID.fullmatch(id_):
        return Complaint(
            at, "a provider's id is lower-case letters, digits and dashes, at most 63, not beginning with -"
        )
    if "id" in entry:
        return Complaint((*at, "id"), f"[providers.{id_}] has no key `id`; the section's name is the id")
    filled: dict[str, Any] = entry
    if "preset" in entry:
        if not isinstance(entry["preset"], str):
            return Complaint((*at, "preset"), "`preset` must be a text in quotes")
        try:
            filled = catalogue.apply(entry["preset"], entry)
        except Misconfigured as error:
            return Complaint((*at, error.key or "preset"), error.detail.rstrip("."))
    try:
        provider = Provider.model_validate({**filled, "id": id_})
    except ValidationError as error:
        found = complaints(error, Provider, filled, at)
        return min(found, key=lambda one: len(one.key) == len(at))  # one that names a key says more
    return _incomplete(provider, at) or provider


def _incomplete(provider: Provider, at: Path) -> Complaint | None:
    """What every sign-in of this entry would fail for."""
    if provider.flow is Flow.STATIC:
        return _faulty(provider, at)
    if not provider.issuer and not provider.complete:
        needed = [name for name in ENDPOINTS[:2] if provider.flow is Flow.AUTHORIZATION_CODE or name != ENDPOINTS[0]]
        if provider.flow is Flow.DEVICE_CODE:
            needed.append(ENDPOINTS[2])
        return Complaint(at, f"[{'.'.join(map(str, at))}] needs `issuer`, or {' and '.join(f'`{n}`' for n in needed)}")
    if not provider.client_id and not provider.registration and provider.flow in REGISTERED_FLOWS:
        return Complaint(at, f'[{".".join(map(str, at))}] needs `client_id`, or registration = "auto"')
    return _faulty(provider, at)


def _faulty(provider: Provider, at: Path) -> Complaint | None:
    fault = fault_of(provider)
    return None if fault is None else Complaint((*at, fault.key) if fault.key else at, fault.sentence)
