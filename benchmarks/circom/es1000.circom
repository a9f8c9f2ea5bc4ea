pragma circom 2.1.6;
// Poseidon and Num2Bits are those of npm's circomlib (GPL-3.0), which is a development dependency and not copied.
include "circomlib/circuits/bitify.circom";
include "circomlib/circuits/poseidon.circom";

// Expected Shortfall as a circom user would write it: the sum of the k largest of S private losses, signed and below
// 2**63 in size, under a commitment to all of them.
template ExpectedShortfall(S, k) {
    signal input loss[S];
    signal input flag[S];           // 1 for the k that are counted
    signal input threshold;         // the k-th largest
    signal output total;
    signal output commitment;

    component threshold_bits = Num2Bits(64);
    threshold_bits.in <== threshold + (1 << 63);

    component loss_bits[S];
    component gap_bits[S];
    signal gap[S];
    signal counted[S];
    var flags = 0;
    var sum = 0;
    for (var i = 0; i < S; i++) {
        loss_bits[i] = Num2Bits(64);
        loss_bits[i].in <== loss[i] + (1 << 63);
        flag[i] * (flag[i] - 1) === 0;
        flags += flag[i];

        // What is counted is not below the threshold, what is not counted is not above it.
        gap[i] <== (2 * flag[i] - 1) * (loss[i] - threshold);
        gap_bits[i] = Num2Bits(64);
        gap_bits[i].in <== gap[i];

        counted[i] <== flag[i] * loss[i];
        sum += counted[i];
    }
    flags === k;
    total <== sum;

    // A chain of hashes of sixteen: the state, at first S, and fifteen losses, the last of them filled up with zeros.
    var chunks = (S + 14) \ 15;
    component hash[chunks];
    for (var j = 0; j < chunks; j++) {
        hash[j] = Poseidon(16);
        if (j == 0) { hash[j].inputs[0] <== S; } else { hash[j].inputs[0] <== hash[j - 1].out; }
        for (var m = 0; m < 15; m++) {
            if (15 * j + m < S) { hash[j].inputs[m + 1] <== loss[15 * j + m]; } else { hash[j].inputs[m + 1] <== 0; }
        }
    }
    commitment <== hash[chunks - 1].out;
}

component main = ExpectedShortfall(1000, 25);
