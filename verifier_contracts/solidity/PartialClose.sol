// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";

import {CommitmentDesk} from "./CommitmentDesk.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IEscrow, escrowed} from "./IEscrow.sol";
import {MarginLedger} from "./MarginLedger.sol";
import {ActionClass} from "./PausableByClass.sol";
import {Shortfalls} from "./Shortfalls.sol";

/// @title T1: a part of a called account is closed, and nobody learns which
/// @notice For the first 20 live minutes, and until the epoch of the call is final, a called account is its owner's alone:
///         she tops it up, shows cover, or trades with her venue (`CommitmentDesk.applyTransition`). For the next 20 her
///         venue may close as much as the account needs and no more. Then come lots. She may do all that as long as no lot
///         is sold, her venue as long as there is none.
contract PartialClose is Shortfalls, ReentrancyGuardTransient {
    using RateLimiter for RateLimiter.SlidingWindow;

    struct Closing {
        CommitmentDesk.ForcedFills fills;
        /// That it was short before.
        Shortfall shortfall;
        /// Of the new commitment.
        IEscrow.Posting escrow;
        /// Whether nothing is left: `coverProof` is then of `flat`, and there is no band.
        bool flat;
        /// What it is afterwards, both under one epoch: covered at initial margin by `covering`, at most V, and short by
        /// `missing`, at least V, of initial margin and delta.
        uint40 epochId;
        uint128 covering;
        uint128 missing;
        ICollateralVault.Factor[] factors;
        uint256[8] coverProof;
        uint256[8] bandProof;
    }

    /// @dev One word: when a call became the venue's.
    struct Passed {
        uint40 since;
        uint40 passedAt;
    }

    uint256 public constant OWNERS_TIME = 20 minutes;
    uint256 public constant VENUES_TIME = 20 minutes;

    CommitmentDesk public immutable desk;
    IEscrow public immutable escrow;
    /// @notice Delta, in basis points of the margin: how much further than cover a forced close may go; and psi, in basis
    ///         points of V: what forced closes of an account may concede in 24 h.
    uint16 public immutable band;
    uint16 public immutable concession;

    mapping(address account => Passed) private _passed;
    RateLimiter.SlidingWindow private _concessions;

    /// @notice From this live time on the venue may close.
    event PassedToVenue(address indexed account, address indexed venue, uint256 passedAt);
    event PartlyClosed(address indexed account, address indexed venue, uint40 version, uint128 concession, bool flat);

    error LiquidationPaused(uint256 until);
    error OwnersTime(address account, uint256 until);
    error VenuesTime(address account, uint256 until);
    error LotIsOpen(address account, uint256 lotId);
    error ConcessionAboveBound(address account, uint256 total, uint256 bound);
    error EpochsInDisorder(uint40 epochId, uint40 least);

    constructor(MarginLedger ledger_, CommitmentDesk desk_, IEscrow escrow_, uint16 band_, uint16 concession_)
        Shortfalls(ledger_)
    {
        _require("desk", address(desk_).code.length);
        _require("escrow", address(escrow_).code.length);
        _require("band", band_);
        _require("concession", concession_);
        if (ledger_.bufferOf(INITIAL_STEP) + band_ > type(uint16).max) revert ValueTooWide(band_, 1 << 16);
        (desk, escrow, band, concession) = (desk_, escrow_, band_, concession_);
        _concessions.updateSettings(1 days, type(uint208).max);
    }

    /// @notice Let the venue's time begin (anyone): the owner's is over, and the epoch of the call is final (R18).
    function passToVenue(address account) external {
        _passToVenue(account, _call(account));
    }

    /// @notice Close a part of a called account by fills that its venue signed, without its owner (anyone brings it).
    /// @dev    In this order: it is short, at maintenance margin, under a final epoch; the commitment moves by the fills;
    ///         the new one is escrowed; it is covered, which ends the call; and no more than a band above (without that a
    ///         venue closes all of an account whose owner sleeps). The band's epoch is the cover's: two sides of one
    ///         margin.
    ///
    ///         Of prices the contract sees what the venue signed that they concede. It is bounded over 24 h (R32); that it
    ///         is true only a proof with the marks shows (`fair-close`, later). A venue that lies leaves its signature.
    function closePartial(Closing calldata c) external nonReentrant {
        address account = c.fills.account;
        // The clock of those who are called stops with it.
        uint256 paused = vault.pausedUntil(ActionClass.Liquidate);
        if (block.timestamp < paused) revert LiquidationPaused(paused);
        Call memory call = _call(account);
        _passToVenue(account, call);
        uint256 lotId = vault.lotOf(account);
        if (lotId != 0) revert LotIsOpen(account, lotId);
        _requireShort(account, call, c.shortfall);

        desk.forceTransition(c.fills);
        uint40 version = c.fills.version;
        escrowed(escrow, ledger, account, version, c.escrow);
        if (c.flat) {
            ledger.attestFlat(account, version, 0, c.coverProof);
            _boundConcession(account, c.fills.concession, _valueOf(account, c.shortfall.epochId, c.shortfall.factors));
        } else {
            if (c.epochId < c.shortfall.epochId) revert EpochsInDisorder(c.epochId, c.shortfall.epochId);
            _requireAtLeastValue(account, c.epochId, c.missing, c.factors);
            _boundConcession(account, c.fills.concession, _valueOf(account, c.epochId, c.factors));
            ledger.attestCover(account, c.epochId, version, INITIAL_STEP, c.covering, 0, c.factors, c.coverProof);
            _requireSide0(
                account, c.epochId, version, c.missing, ledger.bufferOf(INITIAL_STEP) + band, c.bandProof
            );
        }
        emit PartlyClosed(account, call.venue, version, c.fills.concession, c.flat);
    }

    /// @notice Of the account's call: live time at which it became the venue's, 0 while it has not, and until when the
    ///         venue's time alone lasts.
    function venuesTimeOf(address account) public view returns (uint256 from, uint256 until) {
        (, uint40 since,,,) = ledger.callOf(account);
        if (since == 0 || _passed[account].since != since) return (0, 0);
        from = _passed[account].passedAt;
        until = from + VENUES_TIME;
    }

    /// @notice What forced closes of an account conceded in the last 24 hours.
    function concededOf(address account) external view returns (uint256) {
        return _concessions.used(_key(account));
    }

    // ----------------------------------------------------------------------------------------------------- internal

    /// @dev Whoever is called has these minutes, whatever else is true.
    function _passToVenue(address account, Call memory call) private {
        if (_passed[account].since == call.since) return;
        uint256 live = oracle.liveTime();
        if (live < call.since + OWNERS_TIME) revert OwnersTime(account, call.since + OWNERS_TIME);
        if (!oracle.isFinal(call.epochId)) revert EpochNotFinal(call.epochId);
        _passed[account] = Passed(call.since, uint40(live));
        emit PassedToVenue(account, call.venue, live);
    }

    function _boundConcession(address account, uint128 amount, uint128 value) private {
        uint256 total = _concessions.used(_key(account)) + amount;
        uint256 bound = uint256(value) * concession / UNIT;
        if (total > bound) revert ConcessionAboveBound(account, total, bound);
        _concessions.consume(_key(account), amount);
    }

    function _key(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
