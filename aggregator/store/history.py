"""What looks at articles found -> revisions, and entries as they are now. And what is asked of revisions.

Where the texts of removed entries are withheld, they stand in the revision of the removal and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, func, insert, literal, select, update

from aggregator.model import Attachment, Change, Entry, EntryBody, FullEntry, Looked, NewEntry, Past, Revision, Version
from aggregator.store import changing, feeds, rechecks
from aggregator.store.bulk import chunks

if TYPE_CHECKING:
    from aggregator.store import Store

# feeds tell of an entry's changes so often
TOLD_EVERY = timedelta(days=1)

entry, body, revision = Entry.__table__, EntryBody.__table__, Revision.__table__  # type: ignore[attr-defined]

THIS = entry.c.id == bindparam("this")
BODY_OF_THIS = body.c.entry_id == bindparam("this")
SAYS = (entry.c.title, entry.c.published, entry.c.precision, entry.c.summary)
BODY = (body.c.html, body.c.text, body.c.images, body.c.attachments)
NOW = select(*SAYS, *BODY, entry.c.removed_at, entry.c.is_withheld).outerjoin(body, body.c.entry_id == entry.c.id)
NOW = NOW.where(THIS)
BEFORE = (*(column.name for column in SAYS), *(column.name for column in BODY))
TEXTS = ("summary", "html", "text", "images", "attachments")
NOTHING: dict[str, Any] = {"summary": "", "html": "", "text": "", "images": [], "attachments": []}
# the text of a removed entry stands in the last of these
REMOVAL = select(revision).where(revision.c.entry_id == bindparam("this"), revision.c.kind == "removed")
REMOVAL = REMOVAL.order_by(revision.c.id.desc()).limit(1)
HIDDEN = select(entry.c.is_withheld).where(THIS)
NEXT_EDIT = select(revision).where(
    revision.c.entry_id == bindparam("this"), revision.c.id > bindparam("number"), revision.c.kind == "edited"
)
NEXT_EDIT = NEXT_EDIT.order_by(revision.c.id).limit(1)
LAST_TOLD = select(func.max(revision.c.seen_at)).where(revision.c.entry_id == bindparam("this"), revision.c.is_told)
STATES = select(revision.c.state).where(
    revision.c.entry_id == bindparam("this"), revision.c.seen_at >= bindparam("since"), revision.c.state != ""
)
LAST_EDIT = select(func.max(revision.c.id)).where(revision.c.entry_id == bindparam("this"), revision.c.kind == "edited")


class Revisions:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def of(self, one: FullEntry) -> list[Past]:
        """The revisions of an entry, given with its body, the newest first."""
        query = select(revision).where(revision.c.entry_id == one.id).order_by(revision.c.id.desc())
        with self._store.read() as connection:
            is_withheld = bool(connection.execute(HIDDEN, {"this": one.id}).scalar())
            rows = connection.execute(query).all()
        found, later = [], Version(one.title, one.published, one.precision, one.text, one.attachments)
        for row in rows:
            found.append(_past(row, one, later, is_withheld))
            later = found[-1].before if row.kind == "edited" else later
        return found

    def newest(self, limit: int, before: int | None = None) -> list[Past]:
        """The newest revisions of all entries, the newest first, at most *limit*; only those *before* a number."""
        query = select(revision, entry.c.is_withheld).join(entry, entry.c.id == revision.c.entry_id)
        if before is not None:
            query = query.where(revision.c.id < before)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(revision.c.id.desc()).limit(limit)).all()
            after = {row.id: _after(connection, row) for row in rows}
        entries = {one.id: one for one in self._store.entries.of(list({row.entry_id for row in rows}))}
        return [
            _past(row, entries[row.entry_id], after[row.id], row.is_withheld) for row in rows if row.entry_id in entries
        ]

    def states(self, entry_id: int, since: datetime) -> set[str]:
        """The states (classify/revise.py) that an entry left *since* then."""
        with self._store.read() as connection:
            return set(connection.execute(STATES, {"this": entry_id, "since": since}).scalars())

    def whole(self, entry_id: int) -> FullEntry | None:
        """The entry with its body, withheld or not; None where it is gone."""
        found = self._store.entries.of([entry_id], bodies=True)
        if not found or found[0].removed_at is None:
            return found[0] if found else None
        with self._store.read() as connection:
            row = connection.execute(REMOVAL, {"this": entry_id}).first()
            hidden = connection.execute(HIDDEN, {"this": entry_id}).scalar()
        if row is None or not hidden:
            return found[0]
        files = tuple(Attachment(**one) for one in row.attachments)
        return found[0]._replace(
            summary=row.summary, html=row.html, text=row.text, images=tuple(row.images), attachments=files
        )

    def withhold(self, wanted: bool, now: datetime) -> int:
        """Withhold the texts of all removed entries, or give them back, as far as that is not done; how many it was."""
        wrong = select(entry.c.id).where(entry.c.removed_at.is_not(None), entry.c.is_withheld != literal(wanted))
        with self._store.read() as connection:
            ids = list(connection.execute(wrong.order_by(entry.c.id)).scalars())

        for some in chunks(ids):
            self._store.transact(partial(self._withhold, some, wanted, now))
        return len(ids)

    def _withhold(self, ids: Sequence[int], wanted: bool, now: datetime, connection: Connection) -> None:
        # another process may do the same: a text that is withheld twice would be lost
        locked = HIDDEN.with_for_update()
        wrong = [id_ for id_ in ids if connection.execute(locked, {"this": id_}).scalar() is (not wanted)]
        for id_ in wrong:
            (_hide if wanted else _show)(connection, id_)
            connection.execute(update(entry).where(THIS).values(changed_at=now), {"this": id_})
        if wrong:
            feeds.count_change(self._store, connection, changing.change(self._store, connection, dict.fromkeys(wrong)))


# ------------------------------------------------------------ within the transaction that records visits


def keep(store: "Store", connection: Connection, looked: Sequence[Looked]) -> set[str]:
    """Keep what looks found: watches, revisions, and entries as they are now; the scopes of feeds that changes."""
    kept, changed = [], dict[int, NewEntry | None]()
    for one in looked:
        if one.changes or one.new or (one.watch and one.watch.is_untold):
            is_changed, one = _apply(store, connection, one)
            if is_changed:
                changed[one.entry_id] = one.new
        kept.append(one)
    rechecks.go_on(connection, kept)
    return changing.change(store, connection, changed) if changed else set()


def _apply(store: "Store", connection: Connection, looked: Looked) -> tuple[bool, Looked]:
    """Whether the entry is another one now, and the look as far as it is to be remembered."""
    this = {"this": looked.entry_id}
    if connection.execute(NOW.with_for_update(of=entry), this).first() is None:
        return False, looked
    values: dict[str, Any] = {"changed_at": looked.looked_at} if looked.changes else {}
    for change in looked.changes:
        if change.kind != "edited":
            values["removed_at"] = looked.looked_at if change.kind == "removed" else None
        _keep_revision(connection, looked, change)
    if looked.new is not None:
        values |= _entry_values(looked.new)
        _write_body(store, connection, looked.entry_id, looked.new)
    is_hidden = store.withholds and any(change.kind == "removed" for change in looked.changes)
    matters = any(change.matters for change in looked.changes)
    waits = matters or (looked.watch is not None and looked.watch.is_untold)
    is_told = waits and _is_time(connection, looked)
    if is_told or is_hidden or (looked.new and not looked.changes):
        # who has read it reads it again; who keeps it, overwrites it
        values["updated"] = looked.looked_at.replace(microsecond=0)
    if is_told:
        last = connection.execute(LAST_EDIT, this).scalar()
        connection.execute(update(revision).where(revision.c.id == last).values(is_told=True))
    if values:
        connection.execute(update(entry).where(THIS).values(values), this)
    if is_hidden:
        _hide(connection, looked.entry_id)
    if looked.watch is not None:
        looked = replace(looked, watch=replace(looked.watch, is_untold=waits and not is_told))
    return bool(values), looked


def _keep_revision(connection: Connection, looked: Looked, change: Change) -> None:
    """The entry as it was, as a revision; of what came back the text is no secret any more."""
    row: Any = connection.execute(NOW, {"this": looked.entry_id}).one()
    if change.kind == "restored" and row.is_withheld:
        _show(connection, looked.entry_id)
    said: dict[str, Any] = {"entry_id": looked.entry_id, "seen_at": looked.looked_at, "is_told": False}
    said |= {"kind": change.kind, "what": list(change.what), "words": change.words, "state": change.state}
    said |= {"title": row.title, "published": row.published, "precision": row.precision, **NOTHING}
    connection.execute(insert(revision).inline(), said | (_texts(row) if change.kind == "edited" else {}))


def _texts(row: Any) -> dict[str, Any]:
    return {name: value for name in TEXTS if (value := getattr(row, name)) is not None}


def _entry_values(new: NewEntry) -> dict[str, Any]:
    """What an entry's row says anew. It keeps its place in lists (*sort*), whatever date it has now."""
    return {
        "title": new.title,
        "published": new.published,
        "precision": new.precision,
        "author": new.author,
        "origin": new.origin,
        "section": list(new.section),
        "summary": new.summary,
        "image": new.images[0] if new.images else None,
    }


def _write_body(store: "Store", connection: Connection, entry_id: int, new: NewEntry) -> None:
    said = {name: getattr(new, name) for name in ("html", "text", "images", "attachments", "keywords")}
    statement = store.insert(body).values(entry_id=entry_id, **said)
    connection.execute(statement.on_conflict_do_update(index_elements=["entry_id"], set_=said))


def _hide(connection: Connection, entry_id: int) -> None:
    """Let the text of a removed entry stand in the revision of its removal alone."""
    this = {"this": entry_id}
    now: Any = connection.execute(NOW, this).one()
    kept = _texts(now)
    if connection.execute(REMOVAL, this).first() is None:  # it came in removed, and nothing else is known of it
        said = {"entry_id": entry_id, "kind": "removed", "seen_at": now.removed_at, "is_told": False, "words": 0}
        said |= {"what": [], "state": "", "title": now.title, "published": now.published, "precision": now.precision}
        connection.execute(insert(revision).inline(), said | NOTHING)
    removal = connection.execute(REMOVAL, this).one()
    connection.execute(update(revision).where(revision.c.id == removal.id).values(kept))
    bare = {name: value for name, value in NOTHING.items() if name != "summary"}
    connection.execute(update(body).where(BODY_OF_THIS).values(bare), this)
    connection.execute(update(entry).where(THIS).values(summary="", image=None, is_withheld=True), this)


def _show(connection: Connection, entry_id: int) -> None:
    """The other way round."""
    this = {"this": entry_id}
    removal = connection.execute(REMOVAL, this).first()
    if removal is None:  # it came in without its text
        connection.execute(update(entry).where(THIS).values(is_withheld=False), this)
        return
    texts = _texts(removal)
    head = {"summary": texts.pop("summary"), "image": next(iter(removal.images), None), "is_withheld": False}
    connection.execute(update(body).where(BODY_OF_THIS).values(texts), this)
    connection.execute(update(entry).where(THIS).values(head), this)
    connection.execute(update(revision).where(revision.c.id == removal.id).values(NOTHING))


def _is_time(connection: Connection, looked: Looked) -> bool:
    """Whether feeds may tell of a change now."""
    last = connection.execute(LAST_TOLD, {"this": looked.entry_id}).scalar()
    return last is None or looked.looked_at - last >= TOLD_EVERY


def _after(connection: Connection, row: Any) -> Version:
    """What an entry said after a revision: what it said before the next one, or says now."""
    this = {"this": row.entry_id}
    later = connection.execute(NEXT_EDIT, {**this, "number": row.id}).first() or connection.execute(NOW, this).one()
    return _version(later)


def _version(row: Any) -> Version:
    files = tuple(Attachment(**file) for file in row.attachments or ())
    return Version(row.title, row.published, row.precision, row.text or "", files)


def _past(row: Any, one: FullEntry, after: Version, is_withheld: bool) -> Past:
    before = _version(row) if row.kind == "edited" else after
    if is_withheld:
        before, after = (replace(version, text="", attachments=()) for version in (before, after))
    return Past(
        id=row.id,
        seen_at=row.seen_at,
        kind=row.kind,
        what=tuple(row.what),
        words=row.words,
        before=before,
        after=after,
        entry=one._replace(html="", text=""),
        is_withheld=is_withheld,
    )
