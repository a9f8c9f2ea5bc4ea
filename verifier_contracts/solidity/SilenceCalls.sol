// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CommitmentDesk} from "./CommitmentDesk.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {MarginLedger} from "./MarginLedger.sol";
import {COVER} from "./Statements.sol";

/// @dev What of the oracle nobody else asks: live time at an epoch's publication.
interface IDatedOracle {
    function liveAtOf(uint40 epochId) external view returns (uint40);
}

/// @title Accounts that nobody has covered are called, slowly and in order
/// @notice Nobody but owner, venue and committee can tell whether an account is covered, so that the slow way to call it
///         is their silence: its last cover has run out; anyone notes that; half an hour of live time later it is called.
///         A shortfall proof calls at once (`MarginLedger.proveShortfall`). Silence is no verdict: it leads to a call, and
///         the call at most to disclosure.
/// @dev    Whoever could call faster would call solvent accounts in a spike of gas, when covers do not get through (R21):
///         so calls are a hundredth of all accounts an epoch, of a venue the oldest first, and none of a venue's while more
///         than a fifth of its accounts fall silent within an hour. All time is live time: while the breaker is tripped,
///         epochs are missing or liquidation is paused, no silence grows.
contract SilenceCalls {
    /// @dev One word.
    struct Note {
        address account;
        /// Live time.
        uint40 notedAt;
        /// The account's: until when it was covered. Another cover is another silence.
        uint32 clock;
        /// Of the `cover` verifier in force: nobody can be silent about a key that has just come.
        uint24 generation;
    }

    struct Queue {
        Note[] notes;
        /// Those before are over.
        uint256 head;
        /// Live time at which the last mass silence was seen; 0: never.
        uint256 massFrom;
    }

    /// @notice Live seconds from the note to the call.
    uint256 public constant PATIENCE = 30 minutes;
    /// @notice Live seconds within which more than a fifth of a venue's accounts must fall silent.
    uint256 public constant MASS_WINDOW = 1 hours;
    /// @notice Live seconds for which mass silence stops calls.
    uint256 public constant MASS_STOP = 6 hours;
    /// @notice Live seconds from one such stop to the next: else a venue that keeps some accounts silent is never called.
    uint256 public constant MASS_INTERVAL = 24 hours;
    /// @notice So many silent accounts are no mass, however few the venue has.
    uint256 public constant FEW = 4;

    CommitmentDesk public immutable desk;
    MarginLedger public immutable ledger;
    IRiskOracle public immutable oracle;
    IVerifierRegistry public immutable verifiers;

    mapping(address venue => Queue) private _queues;
    /// @dev Place of an account's present note in the queue of its venue, plus one.
    mapping(address account => uint256) private _places;
    /// @notice The epoch in which accounts were last called, and how many.
    uint40 public calledIn;
    uint216 public called;

    event SilenceNoted(address indexed account, address indexed venue, uint256 notedAt);
    event SilenceEnded(address indexed account, address indexed venue);
    event MassSilence(address indexed venue, uint256 until);

    error SettingMissing(string name);
    error NotSilent(address account);
    error SilenceTooYoung(address account, uint256 due);
    error AlreadyNoted(address account);
    error MassSilenceStops(address venue, uint256 until);
    error NothingToCall(address venue);

    constructor(CommitmentDesk desk_, MarginLedger ledger_) {
        if (address(desk_).code.length == 0) revert SettingMissing("desk");
        if (address(ledger_).code.length == 0) revert SettingMissing("ledger");
        desk = desk_;
        ledger = ledger_;
        oracle = ledger_.oracle();
        verifiers = ledger_.verifiers();
    }

    /// @notice Note that an account's cover has run out (anyone). Never of one that is flat, void, covered or called.
    /// @dev    Also where the cover ends early, by a frozen epoch or a distrusted key, its time is the account's: longer by
    ///         all that stopped the live clock since its epoch came (R20).
    function noteSilence(address account) external {
        address venue = ledger.venueOf(account);
        uint32 clock = _requireSilent(account);
        (,, uint32 generation) = verifiers.active(COVER);
        Queue storage queue = _queues[venue];
        uint256 place = _places[account];
        // A note that was passed by, while the account was elsewhere, is none.
        if (place > queue.head && _isAt(queue, place - 1, account, clock, generation)) revert AlreadyNoted(account);
        uint256 live = oracle.liveTime();
        queue.notes.push(Note(account, uint40(live), clock, uint24(generation)));
        _places[account] = queue.notes.length;
        emit SilenceNoted(account, venue, live);
        _lookForMass(queue, venue, live);
    }

    /// @notice Call accounts of a venue that have been silent for long enough, the oldest first (anyone).
    /// @param most Notes to look at: those that are over are passed by.
    function callSilent(address venue, uint256 most) external {
        Queue storage queue = _queues[venue];
        uint256 live = oracle.liveTime();
        if (queue.massFrom != 0 && live < queue.massFrom + MASS_STOP) {
            revert MassSilenceStops(venue, queue.massFrom + MASS_STOP);
        }
        (,, uint32 generation) = verifiers.active(COVER);
        uint40 epochId = oracle.latestEpochId();
        uint256 count = calledIn == epochId ? called : 0;
        uint256 limit = _limit(desk.accounts());
        uint256 head = queue.head;
        for (uint256 end = queue.notes.length; head < end && most > 0; --most) {
            Note memory note = queue.notes[head];
            bool present = _places[note.account] == head + 1 && ledger.venueOf(note.account) == venue;
            if (present && note.generation == generation && _isSilent(note.account, note.clock)) {
                if (live < uint256(note.notedAt) + PATIENCE || count == limit) break;
                ++count;
                desk.callBySilence(note.account);
            } else {
                emit SilenceEnded(note.account, venue);
            }
            if (present) _places[note.account] = 0;
            ++head;
        }
        if (head == queue.head) revert NothingToCall(venue);
        queue.head = head;
        (calledIn, called) = (epochId, uint216(count));
    }

    // ------------------------------------------------------------------------------------------------------ reading

    /// @notice Notes of a venue that are not over, the first of them (0 if there is none), and until when no account of
    ///         the venue is called because so many fell silent at once: live time, 0 if never.
    function queueOf(address venue) external view returns (uint256 length, Note memory first, uint256 massUntil) {
        Queue storage queue = _queues[venue];
        length = queue.notes.length - queue.head;
        if (length != 0) first = queue.notes[queue.head];
        if (queue.massFrom != 0) massUntil = queue.massFrom + MASS_STOP;
    }

    // ----------------------------------------------------------------------------------------------------- internal

    /// @dev A hundredth of all accounts, and one at least.
    function _limit(uint256 accounts) private pure returns (uint256) {
        return accounts < 200 ? 1 : accounts / 100;
    }

    /// @dev The note before the last ones that are no mass yet tells how long they took. Live time never runs backwards,
    ///      so notes are in its order.
    function _lookForMass(Queue storage queue, address venue, uint256 live) private {
        if (queue.massFrom != 0 && live < queue.massFrom + MASS_INTERVAL) return;
        uint256 fifth = desk.accountsOf(venue) / 5;
        uint256 usual = fifth < FEW ? FEW : fifth;
        uint256 length = queue.notes.length;
        if (length <= usual || live >= queue.notes[length - 1 - usual].notedAt + MASS_WINDOW) return;
        queue.massFrom = live;
        emit MassSilence(venue, live + MASS_STOP);
    }

    function _isAt(Queue storage queue, uint256 place, address account, uint32 clock, uint32 generation)
        private
        view
        returns (bool)
    {
        if (place >= queue.notes.length) return false;
        Note memory note = queue.notes[place];
        return note.account == account && note.clock == clock && note.generation == generation;
    }

    function _requireSilent(address account) private view returns (uint32 clock) {
        uint40 epochId;
        (, epochId,,,, clock) = ledger.stateOf(account);
        if (!_isSilent(account, clock)) revert NotSilent(account);
        // The clock of a call that fell is a live time.
        if (ledger.isCalled(account)) return clock;
        if (block.timestamp <= clock) revert SilenceTooYoung(account, clock);
        if (epochId != 0 && clock > epochId) {
            uint256 due = uint256(IDatedOracle(address(oracle)).liveAtOf(epochId)) + (clock - epochId);
            if (oracle.liveTime() <= due) revert SilenceTooYoung(account, due);
        }
    }

    /// @dev In the silence that began when this cover ended, if it is a silence.
    function _isSilent(address account, uint32 clock) private view returns (bool) {
        (,,,,, uint32 now_) = ledger.stateOf(account);
        if (now_ != clock || ledger.commitmentOf(account) == 0 || !ledger.isReduceOnly(account)) return false;
        (,,,, bool stands) = ledger.callOf(account);
        return !stands;
    }
}
