// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice This chain does not do at this address what EIP-196 (6: addition, 7: multiplication) or EIP-197 (8: pairing)
///         says.
error PrecompileMissing(uint256 precompile);

/// @dev Known-answer tests of the three precompiles that a proof is verified with. Where one is missing, a call of it
///      succeeds with an empty answer. G and H are the generators.
function requirePrecompiles() view {
    // 5 G, from 2 G + 3 G
    uint256 x = 0x17c139df0efee0f766bc0204762b774362e4ded88953a39ce849a8a7fa163fa9;
    uint256 y = 0x01e0559bacb160664764a357af8a9fe70baa9258e0b959273ffc5718c6d4cc7c;
    (bool done, bytes memory answer) = address(6).staticcall(
        abi.encode(
            0x030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3,
            0x15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4,
            0x0769bf9ac56bea3ff40232bcb1b6bd159315d84715b8e679f2d355961915abf0,
            0x2ab799bee0489429554fdb7c8d086475319e63b40b9c5b57cdf1ff3dd9fe2261
        )
    );
    if (!done || keccak256(answer) != keccak256(abi.encode(x, y))) revert PrecompileMissing(6);

    (done, answer) = address(7).staticcall(
        abi.encode(
            0x030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3,
            0x15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4,
            0x1a7c5e3b1d2f40689a7c5e3b1d2f40689a7c5e3b1d2f40689a7c5e3b1d2f4068
        )
    );
    if (
        !done
            || keccak256(answer)
                != keccak256(
                    abi.encode(
                        0x1342e357f68b669d316d75a104374b25c4cea507d66bf61472755a27e3f3afa1,
                        0x2dc3757a00a0561b61423a7b531fb8fe9a6174519ab7e6592849f13cfd5d3c5e
                    )
                )
    ) revert PrecompileMissing(7);

    // e(5 G, H) e(-G, 5 H) = 1, and e(5 G, H) e(G, 5 H) is not.
    for (uint256 expected = 0; expected < 2; ++expected) {
        (done, answer) = address(8).staticcall(
            abi.encode(
                x,
                y,
                0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2,
                0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed,
                0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b,
                0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa,
                1,
                expected == 0 ? 2 : 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45,
                0x0a09ccf561b55fd99d1c1208dee1162457b57ac5af3759d50671e510e428b2a1,
                0x2e539c423b302d13f4e5773c603948eaf5db5df8ae8a9a9113708390a06410d8,
                0x19b763513924a736e4eebd0d78c91c1bc1d657fee4214057d21414011cfcc763,
                0x2f8d9f9ab83727c77a2fec063cb7b6e5eb23044ccf535ad49d46d394fb6f6bf6
            )
        );
        if (!done || keccak256(answer) != keccak256(abi.encode(expected))) revert PrecompileMissing(8);
    }
}
