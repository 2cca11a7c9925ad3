"""All planted bugs, with where each is to be caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from tests.canaries import carried, guarded, routed, stored

Plant = Callable[[pytest.MonkeyPatch], None]


class Planted(NamedTuple):
    """A bug, and what must catch it: the simulator (then ``test`` is empty), or a test by its name.

    ``checkers``: who may be the first to see it in the simulator; another one that complains has caught it,
    too, and the report says so.
    """

    name: str
    plant: Plant
    checkers: tuple[str, ...] = ()
    test: str = ""
    #: The simulator needs many seeds for it: too many for every run of the suite.
    rare: bool = False

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have the bug for a while."""
        with pytest.MonkeyPatch.context() as patch:
            self.plant(patch)
            yield


SIMULATED = [
    Planted("ack before commit", stored.acks_first, ("I1", "I18")),
    Planted("refused after a failed commit", stored.refuses_what_may_be_stored, ("I18",)),
    Planted("goes on after a failed commit", stored.goes_on_after_a_failed_commit, ("I1", "I3", "oracle")),
    Planted("no duplicate check", stored.knows_no_repeat, ("I2",)),
    Planted("duplicate check in memory only", stored.knows_repeats_in_memory_only, ("I2", "I18")),
    Planted("command ids in a later transaction", stored.commands_in_a_later_transaction, ("I2",)),
    Planted("ack forgotten", stored.one_ack_is_forgotten, ("I9", "I17")),
    Planted("ack of another position", stored.one_ack_has_another_position, ("I18",)),
    Planted("epochs count down", stored.epochs_count_down, ("I12",)),
    Planted("sequence given twice", stored.sequences_begin_anew_when_woken, ("I3",)),
    Planted("timers lost at restart", stored.timers_are_lost_at_restart, ("I8", "G11", "I9"), rare=True),
    Planted("tables taken for complete", stored.tables_say_that_they_are_complete, ("I11", "I2", "I3", "I4")),
    Planted("snapshots left out", stored.snapshots_are_of_the_turn_before, ("I3", "I11")),
    Planted("order forgotten at restart", stored.an_order_is_forgotten_at_restart, ("I11",)),
    Planted("handler raises", stored.a_handler_raises, ("G14",)),
    Planted("texts trimmed", stored.texts_are_trimmed, ("I2",)),
    Planted("turns not counted", stored.some_turns_are_not_counted, ("I19",)),
    Planted("resume from one too late", carried.resumes_one_too_late, ("I4",)),
    Planted("deliveries out of order", carried.news_are_shuffled, ("I4",)),
    Planted("snapshot skips an event", carried.a_snapshot_skips_what_comes_meanwhile, ("I4",)),
    Planted("windows never open again", carried.windows_never_open_again, ("I9", "I13")),
    Planted("answers without a channel", carried.answers_have_no_channel, ("I13",)),
    Planted("full socket ignored", carried.a_socket_that_takes_no_more_is_ignored, ("I4", "I9"), rare=True),
    Planted("sent counts as received", carried.what_is_sent_counts_as_received, ("I4", "I13"), rare=True),
    Planted("unbounded mailbox", carried.mailboxes_forget_nothing, ("I16",), rare=True),
    Planted("commands overtake", carried.commands_overtake_each_other, ("I5",), rare=True),
    Planted("resent in disorder", carried.who_has_waited_goes_last, ("I5",)),
    Planted("late hello replaces", carried.a_late_hello_replaces_its_successor, ("I17",)),
    Planted("body in a log line", carried.the_log_has_what_people_say, ("I15",)),
    Planted("window not spent", carried.windows_are_never_spent, ("window",)),
    Planted("late report counts", carried.a_late_report_counts, ("G6",)),
    Planted("never given again", carried.nobody_gives_it_again, ("G6",)),
    Planted("capacity not reserved", routed.offers_take_no_room, ("I7",)),
    Planted("capacity given back too small", routed.too_little_room_is_given_back, ("I7",)),
    Planted("approached twice", routed.who_has_a_conversation_is_approached, ("C9",), rare=True),
    Planted("kinds not given back", routed.what_is_given_back_is_of_no_kind, ("auditor",)),
    Planted("capacity off by one", routed.one_more_than_there_is_room_for, ("I7",)),
    Planted("offer never expires", routed.offers_never_end, ("I8",)),
    Planted("accepted without the offer's id", routed.whoever_accepts_gets_it, ("I6",)),
    Planted("accepted after the deadline", routed.accepts_after_the_deadline, ("I8",)),
    Planted("waiting time lost when given back", routed.who_is_given_back_waits_anew, ("G11",)),
    Planted("the last is the first", routed.who_came_last_is_first, ("I10",)),
    Planted("whose turn has come overtakes", routed.whose_turn_has_come_overtakes, ("I10",), rare=True),
    Planted("who is gone keeps offers", routed.who_is_gone_keeps_the_offers, ("G11",)),
    Planted("a report lost", routed.one_report_in_thirty_is_lost, ("I7", "I9", "auditor")),
    Planted("ghost in the queue", routed.who_leaves_the_queue_is_not_told, ("auditor", "I9", "I7")),
    Planted("nobody looks", routed.who_waits_is_seen_when_somebody_else_comes, ("I9",)),
]
ATTACKS = "tests/attacks/test_keys.py::test_a0"
CRASHES = "tests/daemon/test_durability.py::test_whatever_a_power_loss_leaves_has_all_that_was_acknowledged"
TENANTS = "tests/attacks/test_tenants.py::test_a05"
STORES = "tests/daemon/test_stores.py::test_"
GUARDED = [
    Planted("synchronous = NORMAL", guarded.commits_are_flushed_now_and_then, test=CRASHES),
    Planted("synchronous = OFF", guarded.commits_are_never_flushed, test=CRASHES),
    Planted(
        "no epoch in the transaction",
        guarded.the_epoch_is_not_looked_at,
        test=f"{STORES}a_deposed_writer_writes_nothing_even_if_its_lock_was_lost",
    ),
    Planted(
        "lock file not taken",
        guarded.nobody_takes_the_lock,
        test=f"{STORES}a_second_opener_is_refused_and_changes_nothing",
    ),
    Planted(
        "damage passed over",
        guarded.hashes_are_not_looked_at,
        test=f"{STORES}a_changed_record_is_found_and_its_position_named",
    ),
    Planted(
        "ZAP not enforced",
        guarded.every_key_is_let_in,
        test=f"{ATTACKS}1_who_has_no_key_of_this_door_is_refused_and_counted",
    ),
    Planted(
        "routing id trusted",
        guarded.routing_ids_prove_something,
        test=f"{ATTACKS}3_who_chooses_a_routing_id_is_not_heard",
    ),
    Planted(
        "tenant filter missing",
        guarded.the_tenant_is_not_looked_at,
        test=f"{TENANTS}_conversations_offers_and_agents_of_others_are_as_if_they_did_not_exist",
    ),
    Planted(
        "wall clock for deadlines",
        guarded.the_wall_clock_is_believed,
        test="tests/faults/test_time.py::test_a_wall_clock_that_jumps_moves_no_deadline",
    ),
    Planted(
        "resume from one too early",
        carried.resumes_one_too_early,
        test="tests/attacks/test_floods.py::test_a12_who_never_says_received_gets_one_window_and_later_everything",
    ),
    Planted(
        "gap swallowed",
        guarded.a_gap_is_not_told,
        test="tests/daemon/test_outbound.py::test_who_wants_what_is_no_longer_kept_is_told_of_the_gap",
    ),
]
PLANTED = [*SIMULATED, *GUARDED]
