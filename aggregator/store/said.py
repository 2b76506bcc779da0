"""What an entry says, to tell its tags and its story by: its text, be it withheld from readers or not. No query."""

from sqlalchemy import case, select

from aggregator.model import Entry, EntryBody, Revision

entry, body = Entry.__table__, EntryBody.__table__  # type: ignore[attr-defined]
revision = Revision.__table__  # type: ignore[attr-defined]

# a text that is withheld stands in the revision of its removal (history.py)
REMOVAL = select(revision.c.text).where(revision.c.entry_id == entry.c.id, revision.c.kind == "removed")
WITHHELD = REMOVAL.order_by(revision.c.id.desc()).limit(1).correlate(entry).scalar_subquery()
# for queries of both tables; NULL where there is no text
SAID = case((entry.c.is_withheld, WITHHELD), else_=body.c.text)
