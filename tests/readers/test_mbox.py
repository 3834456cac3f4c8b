"""mbox files of Usenet groups and mailing lists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from corpus.readers import mbox
from corpus.readers.contract import Batch

FIRST = "From ada@tea.example Mon Jan  1 10:00:00 2001\n"


def mail(body: str | bytes, first: str = FIRST, **headers: str) -> bytes:
    """A message of a Usenet group; a header of "" is left out."""
    named = {
        "From": "Ada Lee <ada@tea.example>",
        "Newsgroups": "alt.tea,alt.cake",
        "Subject": "Green tea",
        "Date": "Mon, 01 Jan 2001 10:00:00 +0100",
        "Message-ID": "<1@tea.example>",
        **{key.replace("_", "-"): value for key, value in headers.items()},
    }
    head = "".join(f"{key}: {value}\n" for key, value in named.items() if value)
    return (first + head + "\n").encode() + (body if isinstance(body, bytes) else body.encode())


def read(folder: Path, *mails: bytes, part_posts: int = 100, **settings: Any) -> list[Batch]:
    path = folder / "alt.tea.mbox"
    path.write_bytes(b"\n\n".join(mails) + b"\n")
    return list(mbox.read(str(path), mbox.Config(path=str(path), **settings), part_posts))


def texts(folder: Path, *mails: bytes, **settings: Any) -> list[str]:
    (found,) = read(folder, *mails, **settings)
    return found.posts["text"].to_list()


def test_a_thread_has_its_links_and_its_title_once(tmp_path: Path) -> None:
    (found,) = read(
        tmp_path,
        mail("tea\n"),
        mail("> tea\nyes\n", Message_ID="<2@b>", Subject="Re: Green tea",
             References="<1@tea.example>"),
        mail("no\n", Message_ID="<3@b>", References="<1@tea.example> <2@b>"),
    )  # fmt: skip
    first, second, third = found.posts.rows(named=True)
    assert (first["text"], first["kind"], first["author"]) == (
        "Green tea\n\ntea", "post", "ada@tea.example"
    )  # fmt: skip
    assert (first["community"], first["created_at"]) == (
        "alt.tea", datetime(2001, 1, 1, 9, tzinfo=UTC)
    )  # fmt: skip
    assert (second["text"], second["parent_id"]) == ("> tea\nyes", first["id"])
    assert (third["parent_id"], third["root_id"]) == (second["id"], first["id"])
    assert first["id"].startswith("mbox:") and "tea" not in first["id"]


def test_only_a_line_before_headers_begins_a_message(tmp_path: Path) -> None:
    body = "one\n\nFrom here on it is tea.\nFrom: nobody\n\n>From escaped\n>>From twice\n"
    assert texts(tmp_path, mail(body), mail("two", Message_ID="<2@b>")) == [
        "Green tea\n\none\n\nFrom here on it is tea.\nFrom: nobody\n\nFrom escaped\n>From twice",
        "Green tea\n\ntwo",
    ]
    # As the archives of Usenet groups begin messages.
    usenet = [mail("a", "From -123456\n"), mail("b", "From 78\n", Message_ID="<2@b>")]
    assert texts(tmp_path, *usenet) == ["Green tea\n\na", "Green tea\n\nb"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("Caf\u00e9".encode("latin-1"), "text/plain; charset=iso-8859-1"),
        ("Caf\u00e9".encode(), "text/plain; charset=us-ascii"),
        ("Caf\u00e9".encode("cp1252"), "text/plain"),
        ("Caf\u00e9".encode("latin-1"), "text/plain; charset=x-unknown"),
        (b"<p>Caf&eacute;</p>", "text/html"),
    ],
)
def test_texts_are_decoded_also_where_the_charset_is_wrong(
    tmp_path: Path, body: bytes, kind: str
) -> None:
    assert texts(tmp_path, mail(body, Content_Type=kind)) == ["Green tea\n\nCaf\u00e9"]


def test_headers_are_decoded(tmp_path: Path) -> None:
    found = mail("tea", Subject="=?utf-8?q?Gr=C3=BCner?=\n =?iso-8859-1?q?_Tee_=E9?=")
    assert texts(tmp_path, found) == ["Gr\u00fcner Tee \u00e9\n\ntea"]
    raw = mail("tea").replace(b"Green", "Gr\u00fcn".encode("latin-1"))
    assert texts(tmp_path, raw) == ["Gr\u00fcn tea\n\ntea"]
    assert texts(tmp_path, mail("tea", Subject="=?nocode?q?x?= =?utf-8?b?!?="))[0].endswith("tea")


def test_of_several_parts_the_plain_text_is_read(tmp_path: Path) -> None:
    body = (
        "--x\nContent-Type: multipart/alternative; boundary=y\n\n"
        "--y\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\ndGVh\n"
        "--y\nContent-Type: text/html\n\n<b>tea</b>\n--y--\n"
        "--x\nContent-Type: image/png\n\nAAAA\n"
        "--x\nContent-Type: text/plain\nContent-Disposition: attachment\n\nfile\n"
        "--x\nContent-Type: message/rfc822\n\nSubject: other\n\nothers' words\n"
        "--x\nContent-Type: text/plain\n\nfooter\n--x--\n"
    )
    (found,) = read(tmp_path, mail(body, Content_Type="multipart/mixed; boundary=x"))
    assert found.posts["text"].to_list() == ["Green tea\n\ntea\n\nfooter"]
    assert found.skipped == {"attachment": 3}


def test_signatures_and_encoded_files_are_removed(tmp_path: Path) -> None:
    body = "tea\nbegin 644 cup.gif\nM1234567\n`\nend\n-- \nAda\nphone\n"
    (found,) = read(tmp_path, mail(body))
    assert found.posts["text"].to_list() == ["Green tea\n\ntea"]
    assert found.skipped == {"attachment": 1}
    assert texts(tmp_path, mail("tea\n-- \nAda"), signatures=True) == ["Green tea\n\ntea\n-- \nAda"]


def test_authors_who_want_no_archive_have_opted_out(tmp_path: Path) -> None:
    (found,) = read(
        tmp_path,
        mail("tea", X_No_Archive="Yes"),
        mail("X-No-Archive: yes\n\ntea", Message_ID="<2@b>"),
        mail("tea", Message_ID="<3@b>", Archive="no"),
        mail("I set X-No-Archive: yes", Message_ID="<4@b>"),
    )
    assert found.posts["withdrawn"].to_list() == ["opted_out"] * 3 + [None]
    assert found.posts["text"].to_list()[:3] == [""] * 3


def test_cancelled_and_superseded_messages_are_withdrawn(tmp_path: Path) -> None:
    (found,) = read(
        tmp_path,
        mail("tea"),
        mail("cancel", Message_ID="<2@b>", Control="cancel <1@tea.example>"),
        mail("new", Message_ID="<3@b>", Supersedes="<1@tea.example>"),
        mail("group", Message_ID="<4@b>", Control="newgroup alt.cup"),
    )
    first = found.posts["id"][0]
    assert found.posts.height == 2 and found.skipped == {"service": 1}
    assert found.tombstones.select("value", "reason").rows() == [
        (first, "deleted_later"), (first, "superseded")
    ]  # fmt: skip


def test_mail_of_a_mailbox_needs_consent(tmp_path: Path) -> None:
    mails = [
        mail("tea", Newsgroups="", Delivered_To="bob@tea.example"),
        mail("tea", Message_ID="<2@b>", X_Gmail_Labels="Inbox", List_Id="Tea <tea.example>"),
        mail("tea", Message_ID="<3@b>", Newsgroups="", Received="x", List_Id="Tea <tea.example>"),
        mail("tea", Message_ID="<4@b>", Newsgroups="", From="ada at tea.example (Ada)"),
    ]
    (found,) = read(tmp_path, *mails)
    assert found.posts.select("author", "community", "withdrawn").rows() == [
        (None, None, "private"),
        (None, None, "private"),
        ("ada@tea.example", "tea.example", None),
        ("ada@tea.example", None, None),
    ]
    (consented,) = read(tmp_path, *mails, consented=True)
    assert consented.posts["withdrawn"].null_count() == 4


def test_a_message_without_an_id_has_one_of_its_headers(tmp_path: Path) -> None:
    mails = [mail("a", Message_ID=""), mail("b", Message_ID="", Subject="Other")]
    (found,) = read(tmp_path, *mails)
    assert found.posts["id"].n_unique() == 2


def test_a_date_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    (found,) = read(tmp_path, mail("tea", Date="yesterday"), mail("tea", Message_ID="<2@b>"))
    assert found.posts["created_at"].null_count() == 1
    assert found.unreadable == {"created_at": 1}


def test_a_message_that_is_too_long_is_refused_alone(tmp_path: Path) -> None:
    (found,) = read(
        tmp_path,
        mail("x\n" * (1 << 19)),
        mail(b"y" * ((1 << 20) + 1), Message_ID="<2@b>"),
        mail("tea", Message_ID="<3@b>"),
        max_line_mb=1,
    )
    assert found.posts["text"].to_list() == ["Green tea\n\ntea"]
    assert found.refused["reason"].to_list() == ["line_too_long"] * 2
    assert found.refused["source_row"].to_list()[0] == 1


def test_a_read_resumes_at_every_batch(tmp_path: Path) -> None:
    mails = [mail(f"tea {number}", Message_ID=f"<{number}@b>") for number in range(3)]
    parts = read(tmp_path, *mails, part_posts=1)
    path = str(tmp_path / "alt.tea.mbox")
    (rest,) = mbox.read(path, mbox.Config(path=path), 100, parts[0].cursor)
    assert [text[-1] for text in rest.posts["text"]] == ["1", "2"]


def test_a_header_whose_encoded_word_is_damaged_is_shown_as_it_is_written(tmp_path: Path) -> None:
    damaged = "=?utf-8?B?dGVh1?= time"
    assert texts(tmp_path, mail("x\n", Subject=damaged), mail("y\n", Message_ID="<2@b>")) == [
        f"{damaged}\n\nx",
        "Green tea\n\ny",
    ]
