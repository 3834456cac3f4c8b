"""How many examples a property test tries: few in ``make test``, many in ``make test-all``."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

#: A busy machine is slow and that is no fault: nothing here is timed.
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
#: Of 100 examples in ``make test-all``, ``make test`` tries this many.
_QUICK = 10


def register_profiles() -> None:
    """Register the profiles: ``quick`` by default, ``wide`` by pytest's --hypothesis-profile."""
    settings.register_profile("quick", max_examples=_QUICK, derandomize=True, **_UNTIMED)
    settings.register_profile("wide", max_examples=100, **_UNTIMED)
    settings.load_profile("quick")


def is_wide() -> bool:
    """Whether ``make test-all`` runs, which takes the time to try everything."""
    return settings().max_examples == 100


def examples(count: int) -> int:
    """Return how many of ``count`` examples the profile tries."""
    return max(5, count * settings().max_examples // 100)
