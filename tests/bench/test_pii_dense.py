"""Redaction of texts of nothing but details, of each entity, takes linear time."""

from __future__ import annotations

import pytest

from bench.speed import pii_dense


@pytest.mark.slow
@pytest.mark.parametrize("entity", pii_dense.DETAILS)
def test_redaction_takes_linear_time_for_nothing_but_details(entity: str) -> None:
    redact = pii_dense.build_filter(entity)
    small, large = (
        min(pii_dense.measure(redact, pii_dense.make_text(entity, "apart", size)) for _ in range(2))
        for size in (20_000, 100_000)
    )
    assert large < 10 * small  # a text five times as long; the square would take 25 times as long
