"""Every clock of a system of contracts, asked of the contracts themselves.

Deadlines run on live time, which stops while nobody can be asked to act; freshness and notice run on wall time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from verifier_contracts.system import CONTRACTS, Contracts, Named, System

READ: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "registry": {"WAIT": ("wall", "from announcing a verifier to activating it"),
                 "LAPSE": ("wall", "an announcement that is ready lapses"),
                 "SHORTEST_SUNSET": ("wall", "a replaced verifier goes on for at least"),
                 "LONGEST_SUNSET": ("wall", "and at most")},
    "oracle": {"FINALITY": ("live", "from publication until an epoch is final, beside finality_blocks"),
               "minInterval": ("wall", "between epochs, at least"),
               "heartbeat": ("wall", "after an epoch the next is missing: live time stops"),
               "requiredLag": ("wall", "that an epoch's scenarios must cover"),
               "LONGEST_HOLD": ("wall", "an epoch is held by the guardian at most"),
               "LONGEST_STOP": ("wall", "live time is stopped at most"),
               "PERIOD": ("wall", "between two such stops; six holds in it"),
               "OVERLAP": ("wall", "a replaced set of signers still counts")},
    "court": {"ANSWER_TIME": ("live", "in which a demanded leaf is shown"),
              "STAKE_HELD": ("wall", "a stake is held after its publisher ceased to count")},
    "marks": {"markLife": ("wall", "a mark of a share counts")},
    "ledger": {"maxEpochAge": ("wall", "age of an epoch for attestations"),
               "exitEpochAge": ("wall", "for withdrawals"),
               "finalEpochAge": ("wall", "for a second cover, under a final epoch"),
               "supersededGrace": ("wall", "a superseded epoch is still good"),
               **{f"lifeOf({step})": ("wall", f"a cover at step {step} of the ladder is good, from its epoch")
                  for step in range(4)}},
    "desk": {"SETTLEMENT_WINDOW": ("wall", "a flat account waits for settlement after a transition"),
             "LONGEST_PAUSE": ("wall", "openings are paused at most"),
             "PAUSE_INTERVAL": ("wall", "between two pauses")},
    "escrow": {"SHARE_LIFE": ("wall", "after a committee dealt or renewed its shares nothing new is encrypted to them"),
               "RE_ESCROW": ("wall", "an escrow is good beyond, or after its key was replaced")},
    "vault": {"REFUTED_AFTER": ("wall", "until anybody may undo a withdrawal under a frozen epoch"),
              "FINAL_EPOCH_AGE": ("wall", "age of the epoch of a second cover"),
              "LONGEST_PAUSE": ("wall", "exits or liquidations are paused at most"),
              "PAUSE_INTERVAL": ("wall", "between two pauses of a class")},
    "settlement": {"SETTLEMENT_INTERVAL": ("wall", "between settlements of an account that nobody asked for"),
                   "BOND_EXIT": ("wall", "a bond that was let go waits"),
                   "LONGEST_PAUSE": ("wall", "settlement is paused at most"),
                   "PAUSE_INTERVAL": ("wall", "between two pauses")},
    "fund": {"EXIT_NOTICE": ("wall", "a backer's notice"),
             "EXIT_WINDOW": ("wall", "in which he leaves then")},
    "allocator": {"MEAN_WINDOW": ("wall", "over which a venue's gains are averaged")},
    "house": {"blindTime": ("live", "bids on what is public"), "EXTENSION": ("live", "a late bid extends that, twice"),
              "disclosureTime": ("live", "the opening is delivered"), "commitTime": ("live", "sealed prices"),
              "SEAL": ("live", "nothing, between commitments and reveals"), "revealTime": ("live", "of prices"),
              "awardTime": ("live", "in which a winner carries the lot away"),
              "timeBefore": ("wall", "from the last cover until a lot opens, at worst")},
    "silence": {"PATIENCE": ("live", "from the note of a silence to the call"),
                "MASS_WINDOW": ("live", "within which more than a fifth of a venue fall silent"),
                "MASS_STOP": ("live", "for which that stops calls"),
                "MASS_INTERVAL": ("live", "between two such stops")},
    "closes": {"OWNERS_TIME": ("live", "a called account is its owner's alone"),
               "VENUES_TIME": ("live", "and then its venue's, too")},
    "coordinator": {"venueDelivers": ("live", "from an order of disclosure until the venue is in breach"),
                    "committeeDelivers": ("live", "until the opening is asked for in public"),
                    "STUCK_TIME": ("wall", "a lot that nobody can open stays locked"),
                    "MOST_HELD": ("wall", "open losses hold backers of the fund at most"),
                    "LEAST_FREE": ("wall", "and leave them free then")},
    "unwinder": {"COMPLETE_TIME": ("live", "from its venue's time on, no protocol of an account may be left out")},
    "authority": {"expiration": ("wall", "an operation that is ready lapses"),
                  "minSetback": ("wall", "a shorter delay takes force after at least")},
}
"""By contract: the getter of each clock, what it runs on, and what it is."""


class Clock(NamedTuple):
    """One of them. runs_on : "wall" or "live"."""

    contract: str
    name: str
    seconds: int
    runs_on: str
    meaning: str


def clocks(system: System, there: Contracts) -> list[Clock]:
    """All clocks, as the contracts say them."""
    found = []
    for name, getters in READ.items():
        contract = Named(there.chain, system.contracts[name], CONTRACTS[name])
        for getter, (runs_on, meaning) in getters.items():
            function, _, argument = getter.rstrip(")").partition("(")
            seconds = contract.read(function, *([int(argument)] if argument else []))
            found.append(Clock(name, getter, int(seconds), runs_on, meaning))
    return found
