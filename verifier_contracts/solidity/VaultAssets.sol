// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {AssetMarks} from "./AssetMarks.sol";
import {requireFactors} from "./Epochs.sol";
import {ExactTransfer} from "./ExactTransfer.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IGainsAllocator} from "./IGainsAllocator.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {PausableByClass} from "./PausableByClass.sol";
import {Holding, Purse, packHolding} from "./Purse.sol";

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

    /// @notice Who charges losses to gains; 0 until it is installed.
    IGainsAllocator public allocator;

    mapping(address token => Asset) private _assets;
    /// @notice The token of an asset; 0 if it was never listed.
    mapping(uint32 id => address token) public tokenOf;
    mapping(address account => Purse) internal _purses;
    /// @dev Of what is not the quote asset.
    mapping(address account => mapping(uint32 id => Holding)) private _holdings;

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
        requireFactors(oracle, epochId, factors);
        return valuationOf(account, epochId, factors);
    }

    /// @inheritdoc ICollateralVault
    function valuationOf(address account, uint40 epochId, Factor[] calldata factors) public view returns (uint128) {
        Purse purse = _purses[account];
        uint256 due;
        if (purse.watched()) (due,) = allocator.statusOf(account);
        return _valueOf(account, purse, epochId, factors, _quoteFactorOf(factors), due);
    }

    /// @inheritdoc ICollateralVault
    function valuations(address[] calldata accounts, uint40 epochId, Factor[] calldata factors)
        external
        view
        returns (uint128[] memory values)
    {
        uint256 quoteFactor = _quoteFactorOf(factors);
        // Allocates the answer as it will be returned: 32, then the array, all 0.
        assembly ("memory-safe") {
            let answer := mload(0x40)
            let size := shl(5, accounts.length)
            values := add(answer, 0x20)
            mstore(answer, 0x20)
            mstore(values, accounts.length)
            calldatacopy(add(answer, 0x40), calldatasize(), size)
            mstore(0x40, add(answer, add(0x40, size)))
        }
        for (uint256 i = 0; i < accounts.length; ++i) {
            Purse purse = _purses[accounts[i]];
            uint256 value;
            if (purse.first() == 0 && !purse.watched()) {
                // 2^96 units at 2^80: below 2^176.
                unchecked {
                    value = purse.quote() * quoteFactor >> 64;
                }
            } else {
                try this.valuationOf(accounts[i], epochId, factors) returns (uint128 found) {
                    value = found;
                } catch {}
            }
            // The array's element i, of as many as there are accounts.
            assembly ("memory-safe") {
                mstore(add(values, shl(5, add(i, 1))), value)
            }
        }
        assembly ("memory-safe") {
            return(sub(values, 0x20), add(0x40, shl(5, mload(values))))
        }
    }

    /// @inheritdoc ICollateralVault
    function balanceOf(address account, address token) public view returns (uint256) {
        return token == quote ? _purses[account].quote() : _holdings[account][_assets[token].id].amount();
    }

    /// @notice The tokens that an account holds.
    function holdingsOf(address account) external view returns (address[] memory tokens) {
        Purse purse = _purses[account];
        mapping(uint32 id => Holding) storage own = _holdings[account];
        tokens = new address[](MOST_ASSETS);
        uint256 count;
        bool quoted = purse.quote() == 0;
        uint32 id = purse.first();
        while (id != 0 || !quoted) {
            if (!quoted && (id == 0 || id > quoteId)) {
                (tokens[count++], quoted) = (quote, true);
            } else {
                (tokens[count++], id) = (tokenOf[id], own[id].next());
            }
        }
        assembly ("memory-safe") {
            mstore(tokens, count)
        }
    }

    function assetOf(address token) external view returns (Asset memory) {
        return _assets[token];
    }

    // -------------------------------------------------------------------------------------------------------- value

    /// @dev floor(sum of balance * v / 2^64), and of quote units `withheld` fewer than there are. An asset without a
    ///      factor counts nothing. That the factors are the epoch's is the caller's to see to.
    /// @param quoteFactor Of `_quoteFactorOf`, which has checked the order of the factors.
    function _valueOf(
        address account,
        Purse purse,
        uint40 epochId,
        Factor[] calldata factors,
        uint256 quoteFactor,
        uint256 withheld
    ) internal view returns (uint128) {
        uint256 sum = (purse.quote() - withheld) * quoteFactor;
        // 8 assets of 2^96 units at 2^80: below 2^179.
        unchecked {
            if (purse.first() != 0) sum += _worthOf(_holdings[account], purse.first(), epochId, factors);
        }
        return uint128(sum >> 64);
    }

    /// @dev Sum of balance * v over the assets of a chain from `id` on. Holdings and factors rise by id, so one pass meets
    ///      all.
    function _worthOf(
        mapping(uint32 id => Holding) storage own,
        uint32 id,
        uint40 epochId,
        Factor[] calldata factors
    ) private view returns (uint256 sum) {
        (uint256 i, uint256 found, uint256 v) = (0, 0, 0);
        while (id != 0) {
            Holding holding = own[id];
            unchecked {
                while (found < id && i < factors.length) (found, v) = _factorAt(factors, i++);
                // Marks' units are below 2^80, too.
                if (found == id) sum += holding.amount() * v;
                else if (id >= MARKED) sum += marks.valueOf(id, holding.amount(), epochId);
            }
            id = holding.next();
        }
    }

    /// @dev Asset and v of the factor at a place below the list's length, as they stand in the calldata: of an id that has
    ///      more bits than its type no account holds anything, and such a v is refused, as Solidity's decoder would.
    function _factorAt(Factor[] calldata factors, uint256 i) private pure returns (uint256 id, uint256 v) {
        assembly ("memory-safe") {
            let place := add(factors.offset, mul(i, 0x60))
            id := calldataload(place)
            v := calldataload(add(place, 0x20))
            if shr(80, v) { revert(0, 0) }
        }
    }

    /// @dev v of the quote asset, 0 if there is none. Ids must rise: an account's assets are met in one pass.
    function _quoteFactorOf(Factor[] calldata factors) internal view returns (uint256 v) {
        uint256 last = 0;
        for (uint256 i = 0; i < factors.length; ++i) {
            (uint256 id, uint256 each) = _factorAt(factors, i);
            if (id <= last) revert FactorsOutOfOrder(i);
            if (id == quoteId) v = each;
            last = id;
        }
    }

    // ----------------------------------------------------------------------------------------------------- balances

    function _credit(address account, uint32 id, uint256 amount) internal {
        if (id == quoteId) {
            Purse purse = _purses[account];
            _purses[account] = purse.withQuote(_to96(purse.quote() + amount));
            return;
        }
        _setHolding(account, id, _to96(_holdings[account][id].amount() + amount));
    }

    function _debit(address account, address token, uint32 id, uint256 amount) internal {
        uint256 balance = balanceOf(account, token);
        if (amount > balance) revert InsufficientBalance(account, token, balance, amount);
        uint96 rest = uint96(balance - amount);
        if (id == quoteId) _purses[account] = _purses[account].withQuote(rest);
        else _setHolding(account, id, rest);
    }

    /// @dev All balances of one account to another.
    function _moveAll(address from, address to) internal {
        Purse purse = _purses[from];
        _purses[from] = purse.withQuote(0).withFirst(0);
        if (purse.quote() != 0) _credit(to, quoteId, purse.quote());
        uint32 id = purse.first();
        while (id != 0) {
            Holding holding = _holdings[from][id];
            _holdings[from][id] = Holding.wrap(0);
            _credit(to, id, holding.amount());
            id = holding.next();
        }
    }

    /// @dev Of another asset than the quote, which has a place of its own and is in no chain.
    function _setHolding(address account, uint32 id, uint96 amount) private {
        mapping(uint32 id => Holding) storage own = _holdings[account];
        Holding old = own[id];
        if ((old.amount() == 0) == (amount == 0)) {
            own[id] = old.withAmount(amount);
            return;
        }
        // It comes into the chain or leaves it: what is before it points to it, or to what is behind it.
        Purse purse = _purses[account];
        uint32 before = 0;
        uint32 behind = purse.first();
        uint256 count = 1;
        for (uint32 each = behind; each != 0; each = own[each].next()) {
            if (each < id) (before, behind) = (each, own[each].next());
            ++count;
        }
        uint32 to = id;
        if (amount == 0) {
            to = old.next();
            own[id] = Holding.wrap(0);
        } else {
            if (count >= MOST_ASSETS) revert TooManyAssets(account);
            own[id] = packHolding(amount, behind);
        }
        if (before == 0) _purses[account] = purse.withFirst(to);
        else own[before] = own[before].withNext(to);
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

    /// @dev The quote asset is listed for ever, from the constructor on.
    function _idOf(address token) internal view returns (uint32 id) {
        return token == quote ? quoteId : _listed(token).id;
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
