"""Communities that are one person's page."""

from __future__ import annotations

import pytest

from corpus.privacy.personal_pages import find_owner


@pytest.mark.parametrize(
    ("community", "owner"),
    [
        ("u_rosafinch", "rosafinch"),
        ("r/u_rosafinch", "rosafinch"),
        ("/u/rosafinch", "rosafinch"),
        ("user/rosafinch", "rosafinch"),
        ("profile:rosafinch", "rosafinch"),
        ("@rosafinch", "rosafinch"),
        ("@rosafinch@tea.example", "rosafinch@tea.example"),
        ("wall12345", "12345"),
        ("id12345", "12345"),
        ("https://tea.example/@rosafinch", "rosafinch"),
        ("https://www.facebook.com/rosa.finch", "rosa.finch"),
        ("facebook.com/profile.php?id=12345", "12345"),
        ("vk.com/id12345", "id12345"),
        ("https://bsky.app/profile/rosa.example", "rosa.example"),
        ("https://t.me/rosafinch", "rosafinch"),
    ],
)
def test_pages_of_people_are_found(community: str, owner: str) -> None:
    assert find_owner(community) == owner


@pytest.mark.parametrize(
    "community",
    [
        "AskHistorians",
        "r/tea",
        "tea@forum.example",
        "!tea@forum.example",
        "forum.example/community/12",
        "cooking.stackexchange.com",
        "pol",
        "Tea lovers of Ghent",
        "https://www.facebook.com/groups/tea",
        "https://vk.com/club123",
        "user experience",
        "usergroup",
        "idaho",
    ],
)
def test_other_communities_are_not(community: str) -> None:
    assert find_owner(community) is None
