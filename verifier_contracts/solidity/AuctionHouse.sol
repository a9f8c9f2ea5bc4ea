// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IAuctionHouse, Stage} from "./IAuctionHouse.sol";
import {IDeliveries} from "./IDeliveries.sol";
import {ILiveClock} from "./ILiveClock.sol";
import {IStandingBid} from "./IStandingBid.sol";
import {LiquidatorSeats} from "./LiquidatorSeats.sol";
import {LotTerms} from "./LotTerms.sol";

/// @title Auctions of whole portfolios that nobody may see
/// @notice A lot is a failed account's commitment and basket as one. Seated liquidators bid openly on what is public; four
///         of them and the fund are shortlisted, and the opening is delivered to their keys. Those who got it may better
///         their bids by one commit and reveal. The best price is paid. A price is what the winner pays into the failed
///         account, in quote units; below 0 it is what the fund pays him.
///
///         | stage      | who does what                                      | how it ends                          |
///         |------------|----------------------------------------------------|--------------------------------------|
///         | Blind      | seated liquidators bid, bindingly                  | by time; late bids extend it, twice  |
///         | Disclosure | venue, else committee, delivers; else it is public | by time                              |
///         | Commit     | who got the opening commits to a price             | by time                              |
///         | Sealed     | nobody anything                                    | a minute                             |
///         | Reveal     | anybody shows a price with its salt                | by time                              |
///         | Clearing   | anybody has the winner named                       | by `clear`                           |
///         | Award      | the winner carries the lot away, through the coordinator | `settle`, or `fail` after its time |
///
///         Times are live: they stand still while nobody can be asked to act. All of them together are at most
///         `MOST_TIME`, the part of `lagSeconds` that R15 leaves for an auction, and no lot opens under an epoch that
///         covers less than that and what went before.
///
///         **Reserve**, in one round (R29): a price of 95 % of V or more always counts. A lower one
///         counts once the account's shortfall is proven (R5), so that a solvent sleeper is never sold; then down to what
///         the fund stands for, its cap, as every bid must beat that. If the best price does not count, the lot fails.
///
///         **Bond** (R30): max(leastBond, kappa · max(M, V) · √(longest / horizon)), locked by the first bid. It is
///         forfeited to the fund, never to the failed account, by whoever commits and does not reveal, or wins and does
///         not carry; not by whoever is outbid, or never got the opening.
/// @dev    What each guard is for is said beside it. No loop is longer than five, nothing is pushed to bidders, and what
///         anybody copies from the mempool has the effect that its author wanted, or none.
contract AuctionHouse is LiquidatorSeats, IAuctionHouse {
    /// @notice Live seconds of each stage.
    struct Times {
        uint32 blind;
        uint32 disclosure;
        uint32 commit;
        uint32 reveal;
        uint32 award;
    }

    /// @dev Two words. `price` is the blind bid, and later what was revealed if that is more.
    struct Entry {
        address bidder;
        int96 price;
        bytes32 commitment;
    }

    /// @notice A lot. Place 0 is the fund's; bit i of `delivered`, `revealed`, `forfeited`, `passed`, `released` is of
    ///         place i.
    /// @param end       None while it goes on.
    /// @param winner    Place and 1; 0 while nobody is named.
    /// @param passed    No candidate: not revealed, never got the opening, or did not carry.
    /// @param released  Whose bond is settled already.
    /// @param reserve   95 % of V.
    /// @param step      By how much a bid must beat what it beats.
    /// @param digest    Hash of its terms.
    /// @param keys      Numbers of the keys that the shortlist was drawn up with.
    struct Lot {
        Stage end;
        uint8 count;
        uint8 extensions;
        bool shortfall;
        uint8 winner;
        uint8 delivered;
        uint8 revealed;
        uint8 forfeited;
        uint8 passed;
        uint8 released;
        uint40 blindEnds;
        uint40 awardEnds;
        uint96 bond;
        uint96 step;
        address account;
        int96 reserve;
        bytes32 digest;
        uint16[5] keys;
        Entry[5] entries;
    }

    uint256 public constant PLACES = 5;
    /// @notice A bid in the last so many live seconds of the blind stage makes it so much longer, twice at most.
    uint32 public constant EXTENSION = 2 minutes;
    uint8 public constant MOST_EXTENSIONS = 2;
    /// @notice Between the last commit and the first reveal: a reorganisation that undoes reveals which were seen leads
    ///         back to no block in which one could still commit, unless it is as long as this.
    uint32 public constant SEAL = 1 minutes;
    /// @notice R15's part of `lagSeconds` for an auction.
    uint32 public constant MOST_TIME = 40 minutes;
    /// @notice Percent of V that a lot costs without a proof of its shortfall.
    uint256 public constant RESERVE = 95;
    bytes32 public constant BID_TYPEHASH = keccak256(
        "SealedBid(uint256 chainId,address house,uint256 lotId,bytes32 lot,address bidder,int256 price,bytes32 salt)"
    );
    uint256 private constant BASIS_POINTS = 1e4;
    /// @dev Of margins and V, to one of the quote asset.
    uint256 private constant MICROS = 1e6;
    /// @dev Smallest units to one of the quote asset.
    uint256 private immutable _one;

    ILiveClock public immutable oracle;
    uint32 public immutable blindTime;
    uint32 public immutable disclosureTime;
    uint32 public immutable commitTime;
    uint32 public immutable revealTime;
    uint32 public immutable awardTime;
    /// @notice Wall seconds from the last proven cover until a lot opens, at worst: silence, partial closing, age of the
    ///         epoch, one stop of the breaker.
    uint32 public immutable timeBefore;

    mapping(uint256 lotId => Lot) private _lots;

    event LotOpened(
        uint256 indexed lotId,
        address indexed account,
        LotTerms terms,
        uint96 bond,
        uint96 step,
        int96 reserve,
        int96 standing,
        uint40 blindEnds
    );
    event BlindBid(
        uint256 indexed lotId, address indexed bidder, uint8 place, int96 price, address outbid, uint40 blindEnds
    );
    event DeliveryNoted(uint256 indexed lotId, uint8 places);
    event BidCommitted(uint256 indexed lotId, address indexed bidder, bytes32 commitment);
    event BidRevealed(uint256 indexed lotId, address indexed bidder, int96 price, int96 counts);
    event ShortfallShown(uint256 indexed lotId);
    event WinnerNamed(uint256 indexed lotId, address indexed bidder, int96 price, uint40 awardEnds);
    event BondForfeited(uint256 indexed lotId, address indexed bidder, uint96 amount);
    event LotSettled(uint256 indexed lotId, address indexed bidder, int96 price);
    event LotVoided(uint256 indexed lotId);
    event LotFailed(uint256 indexed lotId);
    event BondReleased(uint256 indexed lotId, address indexed bidder, uint96 amount);

    error WrongStage(uint256 lotId, Stage present);
    error LotExists(uint256 lotId);
    error OtherLot(uint256 lotId, bytes32 digest, bytes32 present);
    error OwnLot(uint256 lotId, address bidder);
    error BidTooLow(uint256 lotId, int256 price, int256 least);
    error NotShortlisted(uint256 lotId, address bidder);
    error NotDelivered(uint256 lotId, address bidder);
    error FundStands(uint256 lotId);
    error NoCommitment(uint256 lotId, address bidder);
    error OtherBid(uint256 lotId, address bidder, bytes32 commitment);
    error AwardNotOver(uint256 lotId, uint256 ends);
    error AwardOver(uint256 lotId, uint256 ends);
    error NothingToRelease(uint256 lotId, address bidder);
    error StagesTooLong(uint256 longest, uint256 most);
    error LagTooShort(uint256 horizon, uint256 needed);
    error PriceTooWide(int256 price);

    constructor(
        address authority_,
        ILiveClock oracle_,
        IDeliveries escrow_,
        address quote_,
        address fund_,
        Bounds memory bounds_,
        Times memory times,
        uint32 timeBefore_
    ) AccessManaged(authority_) LiquidatorSeats(escrow_, quote_, fund_, bounds_) {
        if (authority_.code.length == 0) revert SettingMissing("authority");
        if (address(oracle_).code.length == 0) revert SettingMissing("oracle");
        if (times.blind < EXTENSION) revert SettingMissing("blind");
        if (times.disclosure == 0) revert SettingMissing("disclosure");
        if (times.commit == 0) revert SettingMissing("commit");
        if (times.reveal == 0) revert SettingMissing("reveal");
        if (times.award == 0) revert SettingMissing("award");
        oracle = oracle_;
        (blindTime, disclosureTime, commitTime) = (times.blind, times.disclosure, times.commit);
        (revealTime, awardTime, timeBefore) = (times.reveal, times.award, timeBefore_);
        _one = 10 ** IERC20Metadata(quote_).decimals();
        uint256 total = longest();
        if (total > MOST_TIME) revert StagesTooLong(total, MOST_TIME);
    }

    // ------------------------------------------------------------------------------------- what the coordinator does

    /// @inheritdoc IAuctionHouse
    function open(LotTerms calldata terms) external restricted {
        Lot storage lot = _lots[terms.lotId];
        if (terms.lotId == 0 || lot.digest != 0) revert LotExists(terms.lotId);
        // Else a price agreed at the end would be of a book that the margin does not bound any more (R15).
        if (terms.horizon < timeBefore + longest()) revert LagTooShort(terms.horizon, timeBefore + longest());
        uint256 size = Math.max(terms.value, terms.margin);
        (lot.count, lot.blindEnds) = (1, uint40(oracle.liveTime() + blindTime));
        (lot.bond, lot.step) = (_bondFor(size, terms.horizon), _stepFor(size));
        lot.account = terms.account;
        lot.reserve = _toPrice(int256(_toQuote(Math.mulDiv(terms.value, RESERVE, 100, Math.Rounding.Ceil))));
        lot.digest = digestOf(terms);
        address agent = fundAgent;
        lot.keys[0] = _keyWithoutSeat(agent);
        int96 standing = _toPrice(IStandingBid(fund).standingBid(terms));
        (lot.entries[0].bidder, lot.entries[0].price) = (agent, standing);
        emit LotOpened(
            terms.lotId, terms.account, terms, lot.bond, lot.step, lot.reserve, standing, lot.blindEnds
        );
    }

    /// @inheritdoc IAuctionHouse
    function showShortfall(uint256 lotId) external restricted {
        Lot storage lot = _goingOn(lotId);
        lot.shortfall = true;
        emit ShortfallShown(lotId);
    }

    /// @inheritdoc IAuctionHouse
    function voidLot(uint256 lotId) external restricted {
        Lot storage lot = _goingOn(lotId);
        // Bonds that were forfeited are still the lot's: on a lot that should never have been, nobody was at fault.
        for (uint256 place = 1; place < lot.count; ++place) {
            if (_has(lot.forfeited, place)) _giveBack(lot.entries[place].bidder, lot.bond);
        }
        (lot.forfeited, lot.end) = (0, Stage.Voided);
        emit LotVoided(lotId);
    }

    /// @inheritdoc IAuctionHouse
    function settle(uint256 lotId, address receiver)
        external
        restricted
        nonReentrant
        returns (address bidder, int256 price)
    {
        Lot storage lot = _in(lotId, Stage.Award);
        if (oracle.liveTime() > lot.awardEnds) revert AwardOver(lotId, lot.awardEnds);
        uint256 place = lot.winner - 1;
        (bidder, price) = (lot.entries[place].bidder, lot.entries[place].price);
        _end(lot, Stage.Settled);
        if (place != 0) _release(lotId, lot, place);
        emit LotSettled(lotId, bidder, int96(price));
        if (price > 0) {
            if (receiver == address(0) || receiver == address(this)) revert NoReceiver(receiver);
            _debit(bidder, uint256(price));
            _send(receiver, uint256(price));
        }
    }

    // --------------------------------------------------------------------------------------------- what bidders do

    /// @notice Bid on what is public (role: liquidator, seated). It binds: if nothing better is revealed, the sender has
    ///         bought at this price, and there is no taking it back. It must beat the fund, the sender's own bid before,
    ///         and where the shortlist is full the lowest there, by `step`: 1 % of max(M, V), so that nobody gets in, or
    ///         stays in, for dust.
    /// @param digest Of the terms that the sender has read: after a reorganisation another lot may have this number.
    function blindBid(uint256 lotId, bytes32 digest, int96 price) external restricted {
        Lot storage lot = _in(lotId, Stage.Blind);
        _requireDigest(lotId, lot, digest);
        // The failed account buying itself out of its loss is a cure without cover. That other addresses of its owner
        // bid, nobody can see: they pay the price, and carry the whole with cover.
        if (msg.sender == lot.account) revert OwnLot(lotId, msg.sender);
        // One man, one place.
        if (msg.sender == lot.entries[0].bidder) revert FundStands(lotId);
        uint16 key = _requireSeated(msg.sender);
        uint256 place = _placeFor(lot, msg.sender);
        Entry storage entry = lot.entries[place];
        address outbid = entry.bidder;
        int256 least = int256(outbid == address(0) ? lot.entries[0].price : entry.price) + int256(uint256(lot.step));
        if (price < least) revert BidTooLow(lotId, price, least);
        if (outbid == address(0)) lot.count = uint8(place + 1);
        else _unlock(outbid, lot.bond);
        _lock(msg.sender, lot.bond);
        (entry.bidder, entry.price, lot.keys[place]) = (msg.sender, price, key);
        if (lot.extensions < MOST_EXTENSIONS && oracle.liveTime() + EXTENSION >= lot.blindEnds) {
            ++lot.extensions;
            lot.blindEnds += EXTENSION;
        }
        emit BlindBid(lotId, msg.sender, uint8(place), price, outbid, lot.blindEnds);
    }

    /// @notice Commit to a price, as one who got the opening. Until the stage ends the last commitment counts, so that one
    ///         whose salt is lost can be replaced.
    /// @param commitment `commitmentOf`. It names the bidder: whoever copies it can reveal nothing, and pays for that.
    function commit(uint256 lotId, bytes32 digest, bytes32 commitment) external {
        Lot storage lot = _in(lotId, Stage.Commit);
        _requireDigest(lotId, lot, digest);
        uint256 place = _placeOf(lotId, lot, msg.sender);
        // Its bid is what the reserve ends in: it has no bond to lose by withdrawing it.
        if (place == 0) revert FundStands(lotId);
        if (commitment == 0) revert NoCommitment(lotId, msg.sender);
        if (!_has(_noteDelivery(lotId, lot), place)) revert NotDelivered(lotId, msg.sender);
        lot.entries[place].commitment = commitment;
        emit BidCommitted(lotId, msg.sender, commitment);
    }

    /// @notice Have it known in time that the opening was delivered (anyone). Each commitment does so for all. What nobody
    ///         has noted when commitments end was delivered to nobody: a venue could otherwise wait for the reveals, and
    ///         then choose whether bidders are bound.
    function noteDelivery(uint256 lotId) external {
        Stage stage = stageOf(lotId);
        if (stage != Stage.Disclosure && stage != Stage.Commit) revert WrongStage(lotId, stage);
        _noteDelivery(lotId, _lots[lotId]);
    }

    /// @notice Show a committed price (anyone: it names its bidder). A lower one than the blind bid leaves that standing.
    function reveal(uint256 lotId, address bidder, int96 price, bytes32 salt) external {
        Lot storage lot = _in(lotId, Stage.Reveal);
        uint256 place = _placeOf(lotId, lot, bidder);
        Entry storage entry = lot.entries[place];
        if (entry.commitment == 0) revert NoCommitment(lotId, bidder);
        bytes32 shown = commitmentOf(lotId, lot.digest, bidder, price, salt);
        if (shown != entry.commitment) revert OtherBid(lotId, bidder, shown);
        lot.revealed |= _bit(place);
        if (price > entry.price) entry.price = price;
        emit BidRevealed(lotId, bidder, price, entry.price);
    }

    /// @notice Have the winner named once all could reveal (anyone).
    function clear(uint256 lotId) external {
        Lot storage lot = _in(lotId, Stage.Clearing);
        for (uint256 place = 1; place < lot.count; ++place) {
            if (lot.entries[place].commitment != 0 && !_has(lot.revealed, place)) {
                _forfeit(lotId, lot, place);
            } else if (!_has(lot.delivered, place)) {
                // Without the opening in time he cannot have looked: his bond is not for what others withheld.
                lot.passed |= _bit(place);
            }
        }
        _name(lotId, lot);
    }

    /// @notice Pass over a winner who did not carry the lot in time (anyone). His bond is forfeited, and the next best is
    ///         named, for as long again; behind all bidders the fund, and if it does not carry either, the lot fails.
    function fail(uint256 lotId) external {
        Lot storage lot = _in(lotId, Stage.Award);
        if (oracle.liveTime() <= lot.awardEnds) revert AwardNotOver(lotId, lot.awardEnds);
        uint256 place = lot.winner - 1;
        if (place == 0) lot.passed |= 1;
        else _forfeit(lotId, lot, place);
        lot.winner = 0;
        _name(lotId, lot);
    }

    /// @notice Free somebody's bond once a lot has ended (anyone; it is his to withdraw).
    function refund(uint256 lotId, address bidder) external {
        Lot storage lot = _lots[lotId];
        if (lot.end == Stage.None) revert WrongStage(lotId, stageOf(lotId));
        uint256 place = _placeOf(lotId, lot, bidder);
        if (place == 0 || _has(lot.released, place)) revert NothingToRelease(lotId, bidder);
        _release(lotId, lot, place);
    }

    // ------------------------------------------------------------------------------------------------------ reading

    /// @inheritdoc IAuctionHouse
    function stageOf(uint256 lotId) public view returns (Stage) {
        Lot storage lot = _lots[lotId];
        if (lot.digest == 0) return Stage.None;
        if (lot.end != Stage.None) return lot.end;
        if (lot.winner != 0) return Stage.Award;
        uint256 live = oracle.liveTime();
        uint256 ends = lot.blindEnds;
        if (live < ends) return Stage.Blind;
        if (live < (ends += disclosureTime)) return Stage.Disclosure;
        if (live < (ends += commitTime)) return Stage.Commit;
        if (live < (ends += SEAL)) return Stage.Sealed;
        return live < ends + revealTime ? Stage.Reveal : Stage.Clearing;
    }

    /// @inheritdoc IAuctionHouse
    function shortlistOf(uint256 lotId)
        external
        view
        returns (address[5] memory bidders, uint256[2][5] memory keys, uint8 count)
    {
        Stage stage = stageOf(lotId);
        if (stage == Stage.None || stage == Stage.Blind) revert WrongStage(lotId, stage);
        Lot storage lot = _lots[lotId];
        count = lot.count;
        for (uint256 place = 0; place < count; ++place) {
            bidders[place] = lot.entries[place].bidder;
            keys[place] = _key(bidders[place], lot.keys[place]);
        }
    }

    /// @inheritdoc IAuctionHouse
    function winnerOf(uint256 lotId) external view returns (address bidder, int256 price) {
        Stage stage = stageOf(lotId);
        if (stage != Stage.Award && stage != Stage.Settled) revert WrongStage(lotId, stage);
        Lot storage lot = _lots[lotId];
        Entry storage entry = lot.entries[lot.winner - 1];
        return (entry.bidder, entry.price);
    }

    function lotOf(uint256 lotId) external view returns (Lot memory) {
        return _lots[lotId];
    }

    /// @notice Live seconds from opening until the first winner must have carried, at most. Each one who does not makes it
    ///         longer by `awardTime`, and his bond, which is for all of it, is what that costs.
    function longest() public view returns (uint32) {
        return blindTime + MOST_EXTENSIONS * EXTENSION + disclosureTime + commitTime + SEAL + revealTime + awardTime;
    }

    /// @notice By which bids name the lot that they are for.
    function digestOf(LotTerms calldata terms) public pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }

    /// @notice What a bidder commits to. Of no other chain, house, lot, account, bidder or price.
    function commitmentOf(uint256 lotId, bytes32 digest, address bidder, int256 price, bytes32 salt)
        public
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(BID_TYPEHASH, block.chainid, address(this), lotId, digest, bidder, price, salt));
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev Who is known to have got the opening.
    function _noteDelivery(uint256 lotId, Lot storage lot) private returns (uint8 delivered) {
        (uint8 places, bool isPublic) = escrow.deliveredTo(lotId);
        delivered = lot.delivered | (isPublic ? type(uint8).max : places);
        if (delivered == lot.delivered) return delivered;
        lot.delivered = delivered;
        emit DeliveryNoted(lotId, delivered);
    }

    /// @dev The best candidate, or the end of the lot.
    function _name(uint256 lotId, Lot storage lot) private {
        (uint256 place, bool found) = _best(lot);
        int96 price = lot.entries[place].price;
        if (!found || (price < lot.reserve && !lot.shortfall)) {
            _end(lot, Stage.Failed);
            emit LotFailed(lotId);
            return;
        }
        lot.winner = uint8(place + 1);
        lot.awardEnds = uint40(oracle.liveTime() + awardTime);
        emit WinnerNamed(lotId, lot.entries[place].bidder, price, lot.awardEnds);
    }

    /// @dev First price; among equals whose hash with all commitments is lowest, which nobody knew before they were made.
    function _best(Lot storage lot) private view returns (uint256 best, bool found) {
        for (uint256 place = 0; place < lot.count; ++place) {
            if (_has(lot.passed, place)) continue;
            int96 price = lot.entries[place].price;
            int96 highest = lot.entries[best].price;
            if (!found || price > highest || (price == highest && _drawn(lot, place) < _drawn(lot, best))) {
                (best, found) = (place, true);
            }
        }
    }

    function _drawn(Lot storage lot, uint256 place) private view returns (bytes32) {
        Entry[5] storage entries = lot.entries;
        return keccak256(
            abi.encode(
                lot.digest,
                entries[1].commitment,
                entries[2].commitment,
                entries[3].commitment,
                entries[4].commitment,
                entries[place].bidder
            )
        );
    }

    /// @dev Not the fund's place, which has no bond. Kept in the lot until that has ended, for it may be voided.
    function _forfeit(uint256 lotId, Lot storage lot, uint256 place) private {
        lot.passed |= _bit(place);
        lot.forfeited |= _bit(place);
        _seize(lot.entries[place].bidder, lot.bond);
        emit BondForfeited(lotId, lot.entries[place].bidder, lot.bond);
    }

    /// @dev Settled or failed: what was forfeited is the fund's.
    function _end(Lot storage lot, Stage end) private {
        lot.end = end;
        uint256 forfeits;
        for (uint256 place = 1; place < lot.count; ++place) {
            if (_has(lot.forfeited, place)) forfeits += lot.bond;
        }
        lot.released |= lot.forfeited;
        if (forfeits != 0) _credit(fund, forfeits);
    }

    function _release(uint256 lotId, Lot storage lot, uint256 place) private {
        lot.released |= _bit(place);
        _unlock(lot.entries[place].bidder, lot.bond);
        emit BondReleased(lotId, lot.entries[place].bidder, lot.bond);
    }

    /// @dev Where a bid goes: the bidder's place, a free one, or the lowest's. Never the fund's.
    function _placeFor(Lot storage lot, address bidder) private view returns (uint256 place) {
        uint256 count = lot.count;
        place = 1;
        for (uint256 i = 1; i < count; ++i) {
            if (lot.entries[i].bidder == bidder) return i;
            if (lot.entries[i].price < lot.entries[place].price) place = i;
        }
        if (count < PLACES) place = count;
    }

    function _placeOf(uint256 lotId, Lot storage lot, address bidder) private view returns (uint256) {
        for (uint256 place = 0; place < lot.count; ++place) {
            if (lot.entries[place].bidder == bidder) return place;
        }
        revert NotShortlisted(lotId, bidder);
    }

    function _in(uint256 lotId, Stage wanted) private view returns (Lot storage) {
        Stage present = stageOf(lotId);
        if (present != wanted) revert WrongStage(lotId, present);
        return _lots[lotId];
    }

    function _goingOn(uint256 lotId) private view returns (Lot storage lot) {
        lot = _lots[lotId];
        if (lot.digest == 0 || lot.end != Stage.None) revert WrongStage(lotId, stageOf(lotId));
    }

    function _requireDigest(uint256 lotId, Lot storage lot, bytes32 digest) private view {
        if (digest != lot.digest) revert OtherLot(lotId, digest, lot.digest);
    }

    /// @dev kappa · size · √(longest / horizon), rounded up in each step: against whoever posts it.
    function _bondFor(uint256 size, uint32 horizon) private view returns (uint96) {
        uint256 root = Math.sqrt(Math.mulDiv(longest(), 1 << 128, horizon, Math.Rounding.Ceil), Math.Rounding.Ceil);
        uint256 micros = Math.mulDiv(size * bounds.kappa, root, BASIS_POINTS << 64, Math.Rounding.Ceil);
        uint256 bond = Math.max(_toQuote(micros), bounds.leastBond);
        if (bond > type(uint96).max) revert AmountTooWide(bond);
        return uint96(bond);
    }

    function _stepFor(uint256 size) private view returns (uint96) {
        uint256 step = Math.max(_toQuote(Math.ceilDiv(size, 100)), 1);
        if (step > type(uint96).max) revert AmountTooWide(step);
        return uint96(step);
    }

    function _toQuote(uint256 micros) private view returns (uint256) {
        return Math.mulDiv(micros, _one, MICROS, Math.Rounding.Ceil);
    }

    function _toPrice(int256 price) private pure returns (int96) {
        if (price != int96(price)) revert PriceTooWide(price);
        return int96(price);
    }

    function _bit(uint256 place) private pure returns (uint8) {
        return uint8(1 << place);
    }

    function _has(uint8 places, uint256 place) private pure returns (bool) {
        return places >> place & 1 != 0;
    }
}
