"""How ``bench.quality.pii_contexts`` writes details, and when it counts one as found."""

from __future__ import annotations

import random

import pytest

from bench.quality.contexts import CONTEXTS, is_left
from bench.quality.invented_details import MAKERS, Detail

ANNA = Detail("anna.s@beeswax.org", ("anna.s@beeswax.org",))


@pytest.mark.parametrize(
    ("after", "left"),
    [
        ("mail <EMAIL_ADDRESS> now", False),
        ("mail anna.s@beeswax.org now", True),
        ("mail anna.s&#64;bees\u00adwax.org now", True),
        ("mail <EMAIL_ADDRESS>wax.org now", True),
        ("mail a\u200bnn\u200ba<HANDLE> now", True),
        ("mail ann<HANDLE>.org now", False),
        ("mail **_<EMAIL_ADDRESS_abcdefghijkl>_** now", False),
    ],
)
def test_four_letters_in_a_row_of_a_detail_are_not_found(after: str, left: bool) -> None:
    assert is_left(ANNA, "mail anna.s@beeswax.org now", after) is left


def test_what_stands_beside_a_detail_is_no_part_of_it() -> None:
    page = Detail("https://t.me/finchrosa", ("finchrosa",))
    assert not is_left(page, "see https://t.me/finchrosa", "see https://t.me/<HANDLE>")
    mailer = Detail("mailer", ("mailer",))
    assert not is_left(mailer, "mail mailer", "mail <HANDLE>")


def test_every_entity_has_details_in_at_least_forty_contexts() -> None:
    rng = random.Random(3)
    for entity, make in MAKERS.items():
        details = [make(rng) for _ in range(20)]
        assert len({detail.text for detail in details}) == 20
        written = [
            context
            for context in CONTEXTS
            if any(context.write(detail, entity, rng) for detail in details)
        ]
        assert len(written) >= 40, entity
