"""Google: the device answer says `verification_url`."""

from __future__ import annotations

from tokenkeep.oauth.quirks import Quirks

QUIRKS = Quirks(verification_url=True)
