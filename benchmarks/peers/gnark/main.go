// gnark beside Tailproof: the same multiplication chains proven and verified, and gnark-crypto's primitives.
// Prints one JSON object: medians in seconds.  Usage: go run . -chains 14,16 -msm 16,18 -repeat 5
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/fft"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"
	"github.com/consensys/gnark/logger"
)

// chain is x_{i+1} = x_i (x_i + c), n times; the last x is public.
type chain struct {
	A, C frontend.Variable
	Out  frontend.Variable `gnark:",public"`
	n    int
}

func (c *chain) Define(api frontend.API) error {
	x := c.A
	for i := 0; i < c.n; i++ {
		x = api.Mul(x, api.Add(x, c.C))
	}
	api.AssertIsEqual(x, c.Out)
	return nil
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func median(repeat int, action func()) float64 {
	times := make([]float64, repeat)
	for i := range times {
		runtime.GC()
		start := time.Now()
		action()
		times[i] = time.Since(start).Seconds()
	}
	sort.Float64s(times)
	return times[repeat/2]
}

func proveChain(log, repeat int, out map[string]float64) {
	n := 1<<log - 4
	system := must(frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, &chain{n: n}))
	r, x := ecc.BN254.ScalarField(), big.NewInt(3)
	for i := 0; i < n; i++ {
		x.Mul(x, new(big.Int).Add(x, big.NewInt(5))).Mod(x, r)
	}
	pk, vk, err := groth16.Setup(system)
	must(0, err)
	witness := must(frontend.NewWitness(&chain{A: 3, C: 5, Out: x}, ecc.BN254.ScalarField()))
	public := must(witness.Public())
	proof := must(groth16.Prove(system, pk, witness))
	out[fmt.Sprintf("prove chain%d", log)] = median(repeat, func() { must(groth16.Prove(system, pk, witness)) })
	out["verify"] = median(50*repeat, func() { must(0, groth16.Verify(proof, vk, public)) })
}

func primitives(log, repeat int, out map[string]float64) {
	n := 1 << log
	scalars := make([]fr.Element, n)
	for i := range scalars {
		must(scalars[i].SetRandom())
	}
	_, _, g1, g2 := bn254.Generators()
	points := bn254.BatchScalarMultiplicationG1(&g1, scalars)
	var sum bn254.G1Affine
	out[fmt.Sprintf("g1 msm %d", log)] = median(repeat, func() {
		must(sum.MultiExp(points, scalars, ecc.MultiExpConfig{}))
	})
	if log <= 17 {
		twisted := bn254.BatchScalarMultiplicationG2(&g2, scalars)
		var sum2 bn254.G2Affine
		out[fmt.Sprintf("g2 msm %d", log)] = median(repeat, func() {
			must(sum2.MultiExp(twisted, scalars, ecc.MultiExpConfig{}))
		})
	}
	domain := fft.NewDomain(uint64(n))
	out[fmt.Sprintf("ntt %d", log)] = median(4*repeat, func() { domain.FFT(scalars, fft.DIF) })
	out["pairing"] = median(20*repeat, func() {
		must(bn254.Pair([]bn254.G1Affine{g1}, []bn254.G2Affine{g2}))
	})
}

func numbers(list string) []int {
	var result []int
	for _, part := range strings.Split(list, ",") {
		if part != "" {
			result = append(result, must(strconv.Atoi(part)))
		}
	}
	return result
}

func main() {
	chains := flag.String("chains", "14", "log2 sizes of multiplication chains")
	sizes := flag.String("msm", "14", "log2 sizes of MSM and NTT")
	repeat := flag.Int("repeat", 5, "runs a median is taken over")
	flag.Parse()
	logger.Disable()
	out := map[string]float64{}
	for _, log := range numbers(*chains) {
		proveChain(log, *repeat, out)
	}
	for _, log := range numbers(*sizes) {
		primitives(log, *repeat, out)
	}
	must(0, json.NewEncoder(os.Stdout).Encode(out))
}
