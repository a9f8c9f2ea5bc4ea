// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {AssetMarks} from "./AssetMarks.sol";
import {isFrozen, requireFactorsHash} from "./Epochs.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {IPausableClock} from "./IPausableClock.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {ActionClass} from "./PausableByClass.sol";
import {Purse} from "./Purse.sol";
import {isSignedBy} from "./Signatures.sol";
import {VaultAssets} from "./VaultAssets.sol";
import {VaultGains} from "./VaultGains.sol";

/// @title Collateral that leaves on nothing but a proof
/// @notice Anybody adds to an account; its owner takes out what a `cover` proof leaves covered, or all that is free once
///         a `flat` proof shows that there is nothing to cover. A withdrawal is debited at once and paid when the epoch
///         that it rests on is final.
contract CollateralVault is VaultGains, EIP712 {
    /// @notice Whom the vault asks, and its bounds; fixed at deployment.
    struct Settings {
        IRiskOracle oracle;
        IMarginManager manager;
        AssetMarks marks;
        address quote;
        uint32 quoteId;
        uint96 quoteCap;
    }

    /// @notice What an owner wants. `fee`, a part of `amount`, is for whoever carries it to the chain.
    struct Withdrawal {
        address account;
        address token;
        uint256 amount;
        address to;
        uint256 fee;
        /// Of the account, at which the proof is made: it is good once.
        uint40 version;
        /// Last second at which it may be carried by somebody else.
        uint256 deadline;
    }

    /// @notice A `cover` proof, and the value that it is for.
    struct Cover {
        uint40 epochId;
        uint128 claimed;
        Factor[] factors;
        uint256[8] proof;
    }

    /// @notice What waits to be paid. The chain keeps its hash; the event `WithdrawalQueued` tells the rest.
    struct Claim {
        address account;
        address token;
        uint256 amount;
        address to;
        uint256 fee;
        address carrier;
        uint40 epochId;
        uint40 version;
    }

    bytes32 public constant ACTION_TYPEHASH =
        keccak256("Withdrawal(address token,uint256 amount,address to,uint256 fee)");
    bytes32 public constant CONSENT_TYPEHASH = keccak256(
        "WithdrawalConsent(address account,address token,uint256 amount,address to,uint256 fee,uint40 version,uint256 deadline,uint32 nonce)"
    );
    /// @notice Age of the final epoch of a second cover, at most.
    uint40 public constant FINAL_EPOCH_AGE = 45 minutes;
    /// @notice A freeze that lapses is shorter: after so long, anybody may undo a withdrawal under a frozen epoch.
    uint40 public constant REFUTED_AFTER = 6 hours;

    /// @notice When a claim was queued, by its hash; 0 if there is none, or it is over.
    mapping(bytes32 claimId => uint256) public queuedAt;
    /// @notice What can be collected: fees, and what a coordinator pays out.
    mapping(address who => mapping(address token => uint256)) public owed;

    event Deposited(address indexed account, address indexed token, address indexed from, uint256 amount);
    event WithdrawalQueued(bytes32 indexed claimId, address indexed account, Claim claim);
    event WithdrawalCancelled(bytes32 indexed claimId, address indexed account);
    event Withdrawn(address indexed account, address indexed token, address indexed to, uint256 amount, uint256 fee);
    event Collected(address indexed who, address indexed token, address indexed to, uint256 amount);
    event ConsentsRevoked(address indexed account, uint32 nonce);
    event LotLocked(address indexed account, uint256 indexed lotId);
    event LotReleased(address indexed account, uint256 indexed lotId);
    event BasketTransferred(uint256 indexed lotId, address indexed from, address indexed to);
    event Paid(uint256 indexed lotId, address indexed token, address indexed to, uint256 amount);

    error NotOwner(address account, address sender);
    error ConsentExpired(uint256 deadline);
    error FeeAboveAmount(uint256 fee, uint256 amount);
    error NoReceiver();
    error StaleEpoch(uint40 epochId, uint40 maxAge);
    error CoversMissing(uint256 covers);
    error BreakerTripped();
    error NotMature(uint40 epochId);
    error NotRefuted(uint40 epochId);
    error NoSuchClaim(bytes32 claimId);
    error NoLot(address account);

    constructor(address authority_, Settings memory s)
        AccessManaged(authority_)
        VaultAssets(s.oracle, s.manager, s.marks, s.quote, s.quoteId, s.quoteCap)
        EIP712("Tailproof CollateralVault", "1")
    {
        _requireSetting("authority", authority_.code.length);
    }

    // ------------------------------------------------------------------------------------------------------ deposit

    /// @notice Add to an account (anyone, never paused). It only ever raises the account's value, and leaves its version
    ///         alone, so that no proof in flight is hurt. Others than the account add only what it holds already, or the
    ///         quote asset. Caps do not bind an account that is called.
    function deposit(address account, address token, uint256 amount) external nonReentrant {
        if (account == address(0)) revert NoReceiver();
        if (msg.sender != account && token != quote && balanceOf(account, token) == 0) {
            revert AssetNotHeld(account, token);
        }
        bool unbounded = _isCapped(token, amount) && manager.isCalled(account);
        uint32 id = _pull(token, amount, unbounded);
        _credit(account, id, amount);
        emit Deposited(account, token, msg.sender, amount);
    }

    // -------------------------------------------------------------------------------------------------- withdrawals

    /// @notice Take out what a `cover` proof leaves covered; the manager refuses it for a called account. With one cover the withdrawal is queued, and paid when the
    ///         cover's epoch is final; with a second one, under a final epoch, it is paid at once.
    /// @param consent The owner's signature of a WithdrawalConsent; unused if the owner calls.
    function withdraw(Withdrawal calldata w, Cover[] calldata covers, bytes calldata consent)
        external
        whenOpen(ActionClass.Exit)
        nonReentrant
    {
        if (covers.length == 0 || covers.length > 2) revert CoversMissing(covers.length);
        // Gains that may not leave yet support no withdrawal either: they might never have been.
        uint256 withheld = _debitFree(w, consent);
        bytes32 action = actionHash(w.token, w.amount, w.to, w.fee);
        // The second one first: it changes nothing, and the first raises the version that both are for.
        for (uint256 i = covers.length; i > 0; --i) {
            Cover calldata cover = covers[i - 1];
            if (i == 2) _requireFinal(cover.epochId);
            (, bytes32 factorsHash, bool tripped) = oracle.termsOf(cover.epochId);
            if (tripped) revert BreakerTripped();
            Factor[] calldata factors = cover.factors;
            requireFactorsHash(cover.epochId, factorsHash, factors);
            uint128 value = _valueOf(w.account, cover.epochId, factors, _quoteFactorOf(factors), withheld);
            (i == 2 ? manager.checkCover : manager.coverAction)(
                w.account, cover.epochId, w.version, action, value, cover.claimed, cover.proof
            );
        }
        Claim memory claim =
            Claim(w.account, w.token, w.amount, w.to, w.fee, msg.sender, covers[0].epochId, w.version);
        if (covers.length == 2) return _pay(claim);
        bytes32 claimId = _idOf(claim);
        queuedAt[claimId] = block.timestamp;
        emit WithdrawalQueued(claimId, w.account, claim);
    }

    /// @notice Take out what is free of an account that holds no positions, or was never registered, at once. It needs
    ///         neither oracle nor venue nor governance, and no pause stops it.
    /// @param proof Of `flat`; unused for an account never registered, which only its owner empties.
    function withdrawFlat(Withdrawal calldata w, uint256[8] calldata proof, bytes calldata consent)
        external
        nonReentrant
    {
        _debitFree(w, consent);
        if (msg.sender != w.account || manager.versionOf(w.account) != 0) {
            manager.flatForAction(w.account, w.version, actionHash(w.token, w.amount, w.to, w.fee), proof);
        }
        _pay(Claim(w.account, w.token, w.amount, w.to, w.fee, msg.sender, 0, w.version));
    }

    /// @notice Void every withdrawal that the sender has signed and nobody has carried yet (nobody's leave is needed, no
    ///         pause stops it). Without it what she signed is a carrier's until its deadline.
    function revokeConsents() external {
        Purse purse = _purses[msg.sender];
        uint32 nonce = purse.nonce() + 1;
        _purses[msg.sender] = purse.withNonce(nonce);
        emit ConsentsRevoked(msg.sender, nonce);
    }

    /// @notice What a WithdrawalConsent of an owner must name now.
    function nonceOf(address account) external view returns (uint32) {
        return _purses[account].nonce();
    }

    /// @notice Pay a claim whose epoch is final (anyone).
    function redeem(Claim memory claim) external nonReentrant {
        _close(claim);
        if (!oracle.isFinal(claim.epochId)) revert NotMature(claim.epochId);
        _pay(claim);
    }

    /// @notice Put a claim back into the account: its owner at any time; anyone if its epoch stays frozen, refuted.
    function cancel(Claim memory claim) external nonReentrant {
        (bytes32 claimId, uint256 since) = _close(claim);
        if (msg.sender != claim.account && (block.timestamp < since + REFUTED_AFTER || !isFrozen(oracle, claim.epochId))) {
            revert NotRefuted(claim.epochId);
        }
        _credit(claim.account, _idOf(claim.token), claim.amount);
        emit WithdrawalCancelled(claimId, claim.account);
    }

    /// @notice Take what the sender is owed.
    function collect(address token, address to) external nonReentrant {
        uint256 amount = owed[msg.sender][token];
        if (amount == 0) revert NoAmount();
        if (to == address(0)) revert NoReceiver();
        owed[msg.sender][token] = 0;
        emit Collected(msg.sender, token, to, amount);
        _push(token, to, amount);
    }

    /// @notice What a proof for a withdrawal has as its action.
    function actionHash(address token, uint256 amount, address to, uint256 fee) public pure returns (bytes32) {
        return keccak256(abi.encode(ACTION_TYPEHASH, token, amount, to, fee));
    }

    // -------------------------------------------------------------------------------------------------- coordinator

    /// @notice Keep a called account's collateral where it is, for a lot (role: coordinator). Of no other: collateral
    ///         changes hands on a proof, never on anybody's word.
    function lock(address account, uint256 lotId) external restricted {
        _requireNoLot(account);
        if (lotId == 0 || !manager.isCalled(account)) revert NoLot(account);
        _setLot(account, lotId);
        emit LotLocked(account, lotId);
    }

    /// @notice Let it go (role: coordinator).
    function release(address account) external restricted {
        emit LotReleased(account, _requireLot(account));
        _setLot(account, 0);
    }

    /// @notice Hand all of a locked account's collateral to another (role: coordinator). What it has queued stays its.
    function transferBasket(address from, address to) external restricted whenOpen(ActionClass.Liquidate) nonReentrant {
        uint256 lotId = _requireLot(from);
        if (to == address(0)) revert NoReceiver();
        _requireNoLot(to);
        _moveGains(from, to);
        _moveAll(from, to);
        emit BasketTransferred(lotId, from, to);
    }

    /// @notice Owe somebody a part of a locked account's collateral (role: coordinator).
    function pay(address account, address token, uint256 amount, address to)
        external
        restricted
        whenOpen(ActionClass.Liquidate)
        nonReentrant
    {
        uint256 lotId = _requireLot(account);
        if (to == address(0)) revert NoReceiver();
        _debit(account, token, _idOf(token), amount);
        owed[to][token] += amount;
        emit Paid(lotId, token, to, amount);
    }

    // ----------------------------------------------------------------------------------------------------- internal

    /// @dev While nobody can liquidate, no deadline of somebody who is called runs: the oracle's clock stops with the
    ///      class, or neither does. Both lapse after the same time, and neither can be stopped without the other.
    function _afterPause(ActionClass class, uint40 duration) internal override {
        if (class == ActionClass.Liquidate) IPausableClock(address(oracle)).stopClock(duration);
    }

    function _afterUnpause(ActionClass class) internal override {
        if (class == ActionClass.Liquidate) IPausableClock(address(oracle)).resumeClock();
    }

    /// @dev Debit first, at the owner's will only (a proof is never consent: venue and committee can make one too), and
    ///      never what may not leave yet, or is in a lot.
    /// @return immature What the account has gained and may not take out, which is as much as before.
    function _debitFree(Withdrawal calldata w, bytes calldata consent) private returns (uint256 immature) {
        if (w.amount == 0) revert NoAmount();
        if (w.to == address(0)) revert NoReceiver();
        if (w.fee > w.amount) revert FeeAboveAmount(w.fee, w.amount);
        Purse purse = _purses[w.account];
        if (msg.sender != w.account) {
            if (block.timestamp > w.deadline) revert ConsentExpired(w.deadline);
            if (!isSignedBy(w.account, _hashTypedDataV4(_structHashOf(w, purse.nonce())), consent)) revert NotOwner(w.account, msg.sender);
        }
        if (purse.inLot()) revert LotOpen(w.account, lotOf[w.account]);
        immature = _immatureOf(w.account, purse);
        if (immature != 0 && w.token == quote) {
            uint256 free = purse.quote() - immature;
            if (w.amount > free) revert GainNotMature(w.account, w.amount, free);
        }
        _debit(w.account, w.token, _idOf(w.token), w.amount);
    }

    function _requireFinal(uint40 epochId) private view {
        if (!oracle.isFinal(epochId)) revert NotMature(epochId);
        if (block.timestamp > uint256(epochId) + FINAL_EPOCH_AGE) revert StaleEpoch(epochId, FINAL_EPOCH_AGE);
    }

    /// @dev hashStruct of EIP-712, over the calldata as it stands, in memory that nothing else is in. Bits that a field's
    ///      type has not are refused where the field is read.
    function _structHashOf(Withdrawal calldata w, uint32 nonce) private pure returns (bytes32 structHash) {
        bytes32 typeHash = CONSENT_TYPEHASH;
        assembly ("memory-safe") {
            let place := mload(0x40)
            mstore(place, typeHash)
            calldatacopy(add(place, 0x20), w, 0xe0)
            mstore(add(place, 0x100), nonce)
            structHash := keccak256(place, 0x120)
        }
    }

    /// @dev keccak256(abi.encode(claim)): its eight words lie in memory as they are encoded.
    function _idOf(Claim memory claim) private pure returns (bytes32 claimId) {
        assembly ("memory-safe") {
            claimId := keccak256(claim, 0x100)
        }
    }

    /// @dev A claim ends once.
    function _close(Claim memory claim) private returns (bytes32 claimId, uint256 since) {
        claimId = _idOf(claim);
        since = queuedAt[claimId];
        if (since == 0) revert NoSuchClaim(claimId);
        queuedAt[claimId] = 0;
    }

    function _pay(Claim memory claim) private {
        uint256 rest = claim.amount - claim.fee;
        if (claim.fee != 0) owed[claim.carrier][claim.token] += claim.fee;
        emit Withdrawn(claim.account, claim.token, claim.to, rest, claim.fee);
        if (rest != 0) _push(claim.token, claim.to, rest);
    }

    function _requireLot(address account) private view returns (uint256 lotId) {
        lotId = lotOf[account];
        if (lotId == 0) revert NoLot(account);
    }
}
