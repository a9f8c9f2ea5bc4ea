// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {EncryptionKey, IEscrow} from "./IEscrow.sol";
import {IAuctionHouse, Stage} from "./IAuctionHouse.sol";
import {IInsuranceFund} from "./IInsuranceFund.sol";
import {ILossAllocator} from "./ILossAllocator.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {IVenueBonds} from "./IVenueBonds.sol";
import {LotTerms} from "./LotTerms.sol";

/// Stands for the escrow: a proof is a hash of what it is of, and deliveries are what a test says.
contract TrialEscrow is IEscrow {
    IMarginManager public immutable manager;
    mapping(address account => mapping(uint256 commitment => bytes32)) public postedOf;
    mapping(uint256 lotId => uint256) public orders;
    mapping(uint256 lotId => uint256) public recipientsOf;
    mapping(uint256 lotId => uint8) private _seats;
    mapping(uint256 lotId => bool) private _published;
    bool public forgetful;

    error PostingRejected();

    constructor(IMarginManager manager_) {
        manager = manager_;
    }

    function forget(bool on) external {
        forgetful = on;
    }

    function postEscrow(
        address account,
        uint40 version,
        uint256 digest,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) external {
        uint256 commitment = manager.commitmentOf(account);
        bool right = version == manager.versionOf(account)
            && proof[0] == uint256(keccak256(abi.encode(account, version, commitment, digest, words)));
        if (!right) revert PostingRejected();
        if (!forgetful) postedOf[account][commitment] = bytes32(digest);
    }

    function orderDisclosure(uint256 lotId, address, EncryptionKey[] calldata recipients) external {
        ++orders[lotId];
        recipientsOf[lotId] = recipients.length;
        (_seats[lotId], _published[lotId]) = (0, false);
    }

    function deliver(uint256 lotId, uint8 seats, bool published) external {
        (_seats[lotId], _published[lotId]) = (seats, published);
    }

    function deliveredTo(uint256 lotId) external view returns (uint8, bool) {
        return (_seats[lotId], _published[lotId]);
    }
}

/// Stands for the auction house: stages and winners are what a test says; a lot ends once, and never after it has failed.
contract TrialHouse is IAuctionHouse {
    IERC20 public immutable quote;
    mapping(uint256 lotId => LotTerms) public termsOf;
    mapping(uint256 lotId => Stage) public stageOf;
    mapping(uint256 lotId => uint256) public endings;
    mapping(uint256 lotId => bool) public shown;
    mapping(uint256 lotId => address) private _bidders;
    mapping(uint256 lotId => int256) private _prices;
    uint8 public count = 2;
    uint256 public kept;

    error WrongStage(uint256 lotId, Stage stage);
    error LotExists(uint256 lotId);

    constructor(IERC20 quote_) {
        quote = quote_;
    }

    function set(uint256 lotId, Stage stage) external {
        if (stage == Stage.Failed) ++endings[lotId];
        stageOf[lotId] = stage;
    }

    function win(uint256 lotId, address bidder, int256 price) external {
        (_bidders[lotId], _prices[lotId], stageOf[lotId]) = (bidder, price, Stage.Award);
    }

    function keep(uint256 amount) external {
        kept = amount;
    }

    function open(LotTerms calldata terms) external {
        if (stageOf[terms.lotId] != Stage.None) revert LotExists(terms.lotId);
        termsOf[terms.lotId] = terms;
        stageOf[terms.lotId] = Stage.Blind;
    }

    function showShortfall(uint256 lotId) external {
        shown[lotId] = true;
    }

    function shortlistOf(uint256) external view returns (address[5] memory bidders, uint256[2][5] memory keys, uint8) {
        for (uint256 i = 0; i < count; ++i) (keys[i][0], keys[i][1]) = (i + 1, i + 100);
        return (bidders, keys, count);
    }

    function winnerOf(uint256 lotId) external view returns (address, int256) {
        if (stageOf[lotId] != Stage.Award) revert WrongStage(lotId, stageOf[lotId]);
        return (_bidders[lotId], _prices[lotId]);
    }

    function settle(uint256 lotId, address receiver) external returns (address bidder, int256 price) {
        if (stageOf[lotId] != Stage.Award) revert WrongStage(lotId, stageOf[lotId]);
        _end(lotId, Stage.Settled);
        (bidder, price) = (_bidders[lotId], _prices[lotId]);
        if (price > 0) quote.transfer(receiver, uint256(price) - kept);
    }

    function voidLot(uint256 lotId) external {
        if (stageOf[lotId] == Stage.None || stageOf[lotId] >= Stage.Settled) revert WrongStage(lotId, stageOf[lotId]);
        _end(lotId, Stage.Voided);
    }

    function _end(uint256 lotId, Stage stage) private {
        ++endings[lotId];
        stageOf[lotId] = stage;
    }
}

/// Stands for the fund: it pays what it has, and says what a test wants.
contract TrialFund is IInsuranceFund {
    IERC20 public immutable quote;
    uint256 public kept;
    uint256 public booked;
    uint256 public bookings;
    mapping(bytes32 lossId => uint256) public asked;

    constructor(IERC20 quote_) {
        quote = quote_;
    }

    function keep(uint256 amount) external {
        kept = amount;
    }

    function payableFor(address, address, uint40, uint256 amount) external view returns (uint256 own, uint256 shared) {
        uint256 present = quote.balanceOf(address(this));
        own = present / 2 < amount ? present / 2 : amount;
        shared = present - own < amount - own ? present - own : amount - own;
    }

    function cover(bytes32 lossId, address, address, uint40, uint256 amount) external returns (uint256 paid) {
        asked[lossId] += amount;
        uint256 present = quote.balanceOf(address(this));
        paid = present < amount ? present : amount;
        quote.transfer(msg.sender, paid - kept);
    }

    function bookReceived() external returns (uint256 amount) {
        amount = quote.balanceOf(address(this)) - booked;
        booked += amount;
        ++bookings;
    }
}

/// Stands for the allocator: gains bear at most what a test says, and are paid at once.
contract TrialAllocator is ILossAllocator {
    struct Loss {
        address venue;
        uint40 from;
        uint40 until;
        uint256 amount;
    }

    IERC20 public immutable quote;
    uint256 public most;
    uint256 public kept;
    mapping(bytes32 lossId => Loss) public losses;

    error RecordedTwice(bytes32 lossId);

    constructor(IERC20 quote_) {
        quote = quote_;
    }

    function keep(uint256 amount) external {
        kept = amount;
    }

    function bear(uint256 amount) external {
        most = amount;
    }

    function recordLoss(bytes32 lossId, address venue, uint40 from, uint40 until, uint256 amount)
        external
        returns (uint256 charged)
    {
        if (losses[lossId].venue != address(0)) revert RecordedTwice(lossId);
        losses[lossId] = Loss(venue, from, until, amount);
        charged = amount < most ? amount : most;
        quote.transfer(msg.sender, charged - kept);
    }
}

/// Stands for settlement's bonds and clearing accounts.
contract TrialBonds is IVenueBonds {
    IERC20 public immutable quote;
    mapping(address venue => uint256) public bonds;
    mapping(address venue => uint256) public clearing;

    constructor(IERC20 quote_) {
        quote = quote_;
    }

    function post(address venue, uint256 amount) external {
        bonds[venue] += amount;
    }

    function slashBond(address venue, uint256 amount, address to) external returns (uint256 taken) {
        taken = bonds[venue] < amount ? bonds[venue] : amount;
        bonds[venue] -= taken;
        quote.transfer(to, taken);
    }

    function fundClearing(address venue, uint256 amount) external {
        quote.transferFrom(msg.sender, address(this), amount);
        clearing[venue] += amount;
    }
}

/// Stands for the escrow where gas is counted: it verifies a proof of three inputs, evaluates the words, keeps and tells.
contract WeighingEscrow {
    IMarginManager public immutable manager;
    address public immutable verifier;
    mapping(address account => mapping(uint256 commitment => bytes32)) public postedOf;

    event EscrowPosted(address indexed account, uint256 indexed commitment, uint256 digest, uint256[] words);

    constructor(IMarginManager manager_, address verifier_) {
        (manager, verifier) = (manager_, verifier_);
    }

    function postEscrow(
        address account,
        uint40,
        uint256 digest,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) external {
        (uint256 challenge, uint256 evaluation) = inputsOf(digest, words);
        (bool done,) = verifier.staticcall(
            abi.encodeWithSignature("verifyProof(uint256[8],uint256[3])", proof, [digest, challenge, evaluation])
        );
        require(done);
        uint256 commitment = manager.commitmentOf(account);
        postedOf[account][commitment] = bytes32(digest);
        emit EscrowPosted(account, commitment, digest, words);
    }

    function inputsOf(uint256 digest, uint256[] calldata words) public pure returns (uint256 challenge, uint256 y) {
        uint256 order = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
        challenge = uint256(keccak256(abi.encodePacked(digest, words))) >> 8;
        for (uint256 i = words.length; i > 0; --i) y = addmod(mulmod(y, challenge, order), words[i - 1], order);
    }
}
