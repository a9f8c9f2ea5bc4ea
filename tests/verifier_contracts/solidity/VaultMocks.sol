// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

import {ICollateralVault} from "./ICollateralVault.sol";
import {IMarginManager, MarginStatus} from "./IMarginManager.sol";
import {IRiskOracle} from "./IRiskOracle.sol";

/// An oracle whose answers a test writes.
contract MockOracle is IRiskOracle {

    mapping(uint40 => bytes32) public factorsHashOf;
    mapping(uint40 => bool) public frozen;
    mapping(uint40 => bool) public finals;
    mapping(uint40 => uint32) public lagSecondsOf;
    uint40 public latestEpochId;
    uint40 public latestFinalEpochId;
    bool public isTripped;
    bool public silent;

    function publish(uint40 id, bytes32 hash, uint32 lag) external {
        (factorsHashOf[id], lagSecondsOf[id], latestEpochId) = (hash, lag, id);
    }

    function set(uint40 id, bool isFinal_, bool isFrozen_) external {
        (finals[id], frozen[id]) = (isFinal_, isFrozen_);
        if (isFinal_) latestFinalEpochId = id;
    }

    function trip(bool on) external {
        isTripped = on;
    }

    function silence(bool on) external {
        silent = on;
    }

    /// Until when live time stands still; 0 once it goes on.
    uint40 public stoppedUntil;

    function stopClock(uint40 duration) external {
        stoppedUntil = uint40(block.timestamp) + duration;
    }

    function resumeClock() external {
        stoppedUntil = 0;
    }

    function rootOf(uint40 id) external view returns (uint256) {
        if (silent) assembly { revert(0, 0) }
        if (factorsHashOf[id] == 0) revert UnknownEpoch(id);
        if (frozen[id]) revert FrozenEpoch(id);
        return 1;
    }

    function termsOf(uint40 id) external view returns (uint256, bytes32, bool) {
        return (this.rootOf(id), factorsHashOf[id], isTripped);
    }

    function isFinal(uint40 id) external view returns (bool) {
        return finals[id] && !frozen[id];
    }

    function liveTime() external view returns (uint256) {
        return block.timestamp;
    }
}

/// A ledger whose proofs hold if they are the hash of what they are about, and the margin lets them.
contract MockManager is IMarginManager {
    error WrongVersion(uint40 version, uint40 present);
    error ClaimAboveValue(uint128 claimed, uint128 value);
    error ProofDoesNotHold();
    error AccountIsCalled(address account);
    error MarginUnavailable(address account);
    error NotVault(address sender);

    address public vault;
    mapping(address => uint40) public versionOf;
    mapping(address => address) public venueOf;
    mapping(address => uint256) public commitmentOf;
    mapping(address => uint128) public margins;
    mapping(address => bool) public isPublic;
    mapping(address => bool) public isCalled;
    mapping(address => uint256) public settlements;

    function setVault(address vault_) external {
        vault = vault_;
    }

    function register(address account, address venue, uint128 margin) external {
        (venueOf[account], margins[account], commitmentOf[account]) = (venue, margin, 1);
        ++versionOf[account];
    }

    function publishMargin(address account, bool on) external {
        isPublic[account] = on;
    }

    function setCalled(address account, bool on) external {
        isCalled[account] = on;
    }

    function proofOf(bytes32 statement, address account, uint40 epochId, uint40 version, bytes32 action, uint128 claimed)
        public
        pure
        returns (uint256)
    {
        return uint256(keccak256(abi.encode(statement, account, epochId, version, action, claimed)));
    }

    function checkCover(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 action,
        uint128 value,
        uint128 claimed,
        uint256[8] calldata proof
    ) public view {
        if (msg.sender != vault) revert NotVault(msg.sender);
        if (isCalled[account]) revert AccountIsCalled(account);
        if (version == 0 || version != versionOf[account]) revert WrongVersion(version, versionOf[account]);
        if (claimed > value) revert ClaimAboveValue(claimed, value);
        if (claimed < margins[account] || proof[0] != proofOf("cover", account, epochId, version, action, claimed)) {
            revert ProofDoesNotHold();
        }
    }

    function coverAction(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 action,
        uint128 value,
        uint128 claimed,
        uint256[8] calldata proof
    ) external {
        checkCover(account, epochId, version, action, value, claimed, proof);
        ++versionOf[account];
    }

    function flatForAction(address account, uint40 version, bytes32 action, uint256[8] calldata proof) external {
        if (msg.sender != vault) revert NotVault(msg.sender);
        if (version == 0 || version != versionOf[account]) revert WrongVersion(version, versionOf[account]);
        if (margins[account] != 0 || proof[0] != proofOf("flat", account, 0, version, action, 0)) {
            revert ProofDoesNotHold();
        }
        ++versionOf[account];
    }

    function settled(address account) external {
        if (msg.sender != vault) revert NotVault(msg.sender);
        ++settlements[account];
    }

    function marginOf(address account, uint256) external view returns (uint128) {
        if (!isPublic[account]) revert MarginUnavailable(account);
        return margins[account];
    }

    function tryMarginOf(address account, uint256, uint40, address)
        external
        view
        returns (MarginStatus, uint128, uint40, uint64)
    {
        return (MarginStatus.Valid, margins[account], 0, 0);
    }
}

contract Authority is AccessManager {
    constructor(address admin) AccessManager(admin) {}
}

/// A token that behaves, until a test tells it not to.
contract TestToken is ERC20 {
    uint256 public feeBps;
    uint256 public inverseTaxBps;
    bool public idle;
    bool public wordless;
    mapping(address => bool) public blacklisted;
    mapping(address => uint256) public shadow;
    uint256 public lie;
    address public hookTo;
    bytes public hookData;
    bytes public hookError;
    bool public hookSucceeded;

    constructor() ERC20("Test", "T") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// A rebase to the holder's loss.
    function seize(address from, uint256 amount) external {
        _burn(from, amount);
    }

    function setFee(uint256 bps) external {
        feeBps = bps;
    }

    /// The sender is charged more than is sent.
    function setInverseTax(uint256 bps) external {
        inverseTaxBps = bps;
    }

    function setIdle(bool on) external {
        idle = on;
    }

    function setBlacklisted(address who, bool on) external {
        blacklisted[who] = on;
    }

    /// As in ERC-777: somebody is called in the middle of a transfer.
    function setHook(address to, bytes calldata data) external {
        (hookTo, hookData, hookError, hookSucceeded) = (to, data, "", false);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (idle) return true;
        if (inverseTaxBps != 0) _burn(msg.sender, amount * inverseTaxBps / 1e4);
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (idle) return true;
        return super.transferFrom(from, to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blacklisted[from] && !blacklisted[to], "blacklisted");
        super._update(from, to, amount);
        if (feeBps != 0 && from != address(0) && to != address(0)) super._update(to, address(0), amount * feeBps / 1e4);
        if (hookTo != address(0) && from != address(0)) {
            (hookSucceeded, hookError) = hookTo.call(hookData);
        }
    }
}

/// A vault without the library's guard against donations: no virtual shares.
contract TestShares is ERC4626 {
    constructor(IERC20 asset_) ERC20("Shares", "S") ERC4626(asset_) {}
}

/// A pool of two tokens that keeps Uniswap's names.
contract TestPair is ERC20 {
    address public token0;
    address public token1;
    uint112 private _r0;
    uint112 private _r1;
    bool public locked;

    constructor(address a, address b) ERC20("Pair", "P") {
        (token0, token1) = (a, b);
    }

    function setPool(uint112 r0, uint112 r1, uint256 supply) external {
        (_r0, _r1) = (r0, r1);
        _mint(msg.sender, supply - totalSupply());
    }

    function setLocked(bool on) external {
        locked = on;
    }

    function sync() external view {
        require(!locked, "UniswapV2: LOCKED");
    }

    function getReserves() external view returns (uint112, uint112, uint32) {
        return (_r0, _r1, 0);
    }
}

/// An adapter whose answers a test writes.
contract TestAdapter {
    address public token;
    uint256 public unit;
    uint256 public supply;

    constructor(address token_) {
        token = token_;
    }

    function set(uint256 unit_, uint256 supply_) external {
        (unit, supply) = (unit_, supply_);
    }

    function mark(ICollateralVault.Factor[] calldata) external view returns (uint256, uint256) {
        return (unit, supply);
    }
}

/// An owner that is a contract and signs what it is told to.
contract TestWallet {
    mapping(bytes32 => bool) public signed;

    function sign(bytes32 digest) external {
        signed[digest] = true;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return signed[digest] ? bytes4(0x1626ba7e) : bytes4(0);
    }
}
