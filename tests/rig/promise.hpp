// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_PROMISE_HPP
#define SLUICE_TESTS_RIG_PROMISE_HPP

namespace rig {

/// What a kind keeps for a reader that is behind.
enum class keeps {
  all,     // every message: the producer waits
  last,    // the last `capacity`: whoever is further behind is told how many it has missed
  newest,  // one message
};

/// What a kind owes to whom. By this the oracles know what to ask of those who survive a kill.
struct promise {
  bool to_each = false;        // a message is for every reader; or else for one of them
  keeps kept = keeps::all;
  bool one_order = true;       // also between producers
  bool pops_together = false;  // a batch of pops has one commit point
  bool tombs = false;          // a dead producer's place is taken until a consumer passes it
  unsigned tomb_takes = 1;     // the room of so many messages, at most
  bool redelivers = false;     // a message that a dead consumer had in hand is marked when a fellow gets it
  bool wakes_all = false;      // a pop wakes every producer that sleeps: which of them has room, it does not know
  unsigned asks_every = 256;   // so many refusals of a try_* lie between two looks at who still lives
};

}  // namespace rig

#endif
