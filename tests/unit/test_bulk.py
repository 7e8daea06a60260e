"""Values as PostgreSQL's COPY takes them."""

from indexer.bulk import PLAIN, _text
from indexer.models import EVENT_TABLES, Account, Undo
from labelshare.chain.events import EVENTS
from labelshare.chain.slices import SLICES


def test_a_row_is_escaped_for_copy_whatever_it_holds() -> None:
    name = Account.__table__.name  # A text of SQLAlchemy's own class.
    row = (name, "a\tb\nc\\d\re", True, False, None, b"\x00\xff", -(2**62), "")
    assert list(_text(row)) == ["account", "a\\tb\\nc\\\\d\\re", "t", "f", "\\N", "\\\\x00ff", str(-(2**62)), ""]


def test_only_tables_whose_texts_are_hex_or_digits_are_copied_without_looking_for_escapes() -> None:
    dynamic = {EVENT_TABLES[kind] for kind in EVENTS.values() if kind not in SLICES}
    assert dynamic
    assert not dynamic & PLAIN
    assert Undo.__table__ not in PLAIN
