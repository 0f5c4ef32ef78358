"""The order of rows, the search, and rows that stay what they are."""

from __future__ import annotations

from PySide6.QtCore import QPersistentModelIndex, Qt

from support import snapshots
from support.snapshots import NOW
from tokenkeep.domain.session import SessionSnapshot
from tokenkeep.ui.provider_model import ProviderModel


def names(model: ProviderModel) -> list[str]:
    return [model.index(row).data() for row in range(model.rowCount())]


def model_of(*sessions: SessionSnapshot) -> ProviderModel:
    model = ProviderModel()
    model.show_snapshot(snapshots.engine(*sessions), NOW)
    return model


def test_what_needs_the_person_comes_first_then_names() -> None:
    model = ProviderModel()
    model.show_snapshot(snapshots.six_states(), NOW)
    assert names(model) == ["Codeberg", "Keycloak at work", "Example AI models", "GitHub", "GitLab", "Google"]


def test_names_are_sorted_without_regard_to_case() -> None:
    model = model_of(snapshots.signed_out(id="b", name="beta"), snapshots.signed_out(id="a", name="Alpha"))
    assert names(model) == ["Alpha", "beta"]


def test_the_order_is_held_while_a_person_is_about_to_point() -> None:
    a, b = snapshots.active(id="a", name="A"), snapshots.active(id="b", name="B")
    model = model_of(a, b)
    wanting = snapshots.needs_sign_in(id="b", name="B")
    model.show_snapshot(snapshots.engine(a, wanting), NOW, hold_order=True)
    assert names(model) == ["A", "B"]
    assert model.index(1).data(Qt.ItemDataRole.AccessibleTextRole) == "B, m.okafor@northwind.example, Sign in again"
    model.show_snapshot(snapshots.engine(a, wanting), NOW)
    assert names(model) == ["B", "A"]


def test_a_new_provider_appears_even_while_the_order_is_held() -> None:
    model = model_of(snapshots.active(id="b", name="B"))
    both = snapshots.engine(snapshots.active(id="b", name="B"), snapshots.active(id="a", name="A"))
    model.show_snapshot(both, NOW, hold_order=True)
    assert names(model) == ["A", "B"]


def test_an_index_follows_its_provider_when_rows_move() -> None:
    a, b = snapshots.active(id="a", name="A"), snapshots.active(id="b", name="B")
    model = model_of(a, b)
    kept = QPersistentModelIndex(model.index(0))
    model.show_snapshot(snapshots.engine(a, snapshots.needs_sign_in(id="b", name="B")), NOW)
    assert kept.row() == 1
    assert kept.data() == "A"


def test_only_rows_that_changed_are_painted_again() -> None:
    a, b = snapshots.active(id="a", name="A"), snapshots.active(id="b", name="B")
    model = model_of(a, b)
    changed: list[int] = []
    model.dataChanged.connect(lambda first, _last, _roles: changed.append(first.row()))
    model.show_snapshot(snapshots.engine(a, snapshots.active(id="b", name="B", account="new")), NOW)
    assert changed == [1]


def test_the_search_looks_into_name_account_issuer_and_use() -> None:
    model = ProviderModel()
    model.show_snapshot(snapshots.six_states(), NOW)
    for words, found in (
        ("hub", ["GitHub"]),
        ("MARA gmail", ["Google"]),
        ("codeberg.org", ["Codeberg"]),
        ("k8s", ["Keycloak at work"]),
        ("nothing like it", []),
    ):
        model.search(words)
        assert names(model) == found
    model.search("")
    assert len(names(model)) == 6
