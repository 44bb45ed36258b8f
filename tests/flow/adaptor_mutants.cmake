# SPDX-License-Identifier: MIT
# Logic mutants of the adaptors: what is waited for, what is kept, whose turn it is, what is told.
# Included by the CMakeLists.txt of this folder, which knows unit_mutant().

unit_mutant(reference_moved_from_still_refers end_ref flow/end_ref.hpp
  [=[end_ref(end_ref&& o) noexcept : end_(std::exchange(o.end_, nullptr)) {}]=]
  [=[end_ref(end_ref&& o) noexcept : end_(o.end_) {}]=])
unit_mutant(batch_drops_an_error batch flow/batch.hpp
  [=[        why_ = m.err();]=]
  [=[        return m.err();]=])
unit_mutant(batch_wakes_nobody_when_late batch flow/batch.hpp
  [=[    if (left > 0) set.within(left);
    else set.ready();]=]
  [=[]=])
unit_mutant(merge_has_no_turns merge flow/turns.hpp
  [=[first_ = static_cast<unsigned>((k + 1) % count);]=]
  [=[first_ = 0;]=])
unit_mutant(merge_waits_for_what_has_ended merge flow/turns.hpp
  [=[armed_ = which & ~ended_;]=]
  [=[armed_ = which;]=])
unit_mutant(merge_leaves_an_announcement merge flow/turns.hpp
  [=[if ((armed_ >> i & 1) != 0) end.disarm(k);]=]
  [=[if ((armed_ & ~ended_) >> i & 1) end.disarm(k);]=])
unit_mutant(merge_forgets_a_death merge flow/merge.hpp
  [=[if (e != errc::closed && !why_) why_ = e;]=]
  [=[]=])
unit_mutant(zip_sleeps_on_what_it_has_not_looked_at zip_latest flow/zip_latest.hpp
  [=[if (more_ || silent_)]=]
  [=[if (silent_)]=])
unit_mutant(tee_owes_nothing tee flow/tee.hpp
  [=[rest_ = value, owing_ = refusing_;]=]
  [=[owing_ = 0;]=])
unit_mutant(tee_waits_for_all tee flow/tee.hpp
  [=[sinks_.arm(k, set, refusing_);]=]
  [=[sinks_.arm(k, set);]=])
unit_mutant(tee_leaves_the_rest_to_chance tee flow/over_sink.hpp
  [=[if (pushed && d.owes()) (void)d.flush(by);]=]
  [=[]=])
unit_mutant(deal_keeps_asking_who_has_gone deal flow/deal.hpp
  [=[        sinks_.ended(i);
]=]
  [=[]=])
unit_mutant(route_waits_for_all route flow/route.hpp
  [=[sinks_.arm(k, set, refusing_);]=]
  [=[sinks_.arm(k, set);]=])
unit_mutant(newest_swallows_an_error newest flow/newest.hpp
  [=[if (!next.err().again()) why_ = next.err();]=]
  [=[]=])
unit_mutant(drop_oldest_overtakes drop_oldest flow/drop_oldest.hpp
  [=[    status s = try_flush();
    if (s) s = this->sink_]=]
  [=[    status s;
    if (s) s = this->sink_]=])
unit_mutant(rate_makes_up_for_its_pauses rate flow/rate.hpp
  [=[(schedule_ > now_ ? schedule_ : now_)]=]
  [=[now_]=])
unit_mutant(pump_drops_what_it_popped pump flow/pump.hpp
  [=[return {count, s.err(), std::move(m)};]=]
  [=[return {count, s.err()};]=])
unit_mutant(client_counts_its_deadline_anew client flow/client.hpp
  [=[      u = u.absolute();
      sent =]=]
  [=[      sent =]=])
