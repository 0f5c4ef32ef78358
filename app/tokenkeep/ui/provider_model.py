"""The providers as rows: what needs the person first, then by name, narrowed by a search."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from tokenkeep.domain.session import EngineSnapshot, SessionSnapshot, SignInSnapshot
from tokenkeep.ui import icons, texts

Index = QModelIndex | QPersistentModelIndex
ROW = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Row:
    """One provider as the list shows it.

    :param words: the state words at the moment of the last update.
    """

    session: SessionSnapshot
    mark: str
    words: str

    @property
    def urgent(self) -> bool:
        """Whether the words stand out."""
        return texts.needs_person(self.session)


def pending_sign_in(snapshot: EngineSnapshot, provider: str) -> SignInSnapshot | None:
    """The sign-in that goes on for a provider."""
    return next((one for one in snapshot.sign_ins if one.provider == provider and one.state.pending), None)


def sort_key(session: SessionSnapshot) -> tuple[bool, str, str]:
    """What needs the person first, then by name, the same names by id."""
    return (not texts.needs_person(session), session.name.casefold(), session.id)


def matches(session: SessionSnapshot, search: str) -> bool:
    """Whether every word of a search stands in name, account, issuer or what the token is used for."""
    parts = (session.name, session.account, session.issuer, session.base_url, *session.resources)
    text = " ".join(parts).casefold()
    return all(word in text for word in search.casefold().split())


class ProviderModel(QAbstractListModel):
    """Rows of the list; rows keep their indexes as long as their providers are there."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: dict[str, Row] = {}
        self._order: list[str] = []
        self._shown: list[str] = []
        self._search = ""

    def show_snapshot(self, snapshot: EngineSnapshot, now: float, *, hold_order: bool = False) -> None:
        """Show the providers of a snapshot.

        :param now: wall clock in seconds.
        :param hold_order: the person is about to point at a row: nothing may move.
        """
        rows = {}
        for session in snapshot.sessions:
            words = texts.state_words(session, now, pending_sign_in(snapshot, session.id))
            rows[session.id] = Row(session, icons.mark_of(session), words)
        changed = {id_ for id_, row in rows.items() if self._all.get(id_) != row}
        self._all = rows
        if not (hold_order and set(rows) == set(self._order)):
            self._order = sorted(rows, key=lambda id_: sort_key(rows[id_].session))
        self._arrange()
        for place, id_ in enumerate(self._shown):
            if id_ in changed:
                self.dataChanged.emit(self.index(place), self.index(place))

    def search(self, words: str) -> None:
        """Show only the providers that match."""
        self._search = words
        self._arrange()

    @property
    def total(self) -> int:
        """How many providers there are, hidden ones included."""
        return len(self._all)

    def place(self, provider: str) -> QModelIndex:
        """The index of a provider, invalid when it is not shown."""
        return self.index(self._shown.index(provider)) if provider in self._shown else QModelIndex()

    def row(self, index: Index) -> Row | None:
        """The row of an index, None when it is invalid."""
        inside = index.isValid() and index.row() < len(self._shown)
        return self._all[self._shown[index.row()]] if inside else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - an index is a value
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.row(index)
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.session.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return texts.row_for_readers(row.session, row.words)
        return row if role == ROW else None

    def _arrange(self) -> None:
        wanted = [id_ for id_ in self._order if matches(self._all[id_].session, self._search)]
        if wanted == self._shown:
            return
        if set(wanted) != set(self._shown):
            self.beginResetModel()
            self._shown = wanted
            self.endResetModel()
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        moved = [self._shown[index.row()] for index in before]
        self._shown = wanted
        self.changePersistentIndexList(before, [self.index(wanted.index(id_)) for id_ in moved])
        self.layoutChanged.emit()
