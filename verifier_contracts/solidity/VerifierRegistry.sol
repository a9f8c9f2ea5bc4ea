// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {BN254_ORDER} from "./Bn254.sol";
import {IMarginVerifier} from "./IMarginVerifier.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {requirePrecompiles} from "./Precompiles.sol";

/// @title The verifiers that a system of contracts believes, statement by statement
/// @notice A new verifier is announced, can be looked at for `WAIT`, and is then put in force by anyone; the one before
///         it goes on for proofs in flight until its sunset. A generation that turns out unsound is distrusted at once:
///         whoever asks `isTrusted` learns that what was proven under it does not stand.
///
///         A key serves one statement once, for ever: rotating from A to B and back to A would revive every proof that
///         was made under A and not shown yet.
contract VerifierRegistry is IVerifierRegistry, AccessManaged {
    /// @notice What whoever announces a verifier has checked of it, and what it must therefore say and do.
    struct Candidate {
        address verifier;
        /// Of its runtime code.
        bytes32 codeHash;
        /// Of the verification key.
        bytes32 keyDigest;
        /// Of the constraint system that the key was made for.
        bytes32 circuitDigest;
        /// Seconds for which proofs by the key before it are still taken, from the activation.
        uint40 sunset;
        /// A valid proof by this key, and what it proves. Any will do: it can be published, and is good for nothing
        /// else unless its context is that of an attestation.
        uint256[8] proof;
        uint256[] inputs;
    }

    /// @notice A candidate at deployment, when nothing rests on the registry yet and nobody has to wait.
    struct First {
        bytes32 statement;
        Candidate candidate;
    }

    /// @dev What `active` reads: one word, with the head of the key's digest. The rest is in the verifier's code.
    struct Active {
        address verifier;
        uint8 generation;
        bytes11 digestHead;
    }

    struct Generation {
        address verifier;
        /// First second at which it takes no proof any more; 0 while it is in force.
        uint40 sunset;
        bool distrusted;
        bytes32 keyDigest;
    }

    struct Announcement {
        bytes32 candidateHash;
        uint40 ready;
    }

    /// @notice From announcement to activation: longer than the longest way out of the system.
    uint40 public constant WAIT = 7 days;
    /// @notice An announcement that nobody activates so long after it is ready is void.
    uint40 public constant LAPSE = 30 days;
    uint40 public constant SHORTEST_SUNSET = 1 hours;
    uint40 public constant LONGEST_SUNSET = 30 days;
    /// @notice Generations of a statement, which readers store in five bits.
    uint32 public constant MOST_GENERATIONS = 31;

    /// @notice Whether keys from a single-party setup are taken. Where this is true, proofs are worth nothing: for
    ///         tests and trials only.
    bool public immutable allowsInsecureSetup;

    mapping(bytes32 statement => Active) private _active;
    mapping(bytes32 statement => mapping(uint32 generation => Generation)) private _generations;
    mapping(bytes32 statement => Announcement) public announcementOf;
    /// @notice Generations that a statement has had.
    mapping(bytes32 statement => uint32) public generationsOf;
    /// @notice The statement that a key has served or serves; 0 for a new key.
    mapping(bytes32 keyDigest => bytes32) public statementOfKey;

    event GenerationAnnounced(bytes32 indexed statement, bytes32 indexed keyDigest, uint40 ready, Candidate candidate);
    event AnnouncementCancelled(bytes32 indexed statement);
    event GenerationActivated(
        bytes32 indexed statement, uint32 indexed generation, bytes32 indexed keyDigest, address verifier, bool insecure
    );
    /// @notice `generation` takes proofs until `sunset`.
    event GenerationReplaced(bytes32 indexed statement, uint32 indexed generation, uint40 sunset);
    event GenerationRevoked(bytes32 indexed statement, uint32 indexed generation);
    /// @notice Emitted once, by a registry that was deployed to take keys from a single-party setup.
    event InsecureSetupAllowed();

    error StatementMissing();
    error NotAnnounced(bytes32 statement);
    error AnnouncementPending(bytes32 statement);
    error NotReady(bytes32 statement, uint256 ready);
    error AnnouncementLapsed(bytes32 statement, uint256 end);
    error NotTheCandidate(bytes32 announced, bytes32 given);
    error GenerationsExhausted(bytes32 statement);
    error AlreadyDistrusted(bytes32 statement, uint32 generation);
    error SunsetOutOfRange(uint256 sunset, uint256 shortest, uint256 longest);

    error KeyAlreadyUsed(bytes32 keyDigest, bytes32 statement);
    error KeyDigestMismatch(bytes32 expected, bytes32 actual);
    error CircuitDigestMismatch(bytes32 expected, bytes32 actual);
    error CodeHashMismatch(bytes32 expected, bytes32 actual);
    error InsecureSetup(bytes32 keyDigest);
    /// @notice The verifier did not accept the valid proof, or did not reject it as false for another input.
    error VerifierSelfTestFailed(bool valid, bytes answer);
    error AuthorityMissing();

    constructor(address authority_, bool allowInsecureSetup, First[] memory first) AccessManaged(authority_) {
        if (authority_.code.length == 0) revert AuthorityMissing();
        allowsInsecureSetup = allowInsecureSetup;
        if (allowInsecureSetup) emit InsecureSetupAllowed();
        for (uint256 i = 0; i < first.length; ++i) {
            _examine(first[i].statement, first[i].candidate);
            _activate(first[i].statement, first[i].candidate);
        }
    }

    // --------------------------------------------------------------------------------------------------- rotation

    /// @notice Say which verifier comes next for a statement (role: admin). It is examined here, so that nobody waits
    ///         for what cannot be activated, and again when it is.
    function announce(bytes32 statement, Candidate calldata candidate) external restricted {
        uint256 pending = announcementOf[statement].ready;
        if (pending != 0 && block.timestamp <= pending + LAPSE) revert AnnouncementPending(statement);
        _examine(statement, candidate);
        uint40 ready = uint40(block.timestamp) + WAIT;
        announcementOf[statement] = Announcement(keccak256(abi.encode(candidate)), ready);
        emit GenerationAnnounced(statement, candidate.keyDigest, ready, candidate);
    }

    /// @notice Take an announcement back (role: guardian).
    function cancel(bytes32 statement) external restricted {
        if (announcementOf[statement].ready == 0) revert NotAnnounced(statement);
        delete announcementOf[statement];
        emit AnnouncementCancelled(statement);
    }

    /// @notice Put an announced verifier in force. Anyone may: it was decided when it was announced. The verifier
    ///         before it is not asked anything, so a broken one cannot stand in the way.
    /// @param candidate As announced.
    function activate(bytes32 statement, Candidate calldata candidate) external {
        Announcement memory announced = announcementOf[statement];
        if (announced.ready == 0) revert NotAnnounced(statement);
        bytes32 given = keccak256(abi.encode(candidate));
        if (given != announced.candidateHash) revert NotTheCandidate(announced.candidateHash, given);
        if (block.timestamp < announced.ready) revert NotReady(statement, announced.ready);
        uint256 end = uint256(announced.ready) + LAPSE;
        if (block.timestamp > end) revert AnnouncementLapsed(statement, end);
        delete announcementOf[statement];
        _examine(statement, candidate);
        _activate(statement, candidate);
    }

    /// @notice Void a generation and all that was proven under it, at once and for ever (role: guardian). If it is in
    ///         force, the statement has no verifier until another is activated.
    function distrust(bytes32 statement, uint32 generation) external restricted {
        Generation storage condemned = _generations[statement][generation];
        if (condemned.verifier == address(0)) revert NoVerifier(statement);
        if (condemned.distrusted) revert AlreadyDistrusted(statement, generation);
        condemned.distrusted = true;
        if (_active[statement].generation == generation) delete _active[statement];
        emit GenerationRevoked(statement, generation);
    }

    // ---------------------------------------------------------------------------------------------------- reading

    /// @inheritdoc IVerifierRegistry
    /// @dev To ask the verifier for its digest costs a sixth of a second word. It is a constant of code whose hash was
    ///      checked, and held against what was stored, so that no code can slip another key's digest in.
    function active(bytes32 statement) external view returns (address verifier, bytes32 keyDigest, uint32 generation) {
        Active storage current = _active[statement];
        bytes11 digestHead;
        (verifier, generation, digestHead) = (current.verifier, current.generation, current.digestHead);
        if (verifier == address(0)) revert NoVerifier(statement);
        keyDigest = IMarginVerifier(verifier).KEY_DIGEST();
        if (bytes11(keyDigest) != digestHead) revert KeyDigestMismatch(digestHead, keyDigest);
    }

    /// @inheritdoc IVerifierRegistry
    function byGeneration(bytes32 statement, uint32 generation) external view returns (address verifier, bytes32 keyDigest) {
        Generation memory found = _generations[statement][generation];
        if (found.verifier == address(0)) revert NoVerifier(statement);
        if (found.distrusted) revert GenerationDistrusted(statement, generation);
        if (found.sunset != 0 && block.timestamp >= found.sunset) {
            revert SunsetPassed(statement, generation, found.sunset);
        }
        return (found.verifier, found.keyDigest);
    }

    /// @inheritdoc IVerifierRegistry
    function isTrusted(bytes32 statement, uint32 generation) external view returns (bool) {
        Generation storage found = _generations[statement][generation];
        return found.verifier != address(0) && !found.distrusted;
    }

    /// @notice A generation as it is stored, for display and audit.
    function generationOf(bytes32 statement, uint32 generation) external view returns (Generation memory) {
        return _generations[statement][generation];
    }

    // --------------------------------------------------------------------------------------------------- internals

    function _activate(bytes32 statement, Candidate memory candidate) private {
        uint32 generation = ++generationsOf[statement];
        uint32 before = _active[statement].generation;
        if (before != 0) {
            uint40 sunset = uint40(block.timestamp) + candidate.sunset;
            _generations[statement][before].sunset = sunset;
            emit GenerationReplaced(statement, before, sunset);
        }
        statementOfKey[candidate.keyDigest] = statement;
        _generations[statement][generation] = Generation(candidate.verifier, 0, false, candidate.keyDigest);
        _active[statement] = Active(candidate.verifier, uint8(generation), bytes11(candidate.keyDigest));
        emit GenerationActivated(
            statement,
            generation,
            candidate.keyDigest,
            candidate.verifier,
            IMarginVerifier(candidate.verifier).INSECURE()
        );
    }

    /// @dev What a contract says of itself is no evidence against a malicious admin; the code hash is what others
    ///      compare with code that they generated themselves.
    function _examine(bytes32 statement, Candidate memory candidate) private view {
        if (statement == 0) revert StatementMissing();
        if (generationsOf[statement] >= MOST_GENERATIONS) revert GenerationsExhausted(statement);
        if (candidate.sunset < SHORTEST_SUNSET || candidate.sunset > LONGEST_SUNSET) {
            revert SunsetOutOfRange(candidate.sunset, SHORTEST_SUNSET, LONGEST_SUNSET);
        }
        bytes32 served = statementOfKey[candidate.keyDigest];
        if (served != 0) revert KeyAlreadyUsed(candidate.keyDigest, served);
        bytes32 codeHash = candidate.verifier.codehash;
        if (codeHash != candidate.codeHash) revert CodeHashMismatch(candidate.codeHash, codeHash);
        IMarginVerifier verifier = IMarginVerifier(candidate.verifier);
        bytes32 digest = verifier.KEY_DIGEST();
        if (digest != candidate.keyDigest) revert KeyDigestMismatch(candidate.keyDigest, digest);
        bytes32 circuit = verifier.CIRCUIT_DIGEST();
        if (circuit != candidate.circuitDigest) revert CircuitDigestMismatch(candidate.circuitDigest, circuit);
        if (verifier.INSECURE() && !allowsInsecureSetup) revert InsecureSetup(digest);
        _selfTest(candidate);
    }

    /// @dev A verifier must accept a valid proof, and refuse the same proof with any input changed, for the right
    ///      reason: the pairing was computed and its result was wrong. A contract that accepts anything fails here, and
    ///      one that refuses anything, one that does not look at some input, a key with a point off the curve or outside
    ///      the subgroup, and a chain on which the precompiles answer anything. No proof that is valid for every key
    ///      exists, or anybody could forge: hence it comes from whoever announces, made with the proving key.
    function _selfTest(Candidate memory candidate) private view {
        requirePrecompiles();
        uint256[] memory inputs = candidate.inputs;
        bytes4 selector = bytes4(
            keccak256(bytes.concat("verifyProof(uint256[8],uint256[", bytes(Strings.toString(inputs.length)), "])"))
        );
        (bool accepted, bytes memory answer) = _ask(candidate, selector);
        if (!accepted) revert VerifierSelfTestFailed(true, answer);
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint256 honest = inputs[i];
            inputs[i] = addmod(honest, 1, BN254_ORDER);
            (accepted, answer) = _ask(candidate, selector);
            if (accepted || answer.length != 4 || bytes4(answer) != bytes4(keccak256("ProofRejected()"))) {
                revert VerifierSelfTestFailed(false, answer);
            }
            inputs[i] = honest;
        }
    }

    function _ask(Candidate memory candidate, bytes4 selector) private view returns (bool, bytes memory) {
        return candidate.verifier.staticcall(abi.encodePacked(selector, candidate.proof, candidate.inputs));
    }
}
