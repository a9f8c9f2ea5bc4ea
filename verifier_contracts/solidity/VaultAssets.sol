// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {AssetMarks} from "./AssetMarks.sol";
import {requireFactors} from "./Epochs.sol";
import {ExactTransfer} from "./ExactTransfer.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {PausableByClass} from "./PausableByClass.sol";

/// @title What a vault holds: assets, balances, and what they count for
/// @dev    Amounts are in a token's smallest unit and below 2^96, as in the statements.
abstract contract VaultAssets is ICollateralVault, PausableByClass, ReentrancyGuardTransient {
    enum Listing {
        Unlisted,
        Open,
        Closed
    }

    /// @dev One word. `held` is all that the vault owes in this token, to whomever: never more than it has.
    struct Asset {
        uint32 id;
        uint96 held;
        uint96 cap;
        Listing listing;
    }

    /// @notice Ids from here on are of assets that epochs have no factors for: they count by their marks.
    uint32 public constant MARKED = 1 << 31;
    /// @notice Assets an account holds at most, one place of them kept for the quote asset: nobody's dust can fill it.
    uint256 public constant MOST_ASSETS = 8;

    IRiskOracle public immutable oracle;
    IMarginManager public immutable manager;
    /// @notice The asset that margins, settlements and bonds are in.
    address public immutable quote;
    uint32 public immutable quoteId;
    /// @notice What counts for assets that epochs have no factors for.
    AssetMarks public immutable marks;

    mapping(address token => Asset) private _assets;
    /// @notice The token of an asset; 0 if it was never listed.
    mapping(uint32 id => address token) public tokenOf;
    /// @dev Ids of what an account holds, rising from the low end, 32 bits each, 0 behind the last.
    mapping(address account => uint256) private _holdings;
    mapping(address account => mapping(uint32 id => uint96)) private _balances;

    event AssetListed(address indexed token, uint32 indexed id, uint96 cap);
    event CapChanged(address indexed token, uint96 cap);
    event ListingChanged(address indexed token, Listing listing);

    error AssetNotListed(address token);
    error AssetAlreadyListed(address token, uint32 id);
    /// @notice The marks speak of another token under this id.
    error WrongMarks(uint32 id, address token);
    error CapNotLower(uint96 cap, uint96 present);
    error CapNotHigher(uint96 cap, uint96 present);
    error CapExceeded(address token, uint256 held, uint256 cap);
    error AssetNotHeld(address account, address token);
    error TooManyAssets(address account);
    error AmountTooWide(uint256 amount);
    error NoAmount();
    error InsufficientBalance(address account, address token, uint256 balance, uint256 amount);
    /// @notice It has all that it owes.
    error AssetNotShort(address token, uint256 present, uint256 held);

    error FactorsOutOfOrder(uint256 place);
    error SettingMissing(string name);

    constructor(IRiskOracle oracle_, IMarginManager manager_, AssetMarks marks_, address quote_, uint32 id, uint96 cap) {
        _requireSetting("oracle", address(oracle_).code.length);
        _requireSetting("manager", address(manager_).code.length);
        _requireSetting("marks", address(marks_).code.length);
        oracle = oracle_;
        manager = manager_;
        marks = marks_;
        quote = quote_;
        quoteId = id;
        _list(quote_, id, cap);
    }

    // -------------------------------------------------------------------------------------------------- governance

    /// @notice Take an asset (role: admin): one that epochs have factors for, or, from id `MARKED` on, one that has a
    ///         curve. Its id and token are for ever.
    function listAsset(address token, uint32 id, uint96 cap) external restricted {
        if (id >= MARKED && marks.tokenOf(id) != token) revert WrongMarks(id, token);
        _list(token, id, cap);
    }

    /// @notice What the vault takes of an asset at most (role: risk). What is there stays.
    function lowerCap(address token, uint96 cap) external restricted {
        Asset storage asset = _listed(token);
        if (cap >= asset.cap) revert CapNotLower(cap, asset.cap);
        asset.cap = cap;
        emit CapChanged(token, cap);
    }

    /// @notice The same upwards (role: risk, after a delay).
    function raiseCap(address token, uint96 cap) external restricted {
        Asset storage asset = _listed(token);
        if (cap <= asset.cap) revert CapNotHigher(cap, asset.cap);
        asset.cap = cap;
        emit CapChanged(token, cap);
    }

    /// @notice Take no more of an asset (role: risk). Whoever holds it can still withdraw it.
    function closeAsset(address token) external restricted {
        _setListing(token, Listing.Closed);
    }

    /// @notice Take it again (role: admin).
    function openAsset(address token) external restricted {
        _setListing(token, Listing.Open);
    }

    /// @notice Close an asset of which the vault has less than it owes (anyone): a token that rebased, or lies.
    function reportShort(address token) external {
        uint256 held = _listed(token).held;
        uint256 present = IERC20(token).balanceOf(address(this));
        if (present >= held) revert AssetNotShort(token, present, held);
        _setListing(token, Listing.Closed);
    }

    // ------------------------------------------------------------------------------------------------------ reading

    /// @inheritdoc ICollateralVault
    function valueOf(address account, uint40 epochId, Factor[] calldata factors) external view returns (uint128) {
        return _valueOf(account, epochId, factors, 0);
    }

    /// @inheritdoc ICollateralVault
    function balanceOf(address account, address token) public view returns (uint256) {
        return _balances[account][_assets[token].id];
    }

    /// @notice The tokens that an account holds.
    function holdingsOf(address account) external view returns (address[] memory tokens) {
        uint256 holdings = _holdings[account];
        tokens = new address[](_count(holdings));
        for (uint256 i = 0; i < tokens.length; ++i) {
            tokens[i] = tokenOf[uint32(holdings >> 32 * i)];
        }
    }

    function assetOf(address token) external view returns (Asset memory) {
        return _assets[token];
    }

    // -------------------------------------------------------------------------------------------------------- value

    /// @dev floor(sum of balance * v / 2^64), and of quote units `withheld` fewer than there are. Holdings and factors
    ///      rise by id, so one pass meets all. An asset without a factor counts nothing.
    function _valueOf(address account, uint40 epochId, Factor[] calldata factors, uint256 withheld)
        internal
        view
        returns (uint128)
    {
        requireFactors(oracle, epochId, factors);
        mapping(uint32 id => uint96) storage own = _balances[account];
        uint256 holdings = _holdings[account];
        uint256 sum;
        uint256 last;
        for (uint256 i = 0; i < factors.length; ++i) {
            Factor calldata factor = factors[i];
            uint32 id = factor.assetId;
            if (id <= last) revert FactorsOutOfOrder(i);
            last = id;
            while (uint32(holdings) != 0 && uint32(holdings) < id) holdings >>= 32;
            if (uint32(holdings) == id) {
                uint256 balance = own[id];
                if (id == quoteId) balance -= withheld;
                // 8 assets of 2^96 units at 2^80: below 2^179.
                unchecked {
                    sum += balance * factor.v;
                }
            }
        }
        for (; holdings != 0; holdings >>= 32) {
            uint32 id = uint32(holdings);
            if (id >= MARKED) sum += marks.valueOf(id, own[id], epochId);
        }
        return uint128(sum >> 64);
    }

    // ----------------------------------------------------------------------------------------------------- balances

    function _credit(address account, uint32 id, uint256 amount) internal {
        uint96 balance = _balances[account][id];
        if (balance == 0) _holdings[account] = _with(account, _holdings[account], id);
        _balances[account][id] = _to96(balance + amount);
    }

    function _debit(address account, address token, uint32 id, uint256 amount) internal {
        uint96 balance = _balances[account][id];
        if (amount > balance) revert InsufficientBalance(account, token, balance, amount);
        if (amount == balance) _holdings[account] = _without(_holdings[account], id);
        unchecked {
            _balances[account][id] = uint96(balance - amount);
        }
    }

    /// @dev All balances of one account to another.
    function _moveAll(address from, address to) internal {
        uint256 holdings = _holdings[from];
        _holdings[from] = 0;
        for (; holdings != 0; holdings >>= 32) {
            uint32 id = uint32(holdings);
            uint256 amount = _balances[from][id];
            _balances[from][id] = 0;
            _credit(to, id, amount);
        }
    }

    function _with(address account, uint256 holdings, uint32 id) private view returns (uint256) {
        uint256 below;
        bool quoted = id == quoteId;
        uint256 count = 1;
        for (uint256 rest = holdings; rest != 0; rest >>= 32) {
            if (uint32(rest) < id) ++below;
            if (uint32(rest) == quoteId) quoted = true;
            ++count;
        }
        if (count > (quoted ? MOST_ASSETS : MOST_ASSETS - 1)) revert TooManyAssets(account);
        uint256 shift = 32 * below;
        uint256 low = (1 << shift) - 1;
        return (holdings & low) | uint256(id) << shift | (holdings & ~low) << 32;
    }

    function _without(uint256 holdings, uint32 id) private pure returns (uint256) {
        uint256 shift;
        while (uint32(holdings >> shift) != id) shift += 32;
        uint256 low = (1 << shift) - 1;
        return (holdings & low) | (holdings >> 32 & ~low);
    }

    function _count(uint256 holdings) private pure returns (uint256 count) {
        for (; holdings != 0; holdings >>= 32) ++count;
    }

    // ------------------------------------------------------------------------------------------------------- tokens

    /// @dev Take tokens from the sender. The cap does not bind where `unbounded`.
    function _pull(address token, uint256 amount, bool unbounded) internal returns (uint32 id) {
        Asset memory asset = _assets[token];
        if (asset.listing != Listing.Open) revert AssetNotListed(token);
        if (amount == 0) revert NoAmount();
        uint96 held = _to96(asset.held + uint256(_to96(amount)));
        if (held > asset.cap && !unbounded) revert CapExceeded(token, held, asset.cap);
        ExactTransfer.pull(token, amount, asset.held);
        _assets[token].held = held;
        return asset.id;
    }

    function _push(address token, address to, uint256 amount) internal {
        _assets[token].held -= uint96(amount);
        ExactTransfer.push(token, to, amount);
    }

    function _idOf(address token) internal view returns (uint32 id) {
        return _listed(token).id;
    }

    function _isCapped(address token, uint256 amount) internal view returns (bool) {
        Asset memory asset = _assets[token];
        return asset.held + amount > asset.cap;
    }

    function _listed(address token) private view returns (Asset storage asset) {
        asset = _assets[token];
        if (asset.listing == Listing.Unlisted) revert AssetNotListed(token);
    }

    function _list(address token, uint32 id, uint96 cap) private {
        _requireSetting("token", token.code.length);
        _requireSetting("id", id);
        if (_assets[token].listing != Listing.Unlisted || tokenOf[id] != address(0)) revert AssetAlreadyListed(token, id);
        _assets[token] = Asset(id, 0, cap, Listing.Open);
        tokenOf[id] = token;
        emit AssetListed(token, id, cap);
    }

    function _setListing(address token, Listing listing) private {
        _listed(token).listing = listing;
        emit ListingChanged(token, listing);
    }

    function _to96(uint256 amount) internal pure returns (uint96) {
        if (amount > type(uint96).max) revert AmountTooWide(amount);
        return uint96(amount);
    }

    function _requireSetting(string memory name, uint256 setting) internal pure {
        if (setting == 0) revert SettingMissing(name);
    }
}
