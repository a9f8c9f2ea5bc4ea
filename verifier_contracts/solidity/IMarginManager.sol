// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What can be said of an account's margin. Act on `Valid` and `Flat` only.
///
///         Unknown      never registered, held by another venue than the reader expects, or by one that has lost its
///                      role
///         Valid        proven for the registered positions, fresh enough for this reader
///         Stale        proven under an epoch that is too old for this reader
///         Superseded   proven under an epoch before the one this reader asks for at least
///         NotAttested  nothing is proven for the present version, or its commitment is void
///         Frozen       proven under an epoch that has been withdrawn since
///         Distrusted   proven under a key that has been found unsound since
///         ReduceOnly   covered once, but the cover has run out
///         Called       fallen short; waiting to be cured or liquidated
///         Flat         proven to hold nothing: margin 0 under every epoch
///         Paused       for managers whose reads can be paused; `MarginLedger` never says so
enum MarginStatus {
    Unknown,
    Valid,
    Stale,
    Superseded,
    NotAttested,
    Frozen,
    Distrusted,
    ReduceOnly,
    Called,
    Flat,
    Paused
}

/// @title Proven margins, for contracts that act on them, and for the vault
interface IMarginManager {
    /// @notice The margin of an account, and whether it may be relied on. Never reverts for what an account is.
    /// @param maxAge        Seconds since the publication of the epoch: what ages is the risk data.
    /// @param minEpochId    The oldest epoch that this reader accepts; 0 for any.
    /// @param expectedVenue The venue whose word for the positions this reader trusts; 0 for any.
    /// @return status       See MarginStatus.
    /// @return margin       1e-6 quote units. Of an account in cover mode, whose margin is hidden, the collateral that
    ///                      was proven to cover it: an upper bound.
    /// @return epochId      Of the proof.
    /// @return validUntil   Last second at which the answer stays `Valid` or `Flat` if nothing else happens; 0 for
    ///                      another status.
    function tryMarginOf(address account, uint256 maxAge, uint40 minEpochId, address expectedVenue)
        external
        view
        returns (MarginStatus status, uint128 margin, uint40 epochId, uint64 validUntil);

    /// @notice The exact margin; reverts unless `tryMarginOf` says Valid or Flat, and for an account in cover mode.
    function marginOf(address account, uint256 maxAge) external view returns (uint128 margin);

    /// @notice The registered commitment; 0 if there is none, or it is void.
    function commitmentOf(address account) external view returns (uint256);

    /// @notice The venue that holds an account's positions; 0 if there is none.
    function venueOf(address account) external view returns (address);

    /// @notice Rises with each commitment and each action; 0 for an account never registered.
    function versionOf(address account) external view returns (uint40);

    /// @notice Vault only: verify a `cover` proof (side +1, initial margin) for the account's present commitment and
    ///         version, bound to an action; reverts for a called account. On success the version rises by one, and the
    ///         same proof leaves it covered.
    /// @param value   The vault's V after the debit.
    /// @param claimed The proof's own V: at most `value`.
    function coverAction(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash,
        uint128 value,
        uint128 claimed,
        uint256[8] calldata proof
    ) external;

    /// @notice Vault only: a second cover, under a final epoch, that changes nothing; reverts unless it holds, and for a
    ///         called account. To be asked before `coverAction`, which raises the version.
    function checkCover(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash,
        uint128 value,
        uint128 claimed,
        uint256[8] calldata proof
    ) external view;

    /// @notice Vault only: verify a `flat` proof for the present commitment; the version rises by one. Reverts while
    ///         the settlement of a transition is pending, at most an hour.
    function flatForAction(address account, uint40 version, bytes32 actionHash, uint256[8] calldata proof) external;

    /// @notice Whether an account may not lose collateral by its owner's hand just now.
    function isCalled(address account) external view returns (bool);
}
