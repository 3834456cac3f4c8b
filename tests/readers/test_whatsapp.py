"""WhatsApp's exports of chats as text."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import PlanError
from corpus.readers import whatsapp
from corpus.readers.contract import Batch

IOS = (
    "\ufeff[31.12.21, 23:59:59] Tea club: \u200eMessages and calls are end-to-end encrypted.\r\n"
    "[31.12.21, 23:59:59] Ada: tea: hot\r\n"
    "  and\r\n\r\nsweet\r\n"
    "\u200e[01.01.22, 00:00:01] ~\u202fBob: \u200e<attached: 00000001-PHOTO-2022.jpg>\r\n"
    "[01.01.22, 00:00:02] Bob: my cup \u200e<Anhang: 00000002-PHOTO-2022.jpg>\r\n"
    "[01.01.22, 00:00:03] Bob: \u200eimage omitted\r\n"
    "[01.01.22, 00:00:04] Bob: \u200eThis message was deleted.\r\n"
    "[01.01.22, 00:00:05] Bob: green tea \u200e<This message was edited>\r\n"
    "[01.01.22, 00:00:06] Bob: \u200eMissed voice call\r\n"
)
ANDROID = (
    "12/31/21, 11:59\u202fPM - Ada created group \"Tea: a club\"\n"
    "12/31/21, 11:59\u202fPM - Ada: tea\n"
    "1/1/22, 12:00\u202fAM - Bob: <Media omitted>\n"
    "1/1/22, 12:01\u202fAM - Bob: <Medien ausgeschlossen>\n"
    "1/1/22, 12:02\u202fAM - Bob: IMG-20220101-WA0001.jpg (file attached)\nmy cup\n"
    "1/1/22, 12:03\u202fPM - Bob: Diese Nachricht wurde gelöscht.\n"
    "1/1/22, 12:04\u202fPM - Bob: location: https://maps.google.com/?q=1,2\n"
)  # fmt: skip


def read(folder: Path, text: str | bytes, part_posts: int = 100, **settings: Any) -> list[Batch]:
    path = folder / "chat.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    config = whatsapp.Config(path=str(path), **{"consented": True, **settings})
    return list(whatsapp.read(str(path), config, part_posts))


def texts(found: Batch) -> list[str]:
    return found.posts["text"].to_list()


def times(found: Batch) -> list[datetime]:
    return found.posts["created_at"].to_list()


def test_messages_of_an_iphone_have_several_lines_and_no_attachments(tmp_path: Path) -> None:
    (found,) = read(tmp_path, IOS)
    assert found.posts.select("author", "text", "withdrawn").rows() == [
        ("Ada", "tea: hot\n  and\n\nsweet", None),
        ("Bob", "my cup", None),
        ("Bob", "", "deleted"),
        ("Bob", "green tea", None),
    ]
    assert found.skipped == {"service": 2, "media": 3}
    assert times(found)[:2] == [
        datetime(2021, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2022, 1, 1, 0, 0, 2, tzinfo=UTC),
    ]
    assert found.refused.height == 0
    assert found.posts["source_row"].to_list() == [2, 7, 9, 10]


def test_messages_of_android_have_clocks_of_twelve_hours(tmp_path: Path) -> None:
    (found,) = read(tmp_path, ANDROID)
    assert found.posts.select("author", "text", "withdrawn").rows() == [
        ("Ada", "tea", None),
        ("Bob", "my cup", None),
        ("Bob", "", "deleted"),
    ]
    assert times(found) == [
        datetime(2021, 12, 31, 23, 59, tzinfo=UTC),
        datetime(2022, 1, 1, 0, 2, tzinfo=UTC),
        datetime(2022, 1, 1, 12, 3, tzinfo=UTC),
    ]
    assert found.skipped == {"service": 1, "media": 3, "card": 1}


def test_without_consent_nothing_is_read_of_a_chat(tmp_path: Path) -> None:
    (found,) = read(tmp_path, IOS, consented=False)
    assert set(found.posts["withdrawn"]) == {"private"}
    assert set(found.posts["text"]) == {""}
    assert found.posts["author"].null_count() == found.posts.height == 8
    # The ids are those of the messages, so that this withdraws another copy of them.
    (consented,) = read(tmp_path, IOS)
    assert set(consented.posts["id"]) <= set(found.posts["id"])


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("[31/12/2021, 23:59:59] Ada: tea", (2021, 12, 31)),
        ("31/12/2021, 23:59 - Ada: tea", (2021, 12, 31)),
        ("12/31/21, 11:59 PM - Ada: tea", (2021, 12, 31)),
        ("[2021-12-31, 23:59:59] Ada: tea", (2021, 12, 31)),
        ("2021/12/31 23:59 - Ada: tea", (2021, 12, 31)),
        ("31.12.21 um 23:59 - Ada: tea", (2021, 12, 31)),
        ("31/12/21 11:59 p.\u00a0m. - Ada: tea", (2021, 12, 31)),
        ("2021. 12. 31. 오후 11:59 - Ada: tea", (2021, 12, 31)),
        ("01.02.21, 23:59 - Ada: tea", (2021, 2, 1)),
    ],
)
def test_every_form_of_a_date_is_read(tmp_path: Path, line: str, day: tuple[int, ...]) -> None:
    (found,) = read(tmp_path, line + "\n")
    (time,) = times(found)
    assert (time.year, time.month, time.day) == day and time.hour == 23
    assert texts(found) == ["tea"]


def test_the_whole_file_decides_which_number_is_the_month(tmp_path: Path) -> None:
    early, late = "01/02/2021, 10:00 - Ada: a\n", "13/02/2021, 10:00 - Ada: b\n"
    (found,) = read(tmp_path, early + late)
    assert [time.month for time in times(found)] == [2, 2]
    (found,) = read(tmp_path, early + "02/13/2021, 10:00 - Ada: b\n")
    assert [time.month for time in times(found)] == [1, 2]
    # With the month first, time would run backwards.
    (found,) = read(tmp_path, "05/01/2021, 10:00 - Ada: a\n01/02/2021, 10:00 - Ada: b\n")
    assert [time.month for time in times(found)] == [1, 2]


def test_dates_that_allow_both_orders_need_the_setting(tmp_path: Path) -> None:
    text = "01/02/2021, 10:00 - Ada: a\n"
    with pytest.raises(PlanError, match="'dates: dmy' or 'dates: mdy'"):
        read(tmp_path, text)
    months = [times(read(tmp_path, text, dates=order)[0])[0].month for order in ("dmy", "mdy")]
    assert months == [2, 1]
    (found,) = read(tmp_path, "21/02/03, 10:00 - Ada: a\n", dates="ymd", utc_offset_minutes=60)
    assert times(found) == [datetime(2021, 2, 3, 9, tzinfo=UTC)]


def test_names_and_numbers_of_mentioned_people_are_masked(tmp_path: Path) -> None:
    text = "31/12/2021, 10:00 - Ada: hi @\u2068Bob Lee\u2069, @4915112345678 and @tea\n"
    assert texts(read(tmp_path, text)[0]) == ["hi @user, @user and @tea"]
    assert "Bob Lee" in texts(read(tmp_path, text, mask_mentions=False)[0])[0]


def test_a_poll_has_its_options(tmp_path: Path) -> None:
    text = (
        "[31.12.21, 23:59:59] Ada: \u200ePOLL:\nGreen tea?\n"
        "\u200eOPTION: Yes (\u200e2 votes)\n\u200eOPTION: No (\u200e0 votes)\n"
    )
    assert texts(read(tmp_path, text)[0]) == ["Green tea?\n- Yes\n- No"]


def test_a_line_of_another_form_is_part_of_a_message(tmp_path: Path) -> None:
    text = "[31.12.21, 10:00:00] Ada: look:\n31/12/2021, 09:00 - Bob: pasted\n"
    assert texts(read(tmp_path, text)[0]) == ["look:\n31/12/2021, 09:00 - Bob: pasted"]


def test_a_damaged_message_is_refused_alone(tmp_path: Path) -> None:
    text = (
        b"tea\n31/12/2021, 10:00 - Ada: caf\xe9\nmore\n31/12/2021, 10:01 - Ada: good\n"
        b"31/12/2021, 10:02 - Ada: " + b"x" * (1 << 20) + b"\n31/12/2021, 10:03 - Ada: end\n"
    )
    (found,) = read(tmp_path, text, max_line_mb=1)
    assert texts(found) == ["good", "end"]
    assert [row[1:] for row in found.refused.rows()] == [
        (1, "no_message"), (2, "invalid_utf8"), (5, "line_too_long")
    ]  # fmt: skip


def test_a_zip_has_its_chat_read_and_what_was_sent_not(tmp_path: Path) -> None:
    path = tmp_path / "chat.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("00000001-PHOTO.jpg", b"\xff\xd8")
        archive.writestr("00000002-notes.txt", "tea\n")
        archive.writestr("_chat.txt", IOS)
    config = whatsapp.Config(path=str(path), consented=True)
    (found,) = whatsapp.read(str(path), config, 100)
    assert found.posts.height == 4 and found.skipped["attachment"] == 1
    assert found.posts["id"].to_list() == read(tmp_path, IOS)[0].posts["id"].to_list()


def test_a_read_resumes_at_every_batch(tmp_path: Path) -> None:
    (whole,) = read(tmp_path, IOS)
    path = str(tmp_path / "chat.txt")
    config = whatsapp.Config(path=path, consented=True)
    parts = read(tmp_path, IOS, part_posts=1)
    resumed = list(whatsapp.read(path, config, 100, parts[1].cursor))
    assert texts(resumed[0]) == texts(whole)[2:]
