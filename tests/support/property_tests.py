"""How property tests run: no examples are dropped for taking long, and a failure prints what repeats it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("tokenkeep", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tokenkeep")
