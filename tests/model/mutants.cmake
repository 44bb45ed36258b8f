# SPDX-License-Identifier: MIT
# Logic mutants: one header with one piece of text replaced, and the trials of the model built over it. Each must be
# found, and the replay string must lead there again; that is what the test of its name checks.

include("${CMAKE_CURRENT_LIST_DIR}/../mutated.cmake")

# Which trials: trials_of(<header> <function>), for all mutants that follow.
macro(trials_of header function)
  set(trials_header ${header})
  set(trials ${function})
endmacro()

# model_mutant(<name> <header> <text> <replacement> [<proof>]): the text must be there exactly once. With a proof that the
# mutant is no worse than the original, it must survive.
function(model_mutant name header text replacement)
  sluice_mutated("mutants/${name}" ${header} "${text}" "${replacement}")
  get_property(before DIRECTORY PROPERTY sluice_model_mutants)
  math(EXPR before "0${before} + 1")
  set_property(DIRECTORY PROPERTY sluice_model_mutants ${before})
  math(EXPR out_of_turn "${before} % 2")
  if((only_in_full OR out_of_turn) AND NOT SLUICE_TEST_TIER STREQUAL "full")
    return() # those of crowds take half a minute each; that a text is there is checked in any case
  endif()
  add_executable(mutant_${name} mutant.cpp)
  target_include_directories(mutant_${name} BEFORE PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/mutants/${name}"
                             "${CMAKE_CURRENT_SOURCE_DIR}/shadow")
  target_link_libraries(mutant_${name} PRIVATE sluice_model sluice::sluice)
  target_compile_definitions(mutant_${name} PRIVATE "SLUICE_MUTANT=\"${name}\"" "SLUICE_MUTANT_PROOF=\"${ARGN}\""
                             "SLUICE_MUTANT_HEADER=\"${trials_header}\"" SLUICE_MUTANT_TRIALS=${trials})
  target_compile_options(mutant_${name} PRIVATE -O0 -g0)
  add_test(NAME mutant.${name} COMMAND mutant_${name})
  set_tests_properties(mutant.${name} PROPERTIES LABELS model TIMEOUT ${sluice_patience})
endfunction()

# ---- the ring

trials_of(trials.hpp spsc_trials)

model_mutant(stamp_before_item ring/spsc_lane.hpp
  [=[    put_item<P>(here.place(), std::forward<U>(value));
    here.publish(1);]=]
  [=[    here.publish(1);
    put_item<P>(here.place(), std::forward<U>(value));]=])
model_mutant(batch_stamp_before_items ring/spsc_lane.hpp
  [=[      if (m == per_block) P::copy_out(to.place(), from, std::size_t{per_block});]=]
  [=[      to.publish(m);
      if (m == per_block) P::copy_out(to.place(), from, std::size_t{per_block});]=])
model_mutant(head_before_item ring/spsc_lane.hpp
  [=[    result<T> taken = take_item<P>(next_.place());
    next_.pass(1, l);
    publish_head(l);
    return taken;]=]
  [=[    T* const at = next_.place();
    next_.pass(1, l);
    publish_head(l);
    return take_item<P>(at);]=])
model_mutant(head_only_at_block_ends ring/spsc_lane.hpp
  [=[l.head().store(next_.cursor, ]=]
  [=[l.head().store(next_.cursor & ~words::count_mask, ]=])
model_mutant(no_look_after_the_end ring/spsc.hpp
  [=[    if (reader_.find() == errc::ok) return {};  // published]=]
  [=[    // published]=])
model_mutant(end_told_twice ring/spsc.hpp
  [=[    ring_.shared().told.store(there.session(), P::template order<site::spsc_told>);]=]
  [=[]=])
model_mutant(credits_not_read_again ring/spsc_lane.hpp
  [=[    credits_ = l.capacity() - used;
    return credits_ != 0 ?]=]
  [=[    return credits_ != 0 ?]=])
model_mutant(credits_without_looking ring/spsc_lane.hpp
  [=[    credits_ = l.capacity() - used;
    return credits_ != 0 ?]=]
  [=[    credits_ = l.capacity();
    return credits_ != 0 ?]=])
model_mutant(heir_has_all_credits ring/spsc_lane.hpp
  [=[    credits_ = l.capacity() - used;
    return {};]=]
  [=[    credits_ = l.capacity();
    return {};]=])
model_mutant(heir_starts_its_block_again ring/spsc_lane.hpp
  [=[    next_.ready = words::item_of(head);]=]
  [=[    next_.ready = per_block;]=])
model_mutant(abandoned_place_is_lost ring/spsc_lane.hpp
  [=[    credits_ = held_;
    held_ = 0;]=]
  [=[    credits_ = held_ - 1;
    held_ = 0;]=])
model_mutant(kept_loan_is_consumed ring/spsc_lane.hpp
  [=[    lent_ = next_.ready;
    next_.ready = next_.item();]=]
  [=[    lent_ = next_.ready;
    next_.cursor += per_block == 1 ? 0 : 1;
    next_.ready = next_.item();]=])
model_mutant(lap_of_stamps_does_not_wrap ring/spsc_lane.hpp
  [=[        stamp = (stamp + words::one_lap) & words::stamp_mask;]=]
  [=[        stamp = stamp + words::one_lap;]=])
model_mutant(one_block_too_few ring/spsc_layout.hpp
  [=[(capacity - 1) / per_block + ((capacity - 1) % per_block != 0 ? 1 : 0) + 1;]=]
  [=[(capacity - 1) / per_block + 1;]=])
model_mutant(find_tail_stops_early ring/spsc_layout.hpp
  [=[for (word steps = 0; steps < blocks(); ++steps)]=]
  [=[for (word steps = 0; steps + 1 < blocks(); ++steps)]=])
model_mutant(find_tail_trusts_old_laps ring/spsc_layout.hpp
  [=[if (count > words::count_mask) count = 0;]=]
  [=[if (count > words::count_mask) count &= words::count_mask;]=])

# ---- waking and sleeping

model_mutant(wake_before_publish ring/spsc.hpp
  [=[    writer_.push(ring_, std::forward<U>(value));
    this->wake_peer(ring);]=]
  [=[    this->wake_peer(ring);
    writer_.push(ring_, std::forward<U>(value));]=])
model_mutant(pop_wakes_nobody ring/spsc.hpp
  [=[    result<T> taken = reader_.take(ring_);
    this->wake_peer(ring);]=]
  [=[    result<T> taken = reader_.take(ring_);
    static_cast<void>(ring);]=])
model_mutant(no_light_fence core/gate.hpp
  [=[    P::light_fence();]=]
  [=[]=])
model_mutant(epoch_not_raised core/gate.hpp
  [=[while (!word_.compare_exchange_weak(w, (w & ~armed) + step_, P::template order<site::gate_raise>,]=]
  [=[while (!word_.compare_exchange_weak(w, w & ~armed, P::template order<site::gate_raise>,]=]
  "equivalent while a gate has one sleeper: only it sets the bit, so once cleared the word differs from the value to sleep on")
model_mutant(wakers_leave_the_bit core/gate.hpp
  [=[while (!word_.compare_exchange_weak(w, (w & ~armed) + step_, P::template order<site::gate_raise>,]=]
  [=[while (!word_.compare_exchange_weak(w, w, P::template order<site::gate_raise>,]=])
model_mutant(sleep_on_the_value_before core/gate.hpp
  [=[P::template order<site::gate_arm>) | how;]=]
  [=[P::template order<site::gate_arm>);]=])
model_mutant(no_retry_after_arm wait/wait_for.hpp
  [=[if constexpr (!polled<End>) r = attempt();]=]
  [=[]=])
model_mutant(no_heavy_fence channel/ring_end.hpp
  [=[    const bool fenced = home_.heavy_fence();]=]
  [=[    const bool fenced = true;]=])
model_mutant(close_wakes_nobody ring/spsc_session.hpp
  [=[    self().mine().end(how);
    wake_peer(ring);]=]
  [=[    self().mine().end(how);
    static_cast<void>(ring);]=])

# ---- life and death

model_mutant(no_healing_before_sleep channel/ring_end.hpp
  [=[    (void)recover();
    set.on(]=]
  [=[    set.on(]=])
model_mutant(healer_ends_the_living core/liveness.hpp
  [=[  const bool dead = !l.alive(slot);]=]
  [=[  const bool dead = true;]=])
model_mutant(healer_holds_no_lock core/liveness.hpp
  [=[  if (!l.begin_heal(slot)) return false;
  const bool dead = !l.alive(slot);  // asked again: somebody may have joined before the lock was ours
  if (dead) std::forward<Heal>(heal)();
  l.end_heal(slot);]=]
  [=[  const bool dead = !l.alive(slot);
  if (dead) std::forward<Heal>(heal)();]=])
model_mutant(end_before_its_session core/role.hpp
  [=[session() + 1, phase::live)]=]
  [=[session(), phase::live)]=])

# ---- the ordered ring and its crowds

trials_of(crowd_trials.hpp crowd_trials)

model_mutant(no_settle_before_claim ring/ordered_writer.hpp
  [=[      if (Many && ring_type::owner_of(at) != me_) ring_.template settle<cell_state::vacant, cell_state::claimed>(at);
      if (base::template dispense<Many>(dispenser, at, ring_.next(at))) return here = s, error();]=]
  [=[      if (base::template dispense<Many>(dispenser, at, ring_.next(at))) return here = s, error();]=])
model_mutant(no_settle_before_taking ring/ordered_reader.hpp
  [=[    if (Many && ring_type::owner_of(at) != me_) ring_.template settle<cell_state::full, cell_state::taking>(at);
    return base]=]
  [=[    return base]=])
model_mutant(settle_one_cell ring/ordered_layout.hpp
  [=[steps < capacity_; ++steps, at = previous(at)]=]
  [=[steps < 1; ++steps, at = previous(at)]=])
model_mutant(healer_does_not_settle ring/ordered_layout.hpp
  [=[    if (load(words_->tail, tail) && owner_of(tail) == who) settle<cell_state::vacant, cell_state::claimed>(tail);
    if (load(words_->head, head) && owner_of(head) == who) settle<cell_state::full, cell_state::taking>(head);]=]
  [=[    (void)load(words_->tail, tail), (void)load(words_->head, head);]=])
model_mutant(no_orphans_count ring/ordered_layout.hpp
  [=[if (left) words_->orphans.fetch_add(1, P::template order<site::ordered_raise>);]=]
  [=[static_cast<void>(left);]=])
model_mutant(dropped_place_stays_in_its_lap ring/ordered_layout.hpp
  [=[drop ? vacant_after(lap) :]=]
  [=[drop ? cell_word(lap, cell_state::vacant) :]=])
model_mutant(dropped_message_is_redelivered ring/ordered_layout.hpp
  [=[const bool drop = after_death == orphans::drop;]=]
  [=[const bool drop = after_death == orphans::drop && slot == ~0u;]=])
model_mutant(orphan_never_adopted ring/ordered_reader.hpp
  [=[    if (orphaned()) [[unlikely]] {
      if (spot left;]=]
  [=[    if (false) {
      if (spot left;]=])
model_mutant(tomb_not_buried ring/ordered_reader.hpp
  [=[    ring_.bury(s.at);]=]
  [=[]=])
model_mutant(consumer_passes_claimed ring/ordered_reader.hpp
  [=[    if (w != s.word_of(cell_state::tomb)) return why_not]=]
  [=[    if (w != s.word_of(cell_state::tomb) && ring_type::state_of(w) != cell_state::claimed) return why_not]=])
model_mutant(publish_before_item ring/ordered_writer.hpp
  [=[      put_item<P>(here.item(), std::forward<U>(value));
    } else {]=]
  [=[      publish(here, cell_state::full); put_item<P>(here.item(), std::forward<U>(value));
    } else {]=])
model_mutant(vacate_before_item ring/ordered_consumer.hpp
  [=[    result<T> taken = detail::take_item<P>(here.item());
    reader_.vacate(here);]=]
  [=[    reader_.vacate(here); result<T> taken = detail::take_item<P>(here.item());]=])
model_mutant(tomb_passed_in_silence ring/ordered_reader.hpp
  [=[    vacated();]=]
  [=[    static_cast<void>(vacated);]=])
set(only_in_full ON)
model_mutant(producers_wake_no_fellow ring/ordered_producer.hpp
  [=[    if (writer_.room()) mine()]=]
  [=[    if (false) mine()]=])
model_mutant(consumers_wake_no_fellow ring/ordered_consumer.hpp
  [=[    if (reader_.ready()) mine()]=]
  [=[    if (false) mine()]=])
model_mutant(disarm_passes_nothing_on ring/crowd_side.hpp
  [=[    if (mine().disarm(self().seat())) self().wake_fellow(ring);]=]
  [=[    static_cast<void>(mine().disarm(self().seat())), static_cast<void>(ring);]=])
model_mutant(end_of_a_crowd_not_announced core/crowd.hpp
  [=[    announce(seat, v.now());
    announced_]=]
  [=[    announced_]=])

model_mutant(orphans_of_others_not_counted ring/ordered_layout.hpp
  [=[left = left || state_of(w) == cell_state::orphan;]=]
  [=[static_cast<void>(0);]=])
model_mutant(healer_announces_nothing core/crowd.hpp
  [=[    seats_[seat].end(how);
    const role_view v = seats_[seat].peek();]=]
  [=[    if (seats_[seat].peek().now() != phase::live) return;
    seats_[seat].end(how);
    const role_view v = seats_[seat].peek();]=])
model_mutant(adopted_without_owner ring/ordered_reader.hpp
  [=[s.word_of(cell_state::taking) | me_, P]=]
  [=[s.word_of(cell_state::taking), P]=])
model_mutant(kept_message_not_counted ring/ordered_reader.hpp
  [=[    ring_.order().orphans.fetch_add(1, P::template order<site::ordered_raise>);]=]
  [=[]=])
model_mutant(end_told_while_a_fellow_holds ring/ordered_reader.hpp
  [=[    if (Many && held(owner)) return]=]
  [=[    if (false && held(owner)) return]=])
model_mutant(end_told_without_a_look_at_the_tail ring/ordered_reader.hpp
  [=[    if (ring_.distance(at, tail) != 0) return {};]=]
  [=[]=])

# ---- priorities

set(only_in_full OFF)
trials_of(priority_trials.hpp priority_trials)
model_mutant(priorities_looked_at_downwards ring/priority.hpp
  [=[if (k < from || still_empty(k)) [[likely]] return;]=]
  [=[if (k = N - 1 - k; k < from || found || still_empty(k)) [[likely]] return;]=])
model_mutant(place_behind_the_head_remembered ring/priority.hpp
  [=[was_head_[k] = levels_[k].spot_at(s.at);]=]
  [=[was_head_[k] = levels_[k].spot_at(levels_[k].next(s.at));]=])
set(only_in_full ON)
model_mutant(empty_ring_hides_its_orphans ring/priority.hpp
  [=[ && !levels_[k].orphaned();]=]
  [=[;]=])
model_mutant(another_message_of_the_priority_taken ring/priority.hpp
  [=[      if (levels_[k].take_found(here)) return at_ = k, error();]=]
  [=[      if (!levels_[k].take(vacated, here)) return at_ = k, error();]=])
model_mutant(batch_looks_above_only_before ring/priority.hpp
  [=[      if (spot higher; !choose(vacated, above, higher)) continue;]=]
  [=[]=])
model_mutant(cell_acquired_after_the_look_above ring/ordered_reader.hpp
  [=[    if (const error e = look(here, w)) [[unlikely]] return why = e, false;
    if (w == here.word_of(cell_state::full)) return true;
    if (orphaned()) [[unlikely]] {
      if (oldest_orphan([](const spot&) { return true; })) return true;
    }
    if (w == here.word_of(cell_state::vacant)) [[likely]] return false;
    return find_behind(vacated, here, w, why);
  }
  /// Takes what find() has found, if nobody was faster.
  SLUICE_INLINE() bool take_found(spot& here) noexcept {]=]
  [=[    word at = 0;
    if (!ring_.load(ring_.order().head, at)) return false;
    here = spot_at(at), w = here.cell->word.load(P::template order<site::ordered_before>);
    if (w == here.word_of(cell_state::full) || orphaned()) return true;
    if (w == here.word_of(cell_state::vacant)) [[likely]] return false;
    return find_behind(vacated, here, w, why);
  }
  /// Takes what find() has found, if nobody was faster.
  SLUICE_INLINE() bool take_found(spot& here) noexcept {
    (void)here.look();]=])
model_mutant(one_priority_healed ring/priority_layout.hpp
  [=[    for (unsigned k = 0; k < N; ++k) found += level(k).heal(slot, after_death);]=]
  [=[    for (unsigned k = 0; k < 1; ++k) found += level(k).heal(slot, after_death);]=])
model_mutant(end_told_after_a_look_at_one_priority ring/priority.hpp
  [=[    for (level& l : levels_)
      if (const error e = l.rest(); !(e == errc::empty)) return e;]=]
  [=[    if (const error e = levels_[0].rest(); !(e == errc::empty)) return e;]=])
model_mutant(pop_wakes_one_producer_of_some_priority ring/priority.hpp
  [=[any_room_will_do = false;]=]
  [=[any_room_will_do = true;]=])
model_mutant(tomb_of_a_priority_passed_in_silence ring/ordered_reader.hpp
  [=[      error e = step_over(here, w, vacated);]=]
  [=[      static_cast<void>(vacated);
      error e = step_over(here, w, []() noexcept {});]=])
model_mutant(fellow_woken_for_the_lowest_priority_alone ring/priority.hpp
  [=[    for (const level& l : levels_)
      if (l.ready()) return true;]=]
  [=[    if (levels_[0].ready()) return true;]=])
model_mutant(priority_orphans_not_found ring/ordered_reader.hpp
  [=[      if (oldest_orphan([](const spot&) { return true; })) return true;]=]
  [=[]=])

# ---- lanes

trials_of(lanes_trials.hpp lanes_trials)
model_mutant(lane_looked_at_before_its_seat ring/lanes.hpp
  [=[      if (theirs().read(ring_type::slot_of(k)).now() == phase::live || lanes_[k].reader.find() != errc::empty) active |= bit(k);]=]
  [=[      if (lanes_[k].reader.find() != errc::empty || theirs().read(ring_type::slot_of(k)).now() == phase::live) active |= bit(k);]=]
  "equivalent: whoever has ended between the two looks makes news, by itself or by its healer, and these are looked into again")
model_mutant(lane_of_the_dead_not_drained ring/lanes.hpp
  [=[.now() == phase::live || lanes_[k].reader.find() != errc::empty) active]=]
  [=[.now() == phase::live) active]=])
model_mutant(news_of_lanes_read_again ring/lanes.hpp
  [=[    seen_ = they.news;]=]
  [=[    seen_ = theirs().news();]=])
model_mutant(heir_of_lanes_knows_the_news ring/lanes.hpp
  [=[    seen_ = theirs().news() - 1;]=]
  [=[    seen_ = theirs().news();]=])
model_mutant(end_of_lanes_told_twice ring/lanes.hpp
  [=[    if (ended_ == errc::ok || seen_ == told_before_) return]=]
  [=[    if (ended_ == errc::ok) return]=])
model_mutant(lane_left_is_not_come_back_to ring/lanes.hpp
  [=[{behind, active_ & ~behind}]=]
  [=[{behind, active_ & ~behind & ~bit(at_)}]=])
model_mutant(consumer_of_lanes_wakes_nobody ring/lanes.hpp
  [=[    if (waiting != 0) [[unlikely]] theirs().wake_one(waiting, ring);]=]
  [=[    static_cast<void>(waiting), static_cast<void>(ring);]=])
model_mutant(consumer_of_lanes_wakes_another ring/lanes.hpp
  [=[    const std::uint64_t waiting = theirs().asleep() & bit(ring_type::slot_of(at_));]=]
  [=[    const std::uint64_t waiting = theirs().asleep();]=])
model_mutant(producer_of_lanes_wakes_nobody ring/lanes.hpp
  [=[    theirs().doorstep().wake(ring);]=]
  [=[    static_cast<void>(ring);]=])

# ---- broadcast

trials_of(audience_trials.hpp broadcast_trials)
model_mutant(broadcast_stamp_before_item ring/broadcast.hpp
  [=[    detail::put_item<P>(here.item(), std::forward<U>(value));
    publish(here, 1);]=]
  [=[    publish(here, 1);
    detail::put_item<P>(here.item(), std::forward<U>(value));]=])
model_mutant(broadcast_cursor_before_item ring/broadcast.hpp
  [=[    result<T> taken = detail::take_item<P>(next_.item());
    move_on(1, ring);]=]
  [=[    auto* const at = next_.item();
    move_on(1, ring);
    result<T> taken = detail::take_item<P>(at);]=]
  "equivalent: there is room for a quantum more than the capacity, so a place is not written again while the cursor is one behind it")
model_mutant(limit_after_the_readers ring/broadcast.hpp
  [=[    s.limit.exchange(next_.number + quantum, P::template order<site::broadcast_grant>);  // (G1)
    word room = quantum;
    unsigned last = 0;
    for (word readers = s.active.load(P::template order<site::broadcast_active>); readers]=]
  [=[    const word there = s.active.load(P::template order<site::broadcast_active>);
    s.limit.exchange(next_.number + quantum, P::template order<site::broadcast_grant>);  // (G1)
    word room = quantum;
    unsigned last = 0;
    for (word readers = there; readers]=])
model_mutant(limit_not_trimmed ring/broadcast.hpp
  [=[    s.limit.store(next_.number, P::template order<site::broadcast_trim>);  // (G4)]=]
  [=[]=]
  "equivalent but for needless wake-ups: a joiner and an heir look for the tail from a quantum below any limit on")
model_mutant(joiner_reads_the_limit_first ring/broadcast.hpp
  [=[    cursor.store(0, P::template order<site::broadcast_hold>);                              // (J1)
    s.active.fetch_or(word{1} << seat, P::template order<site::broadcast_join>);           // (J2)
    const word limit = s.limit.load(P::template order<site::broadcast_limit>);             // (J3)]=]
  [=[    const word limit = s.limit.load(P::template order<site::broadcast_limit>);
    cursor.store(0, P::template order<site::broadcast_hold>);
    s.active.fetch_or(word{1} << seat, P::template order<site::broadcast_join>);]=])
model_mutant(broadcast_has_one_block_too_few ring/broadcast_layout.hpp
  [=[    return (capacity + quantum_for(capacity) + per - 1 + per - 1) / per;]=]
  [=[    return (capacity + quantum_for(capacity) + per - 1) / per;]=])
model_mutant(dead_reader_holds_on channel/broadcast.hpp
  [=[    if (slot != speaker_slot && slot < crowd<P>::most) r.dismiss(slot);]=]
  [=[]=])
model_mutant(reader_wakes_no_producer ring/broadcast.hpp
  [=[!= 0) [[unlikely]] wake_producer(before, ring);]=]
  [=[!= 0) [[unlikely]] static_cast<void>(before), static_cast<void>(ring);]=])
model_mutant(push_wakes_one_reader ring/audience.hpp
  [=[    if (hall().consumers.asleep() != 0) [[unlikely]] hall().consumers.wake_all(ring);]=]
  [=[    if (hall().consumers.asleep() != 0) [[unlikely]] hall().consumers.wake_one(hall().consumers.asleep(), ring);]=])
model_mutant(no_look_after_the_end_of_the_speaker ring/audience.hpp
  [=[    if (look_again()) return {};]=]
  [=[    static_cast<void>(look_again);]=])

# ---- lossy broadcast

trials_of(audience_trials.hpp lossy_trials)
model_mutant(lossy_cell_not_marked ring/lossy.hpp
  [=[    c.stamp.store(ring_type::making(n), P::template order<site::lossy_begin>);   // (P1)]=]
  [=[]=])
model_mutant(lossy_stamp_before_item ring/lossy.hpp
  [=[    c.item.store(value);                                                         // (P2)
    c.stamp.store(ring_type::there(n), P::template order<site::lossy_publish>);  // (P3)]=]
  [=[    c.stamp.store(ring_type::there(n), P::template order<site::lossy_publish>);  // (P3)
    c.item.store(value);                                                         // (P2)]=])
model_mutant(lossy_tail_before_stamp ring/lossy.hpp
  [=[    c.stamp.store(ring_type::there(n), P::template order<site::lossy_publish>);  // (P3)
    base::ring().shared().tail.store(n, P::template order<site::lossy_tail>);    // (P4)]=]
  [=[    base::ring().shared().tail.store(n, P::template order<site::lossy_tail>);    // (P4)
    c.stamp.store(ring_type::there(n), P::template order<site::lossy_publish>);  // (P3)]=])
model_mutant(lossy_copy_not_checked ring/lossy.hpp
  [=[    return at_->stamp.load(P::template order<site::lossy_check>) == ring_type::there(next_);  // (C3)]=]
  [=[    return true;]=])
model_mutant(lossy_gap_counted_wrong ring/lossy.hpp
  [=[    const word missed = to - next_;]=]
  [=[    const word missed = to - next_ - 1;]=])
model_mutant(lossy_heir_trusts_the_tail ring/lossy_layout.hpp
  [=[!= there(n + 1)) break;]=]
  [=[!= there(n + 1) || true) break;]=])
model_mutant(lossy_reader_begins_one_too_early ring/lossy_layout.hpp
  [=[> there(n) ? n + 1 : n;]=]
  [=[> there(n) ? n : n - 1;]=])

# ---- newest value

trials_of(audience_trials.hpp latest_trials)
model_mutant(latest_stamp_after_item ring/latest.hpp
  [=[    b.stamp.store(n, P::template order<site::latest_begin>);                        // (P1)
    b.item.store(value);                                                            // (P2)]=]
  [=[    b.item.store(value);                                                            // (P2)
    b.stamp.store(n, P::template order<site::latest_begin>);                        // (P1)]=])
model_mutant(latest_number_before_item ring/latest.hpp
  [=[    b.item.store(value);                                                            // (P2)
    base::ring().shared().newest.store(n, P::template order<site::latest_publish>);  // (P3)]=]
  [=[    base::ring().shared().newest.store(n, P::template order<site::latest_publish>);  // (P3)
    b.item.store(value);                                                            // (P2)]=])
model_mutant(latest_copy_not_checked ring/latest.hpp
  [=[    return b.stamp.load(P::template order<site::latest_check>) == number &&  // (C3)]=]
  [=[    return ]=])
model_mutant(latest_has_one_buffer ring/latest_layout.hpp
  [=[std::bit_ceil(capacity + 1);]=]
  [=[std::bit_ceil(capacity);]=])
model_mutant(latest_drops_counted_wrong ring/latest.hpp
  [=[    dropped_ += number - seen_ - 1;]=]
  [=[    dropped_ += number - seen_;]=])
model_mutant(latest_heir_skips_a_number ring/latest.hpp
  [=[    number_ = r.shared().newest.load(P::template order<site::latest_newest>);]=]
  [=[    number_ = r.shared().newest.load(P::template order<site::latest_newest>) + 1;]=])

# ---- bytes

trials_of(bytes_trials.hpp bytes_trials)
model_mutant(frame_behind_not_cleared ring/bytes.hpp
  [=[    if (t != head_) ring_.at(t).store(0, P::template order<site::bytes_clear>);  // (B2)]=]
  [=[]=])
model_mutant(frame_at_head_cleared ring/bytes.hpp
  [=[    if (t != head_) ring_.at(t).store(0,]=]
  [=[    ring_.at(t).store(0,]=])
model_mutant(frame_cleared_after_publication ring/bytes.hpp
  [=[    if (t != head_) ring_.at(t).store(0, P::template order<site::bytes_clear>);  // (B2)
    const word frame = words::frame(words::lap_of(here), static_cast<word>(size), words::message);
    ring_.at(words::index_of(here)).store(frame, P::template order<site::bytes_publish>);  // (B3)]=]
  [=[    const word frame = words::frame(words::lap_of(here), static_cast<word>(size), words::message);
    ring_.at(words::index_of(here)).store(frame, P::template order<site::bytes_publish>);  // (B3)
    if (t != head_) ring_.at(t).store(0, P::template order<site::bytes_clear>);  // (B2)]=])
model_mutant(padding_not_written ring/bytes.hpp
  [=[      ring_.at(t).store(frame, P::template order<site::bytes_pad>);  // (B1)]=]
  [=[      static_cast<void>(frame);]=])
model_mutant(message_reaches_over_head ring/bytes.hpp
  [=[    if (laps == 0) here = whole - t, at_start = idle ? whole : head_;]=]
  [=[    if (laps == 0) here = whole - t, at_start = idle ? whole : head_ + 1;]=])
model_mutant(room_over_padding_not_given_back ring/bytes.hpp
  [=[    else room_ = t < head_ ? head_ - t : 0;]=]
  [=[    else room_ -= k;]=])
model_mutant(padding_passed_in_private ring/bytes.hpp
  [=[    if (passed_) publish_head(ring);]=]
  [=[    static_cast<void>(ring);]=]
  "equivalent while a producer counts bare padding at the head as free; see the next one")
model_mutant(heir_knows_no_bare_padding ring/bytes.hpp
  [=[    fresh.bare_ = found.messages == 0 && found.padding != found.tail;]=]
  [=[    fresh.bare_ = false;]=]
  "equivalent while the consumer publishes that it has passed bare padding; see the one before")
model_mutant(no_look_after_the_end_of_bytes ring/bytes.hpp
  [=[    if (const errc again = look(); again != errc::empty)]=]
  [=[    if (const errc again = errc::empty; again != errc::empty)]=])
model_mutant(frames_of_all_laps ring/bytes_layout.hpp
  [=[    if (((raw ^ cursor) >> words::lap_shift) == 0 && (raw]=]
  [=[    if ((raw]=])

# ---- bytes, many producers

trials_of(bytes_crowd_trials.hpp bytes_crowd_trials)
model_mutant(bytes_rest_after_message ring/bytes_crowd.hpp
  [=[    if (some != all) {
      const word rest]=]
  [=[    if (some != all) {
      ready_ = true;
      publish(m, ring_type::state::message, ring);
      const word rest]=])
model_mutant(bytes_tail_not_helped ring/bytes_crowd.hpp
  [=[return ring_.move_tail(t, s.granules), error();]=]
  [=[return error();]=])
model_mutant(bytes_room_not_checked ring/bytes_crowd.hpp
  [=[      room where = room_for(k, t);]=]
  [=[      room where = k <= to_end(t) ? room::here : room::at_start;]=])
model_mutant(bytes_healer_takes_living_claims ring/bytes_crowd_layout.hpp
  [=[s.what == seen::claimed && s.owner == slot]=]
  [=[s.what == seen::claimed && slot != 64]=])
model_mutant(bytes_reader_passes_claims ring/bytes_crowd_layout.hpp
  [=[    if (s.what != seen::skip) return false;]=]
  [=[    if (s.what != seen::skip && s.what != seen::claimed) return false;]=])
model_mutant(bytes_never_swept ring/bytes_crowd_layout.hpp
  [=[    sweep_all(from, to);]=]
  [=[]=])
if(sluice_full)
  model_mutant(bytes_rest_left_out ring/bytes_crowd.hpp
    [=[    if (some != all) {]=]
    [=[    if (some > all) {]=])
  model_mutant(bytes_padding_left_claimed ring/bytes_crowd.hpp
    [=[std::size_t>(length) * bytes_granule, ring_type::state::skip)]=]
    [=[std::size_t>(length) * bytes_granule, ring_type::state::claimed, seat_)]=])
  model_mutant(bytes_later_laps_are_older ring/bytes_crowd_layout.hpp
    [=[    if (!this_lap && !older(w, cursor)) s.what = seen::later;]=]
    [=[]=])
  model_mutant(bytes_overwritten_skip_is_the_end ring/bytes_crowd_layout.hpp
    [=[    if (s.what == seen::later) return cursor]=]
    [=[    if (s.what == seen::later && granules_ == 0) return cursor]=])
endif()

# ---- the box of signals

set(only_in_full OFF)
trials_of(signal_box_scenario.hpp signal_box_trials)

model_mutant(signal_overtakes_folded_ones signal/signal_box.hpp
  [=[if (s.word.load(P::template order<site::spill_look>) != 0 || !ring_.put(e)) fold(s, e);]=]
  [=[if (!ring_.put(e)) fold(s, e);]=])
model_mutant(signal_spill_overtakes_the_ring signal/signal_box.hpp
  [=[      if (!ring_.empty()) return ring_.take(to);  // false: claimed, and not there yet]=]
  [=[]=])
model_mutant(signal_spill_filled_before_it_is signal/signal_box.hpp
  [=[    P::copy_out(&s.event, e);
    s.word.fetch_add(1, P::template order<site::spill_fill>);]=]
  [=[    s.word.fetch_add(1, P::template order<site::spill_fill>);
    P::copy_out(&s.event, e);]=])
model_mutant(signal_event_read_after_the_count signal/signal_box.hpp
  [=[      to = P::copy_in(&s.event);                  // stays as it is until the word is 0
      to.count = s.word.exchange(0, P::template order<site::spill_taken>) >> 1;]=]
  [=[      const auto count = s.word.exchange(0, P::template order<site::spill_taken>) >> 1;
      to = P::copy_in(&s.event), to.count = count;]=])
model_mutant(signal_cell_freed_before_it_is_read signal/handler_ring.hpp
  [=[    to = P::copy_in(&c.value);
    c.stamp.store(head_ + mask_ + 1, P::template order<site::handler_taken>);]=]
  [=[    c.stamp.store(head_ + mask_ + 1, P::template order<site::handler_taken>);
    to = P::copy_in(&c.value);]=])
