// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Which verifier a statement has
/// @notice A statement is named by keccak256 of its name ("margin", "cover", ...): the first field of every context
///         of its proofs. Each verifier that it ever had is a generation of it, counted from 1.
interface IVerifierRegistry {
    /// @notice No verifier is in force for the statement, or it has no such generation.
    error NoVerifier(bytes32 statement);
    /// @notice The generation was replaced, and the time for proofs in flight is over.
    error SunsetPassed(bytes32 statement, uint32 generation, uint256 sunset);
    /// @notice The generation was found to be unsound: nothing may rest on it.
    error GenerationDistrusted(bytes32 statement, uint32 generation);

    /// @notice The verifier in force for new proofs; reverts NoVerifier.
    function active(bytes32 statement)
        external
        view
        returns (address verifier, bytes32 keyDigest, uint32 generation);

    /// @notice A verifier by generation: in force or before its sunset, and not distrusted; reverts otherwise
    ///         (SunsetPassed, GenerationDistrusted, NoVerifier).
    function byGeneration(bytes32 statement, uint32 generation) external view returns (address verifier, bytes32 keyDigest);

    /// @notice Whether what was proven under a generation stands: it exists and is not distrusted. Its sunset does not
    ///         matter.
    function isTrusted(bytes32 statement, uint32 generation) external view returns (bool);
}
