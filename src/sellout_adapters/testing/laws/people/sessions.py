"""The sessions of a user."""

from datetime import timedelta

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.people.accounts import ABSENT
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import PASSWORD, Scene, whole_list
from sellout_core import errors
from sellout_core.audit import AuditQuery, FieldChange
from sellout_core.people.accounts import OPERATOR, Actor, Session
from sellout_core.people.session_origins import SessionOrigin
from sellout_core.ports.store import Store
from sellout_core.use_cases.audit import read_audit
from sellout_core.use_cases.people.account.sessions import (
    end_other_sessions,
    end_session,
    end_sessions,
    read_sessions,
)
from sellout_core.use_cases.people.sessions import authenticate, log_in, read_token, refresh
from sellout_core.values import SessionId, UserId


class SessionListLaws:
    """The sessions of a user."""

    def test_the_sessions_of_a_user_are_listed_and_ended(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        [first] = read_sessions(scene.shop, Actor(anna), anna)
        scene.clock.advance(days=1)
        log_in(scene.shop, "anna", PASSWORD)
        second, same = read_sessions(scene.shop, OPERATOR, anna)
        assert same == first
        assert second.expires_at - first.expires_at == timedelta(days=1)
        scene.clock.advance(days=6)
        assert read_sessions(scene.shop, Actor(anna), anna) == [second]
        end_sessions(scene.shop, Actor(anna), anna)
        assert read_sessions(scene.shop, OPERATOR, anna) == []
        assert scene.store.read(lambda tx: [session.user_id for session in tx.sessions.of(boris)]) == [boris]

    def test_the_latest_hundred_are_shown(self, store: Store, scene: Scene) -> None:
        anna = scene.user("anna")
        end_sessions(scene.shop, OPERATOR, anna)
        days = scene.clock.now + timedelta(days=9)
        sessions = [
            Session(SessionId(f"{number:016}"), anna, "print", days + timedelta(seconds=number))
            for number in range(101)
        ]
        for session in sessions:
            store.write(lambda tx, new=session: tx.sessions.add(new))  # type: ignore[misc]
        assert read_sessions(scene.shop, OPERATOR, anna) == sessions[:0:-1]
        assert store.write(lambda tx: tx.sessions.delete_of(anna)) == 101
        assert store.write(lambda tx: tx.sessions.delete_of(anna)) == 0

    def test_an_absent_user_has_no_sessions(self, store: Store) -> None:
        for absent in ABSENT:
            assert store.read(lambda tx, one=absent: tx.sessions.of(UserId(one))) == []  # type: ignore[misc]

    def test_a_session_shows_when_and_from_where_it_was_last_used(self, scene: Scene) -> None:
        """Requests with an access token do not change it."""
        anna = scene.user("anna")
        end_sessions(scene.shop, OPERATOR, anna)
        pair = log_in(scene.shop, "anna", PASSWORD, origin=SessionOrigin("Firefox", "203.0.113.0/24"))
        [begun] = read_sessions(scene.shop, Actor(anna), anna)
        assert (begun.last_used_at, begun.device, begun.network) == (scene.clock.now, "Firefox", "203.0.113.0/24")
        scene.clock.advance(hours=1)
        authenticate(scene.shop, read_token(scene.shop, pair.access, "access"))
        assert read_sessions(scene.shop, Actor(anna), anna) == [begun]
        refresh(scene.shop, pair.refresh, SessionOrigin("Chrome", "2001:db8::/48"))
        [used] = read_sessions(scene.shop, Actor(anna), anna)
        assert (used.id, used.last_used_at, used.device, used.network) == (
            begun.id,
            scene.clock.now,
            "Chrome",
            "2001:db8::/48",
        )

    def test_one_session_is_ended(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        pairs = [log_in(scene.shop, "anna", PASSWORD) for _ in range(2)]
        first, second = (read_token(scene.shop, pair.access, "access") for pair in pairs)
        end_session(scene.shop, Actor(anna), anna, first.session_id)
        with pytest.raises(errors.Unauthenticated):
            authenticate(scene.shop, first)
        assert authenticate(scene.shop, second) == Actor(anna)
        [foreign] = read_sessions(scene.shop, OPERATOR, boris)
        for unknown in (first.session_id, foreign.id, SessionId("f" * 16), SessionId("")):
            with pytest.raises(errors.NotFound):
                end_session(scene.shop, Actor(anna), anna, unknown)
        assert read_sessions(scene.shop, OPERATOR, boris) == [foreign]
        assert whole_list(read_audit, scene.shop, OPERATOR, AuditQuery(kind="user")) == []
        root = scene.user("root")
        end_session(scene.shop, Actor(root, is_staff=True), boris, foreign.id)
        [entry] = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery(kind="user"))
        assert (entry.action, entry.actor_id, entry.object_id) == ("end_sessions", root, boris)
        assert entry.changes == {"sessions": FieldChange(1, 0)}

    def test_of_several_ends_of_a_session_at_once_one_succeeds(self, scene: Scene) -> None:
        anna = scene.user("anna")
        [session] = read_sessions(scene.shop, OPERATOR, anna)
        results = racing(RACERS, lambda _: end_session(scene.shop, Actor(anna), anna, session.id))
        assert sum(isinstance(result, errors.NotFound) for result in results) == RACERS - 1

    def test_all_sessions_but_the_current_one_are_ended(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        claims = read_token(scene.shop, log_in(scene.shop, "anna", PASSWORD).access, "access")
        end_other_sessions(scene.shop, Actor(anna), anna, claims.session_id)
        assert [session.id for session in read_sessions(scene.shop, OPERATOR, anna)] == [claims.session_id]
        assert len(read_sessions(scene.shop, OPERATOR, boris)) == 1
