"""Mutants of the vault's contracts, each a guard less or a number off.

`python tests/verifier_contracts/vault_mutants.py [FIRST]`, with the repository on PYTHONPATH.

Prints those that the tests do not notice, and exits 1 if there is one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = ("test_vault.py", "test_vault_marks.py", "test_vault_stateful.py")
A, G, C, S, M, P, I, X, E = ("VaultAssets.sol", "VaultGains.sol", "CollateralVault.sol", "VenueSettlement.sol",
                             "AssetMarks.sol", "ConstantProductAdapter.sol", "Erc4626Adapter.sol", "ExactTransfer.sol",
                             "Epochs.sol")
MUTANTS: tuple[tuple[str, str, str], ...] = (
    (X, "if (before < held) revert AssetShort(token, before, held);", ""),
    (X, "present != before + amount", "present < before"),
    (X, "present + amount != before", "present > before"),
    (X, "present + amount != before", "present + amount < before"),
    (X, "present + amount != before", "present + amount > before"),
    (E, "if (actual != expected) revert WrongFactors(epochId, expected, actual);", "actual; expected;"),
    (E, "if (reason.length == 0) revert OracleSilent(epochId);", "reason;"),
    (A, "if (id >= MARKED && marks.tokenOf(id) != token) revert WrongMarks(id, token);", ""),
    (A, "if (cap >= asset.cap) revert CapNotLower", "if (cap > asset.cap) revert CapNotLower"),
    (A, "if (cap <= asset.cap) revert CapNotHigher", "if (cap < asset.cap) revert CapNotHigher"),
    (A, "if (present >= held) revert AssetNotShort(token, present, held);", ""),
    (A, "if (id <= last) revert FactorsOutOfOrder(i);", ""),
    (A, "if (id <= last) revert FactorsOutOfOrder(i);", "if (id < last) revert FactorsOutOfOrder(i);"),
    (A, "if (id == quoteId) balance -= withheld;", "withheld;"),
    (A, "uint128(sum >> 64)", "uint128((sum >> 64) + 1)"),
    (A, "if (id >= MARKED) sum +=", "if (id > MARKED + 100) sum +="),
    (A, "if (amount == balance) _holdings[account] = _without", "if (amount == 0) _holdings[account] = _without"),
    (A, "count > (quoted ? MOST_ASSETS : MOST_ASSETS - 1)", "count > MOST_ASSETS"),
    (A, "count > (quoted ? MOST_ASSETS : MOST_ASSETS - 1)", "count > (quoted ? MOST_ASSETS - 1 : MOST_ASSETS - 1)"),
    (A, "if (amount > balance) revert InsufficientBalance(account, token, balance, amount);", ""),
    (A, "if (asset.listing != Listing.Open) revert", "if (asset.listing == Listing.Unlisted) revert"),
    (A, "if (amount == 0) revert NoAmount();", ""),
    (A, "if (held > asset.cap && !unbounded)", "if (held > asset.cap)"),
    (A, "if (held > asset.cap && !unbounded)", "if (held >= asset.cap && !unbounded)"),
    (A, "_assets[token].held = held;", ""),
    (A, "_assets[token].held -= uint96(amount);", ""),
    (A, "|| tokenOf[id] != address(0)", ""),
    (A, "if (amount > type(uint96).max) revert AmountTooWide(amount);", ""),
    (A, "        _balances[from][id] = 0;\n", "        \n"),
    (G, "        restricted\n", ""),
    (G, "            _requireNoLot(account);\n", ""),
    (G, "_gains[account].push(uint256(delta), maturesAt);", ""),
    (G, "if (net < 0) _push(quote, msg.sender, uint256(-net));", ""),
    (G, "if (immature > balance) immature = balance;", ""),
    (G, "if (immature != 0) _gains[to].push", "if (immature == 1) _gains[to].push"),
    (G, "ISettlementListener(address(manager)).settled(account);", ""),
    ("Gains.sol", "maturesAt > last ? maturesAt : last", "maturesAt"),
    ("Gains.sol", "uint48(block.timestamp)", "uint48(block.timestamp + 1)"),
    (C, "if (account == address(0)) revert NoReceiver();", ""),
    (C, "msg.sender != account && token != quote && balanceOf(account, token) == 0", "false"),
    (C, "msg.sender != account && token != quote && balanceOf", "msg.sender != account && balanceOf"),
    (C, "_isCapped(token, amount) && manager.isCalled(account)", "false"),
    (C, "        whenOpen(ActionClass.Exit)\n", ""),
    (C, "if (covers.length == 0 || covers.length > 2) revert CoversMissing(covers.length);", ""),
    (C, "if (manager.isCalled(w.account)) revert AccountCalled(w.account);", ""),
    (C, "if (oracle.isTripped()) revert BreakerTripped();", ""),
    (C, "uint256 withheld = immatureOf(w.account);", "uint256 withheld = 0;"),
    (C, "if (i == 2) _requireFinal(cover.epochId);", ""),
    (C, "queuedAt[claimId] = block.timestamp;", "queuedAt[claimId] = block.timestamp - 1;"),
    (C, "        _debitFree(w, consent);\n        if (msg.sender != w.account ||", "        if (msg.sender != w.account ||"),  # noqa: E501
    (C, "if (msg.sender != w.account || manager.versionOf(w.account) != 0)", "if (manager.versionOf(w.account) != 0)"),
    (C, "if (msg.sender != w.account || manager.versionOf(w.account) != 0)", "if (msg.sender != w.account)"),
    (C, "        if (!oracle.isFinal(claim.epochId)) revert NotMature(claim.epochId);\n", ""),
    (C, "msg.sender != claim.account && (block", "(block"),
    (C, "block.timestamp < since + REFUTED_AFTER ||", ""),
    (C, "|| !isFrozen(oracle, claim.epochId)", ""),
    (C, "block.timestamp < since + REFUTED_AFTER", "block.timestamp <= since + REFUTED_AFTER"),
    (C, "_credit(claim.account, _idOf(claim.token), claim.amount);", ""),
    (C, "        owed[msg.sender][token] = 0;\n", ""),
    (C, "if (w.to == address(0)) revert NoReceiver();", ""),
    (C, "if (w.fee > w.amount) revert FeeAboveAmount(w.fee, w.amount);", ""),
    (C, "if (block.timestamp > w.deadline)", "if (block.timestamp >= w.deadline)"),
    (C, "if (block.timestamp > w.deadline) revert ConsentExpired(w.deadline);", ""),
    (C, "if (!isSignedBy(w.account, digest, consent)) revert NotOwner(w.account, msg.sender);", "digest;"),
    (C, "        _requireNoLot(w.account);\n", ""),
    (C, "if (w.amount > free) revert GainNotMature(w.account, w.amount, free);", "free;"),
    (C, "if (!oracle.isFinal(epochId)) revert NotMature(epochId);", ""),
    (C, "uint256(epochId) + FINAL_EPOCH_AGE", "uint256(epochId) + FINAL_EPOCH_AGE - 1"),
    (C, "if (since == 0) revert NoSuchClaim(claimId);", ""),
    (C, "        queuedAt[claimId] = 0;\n", ""),
    (C, "if (claim.fee != 0) owed[claim.carrier][claim.token] += claim.fee;", ""),
    (C, "if (lotId == 0) revert NoLot(account);\n        _requireNoLot(account);", "_requireNoLot(account);"),
    (C, "if (lotId == 0) revert NoLot(account);\n        _requireNoLot(account);",
     "if (lotId == 0) revert NoLot(account);"),
    (C, "        _requireNoLot(to);\n", ""),
    (C, "        _moveGains(from, to);\n", ""),
    (C, "function lock(address account, uint256 lotId) external restricted", "function lock(address account, uint256 lotId) external"),  # noqa: E501
    (C, "function transferBasket(address from, address to) external restricted", "function transferBasket(address from, address to) external"),  # noqa: E501
    (C, "        _debit(account, token, _idOf(token), amount);\n        owed", "        owed"),
    (C, "keccak256(abi.encode(ACTION_TYPEHASH, token, amount, to, fee))", "keccak256(abi.encode(ACTION_TYPEHASH, token, amount, to))"),  # noqa: E501
    (S, "if (accounts.length > MOST_SETTLED)", "if (accounts.length >= MOST_SETTLED)"),
    (S, "if (accounts.length != deltas.length) revert LengthsDiffer(accounts.length, deltas.length);", ""),
    (S, "if (manager.venueOf(account) != msg.sender) revert NotVenueOfAccount(account, msg.sender);", ""),
    (S, "if (gained != 0) _useBond(gained);", ""),
    (S, "if (block.timestamp < again) revert SettledTooSoon(account, again);", "again;"),
    (S, "if (block.timestamp < again)", "if (block.timestamp <= again)"),
    (S, "if (delta % int256(uint256(quantum)) != 0) revert NotInQuanta(account, delta, quantum);", ""),
    (S, "Settling(uint40(block.timestamp), false, last.debitCap)", "Settling(uint40(block.timestamp), last.requested, last.debitCap)"),  # noqa: E501
    (S, "if (total > bound) revert DebitAboveBound(account, total, bound);", "bound;"),
    (S, "if (total > bound) revert DebitAboveBound", "if (total >= bound) revert DebitAboveBound"),
    (S, "_debits.consume(_key(account), amount);", ""),
    (S, "if (own.principal > own.balance) own.principal = own.balance;", ""),
    (S, "if (lost > gained) _clearingGains[msg.sender].push(lost - gained, maturesAt);", ""),
    (S, "if (total > bound) revert GainsAboveBond(msg.sender, total, bound);", "bound;"),
    (S, "_outflow.consume(_key(msg.sender), gains);", ""),
    (S, "            if (gain > free) revert GainNotMature(msg.sender, gain, free);\n", ""),
    (S, "            _useBond(gain);\n", ""),
    (S, "if (amount > free) revert BondShort(msg.sender, free, amount);", "free;"),
    (S, "if (block.timestamp < bond.leavesAt) revert BondNotFree(msg.sender, bond.leavesAt);", ""),
    (S, "_bonds[venue].posted - _bonds[venue].leaving", "_bonds[venue].posted"),
    (S, "_debits.updateSettings(1 days,", "_debits.updateSettings(1 days + 1,"),
    (S, "_outflow.updateSettings(1 days,", "_outflow.updateSettings(1 days - 1,"),
    (M, "if (base < curve.base || slope < curve.slope || largestShare > curve.largestShare) revert CurveLooser(id);", ""),  # noqa: E501
    (M, "if (block.timestamp > uint256(epochId) + markLife) revert StaleEpoch(epochId, markLife);", ""),
    (M, "        oracle.rootOf(epochId);\n        uint40", "        uint40"),
    (M, "if (epochId < last && !isFrozen(oracle, last)) revert OlderThanMark(epochId, last);", "last;"),
    (M, "epochId < last && !isFrozen(oracle, last)", "epochId < last"),
    (M, "requireFactors(oracle, epochId, factors);", ""),
    (M, "if (uint256(last.epochId) + markLife < epochId) return 0;", ""),
    (M, "if (uint256(last.epochId) + markLife < epochId)", "if (uint256(last.epochId) + markLife <= epochId)"),
    (M, "if (last.epochId != epochId) oracle.rootOf(last.epochId);", ""),
    (M, "if (amount > most) amount = most;", ""),
    (M, "(BASIS_POINTS - curve.base) * (BASIS_POINTS - s) ** 2 < curve.slope * s * (2 * BASIS_POINTS - s)", "false"),
    (M, "if (unit > type(uint80).max || supply > type(uint128).max) revert MarkTooWide(unit, supply);", ""),
    (P, "if (msg.sender != marks) revert NotMarks(msg.sender);", ""),
    (P, "        pair.sync();\n", ""),
    (P, "Math.min(depth, last)", "depth"),
    (P, "return Math.min(depth, average);", "return depth;"),
    (P, "return Math.min(depth, average);", "return average;"),
    (P, "id == 0 || id >= 1 << 31", "false"),
    (I, "if (msg.sender != marks) revert NotMarks(msg.sender);", ""),
    (I, "rate = Math.min(_rate(), most);", "rate = _rate(); most;"),
    (I, "if (supply >= leastSupply) unit", "unit"),
    (I, "if (supply >= leastSupply) unit", "if (supply > leastSupply) unit"),
)

RUN = """
import os, sys, pytest
from pathlib import Path
here, file, tests = sys.argv[1], sys.argv[2], sys.argv[4:]
sys.path.insert(0, here)
import revmchain
from verifier_contracts import compiler
honest = revmchain.vault_artifacts()
compiler._is_harmless = lambda entry: entry["severity"] != "error"     # a guard less leaves names unused
text = Path(sys.argv[3]).read_text()
made = {"VaultAssets.sol": "CollateralVault", "VaultGains.sol": "CollateralVault",
        "CollateralVault.sol": "CollateralVault",
        "VenueSettlement.sol": "VenueSettlement", "AssetMarks.sol": "AssetMarks",
        "Erc4626Adapter.sol": "Erc4626Adapter",
        "ConstantProductAdapter.sol": "ConstantProductAdapter"}
targets = [made[file]] if file in made else ["CollateralVault", "VenueSettlement", "AssetMarks"]
names = (*revmchain._INTERFACES, *revmchain._VAULT)
ours = {name: (compiler.SOURCES / name).read_text() for name in names}
ours[file] = text
modules = compiler.node_modules()
full = compiler._with_imports(ours, modules)
contents = {name: {"content": source} for name, source in sorted(full.items())}
artifacts = dict(honest)
sys.excepthook = lambda kind, error, trace: (print(str(error)[:500], flush=True), os._exit(3))
for target in targets:
    settings = compiler.COMPACT_SETTINGS if target + ".sol" in compiler.COMPACT else compiler.SETTINGS
    selection = {target + ".sol": compiler.SETTINGS["outputSelection"]["*"]}
    settings = {**settings, "outputSelection": selection}
    artifacts[target] = compiler._compiled(contents, settings, "mutant", modules)[target]
revmchain.vault_artifacts = lambda: artifacts
sys.exit(pytest.main(["-x", "-q", "--no-header", "-p", "no:cacheprovider", *(str(Path(here) / t) for t in tests)]))
"""


def survives(file: str, old: str, new: str) -> bool:
    """Whether all tests pass on the mutant. One that does not compile is an error in the list."""
    root = HERE.parents[1]
    text = (root / "verifier_contracts" / "solidity" / file).read_text()
    if old not in text:
        raise SystemExit(f"{file} has no {old!r}")
    with tempfile.NamedTemporaryFile("w", suffix=".sol") as mutated:
        mutated.write(text.replace(old, new))
        mutated.flush()
        done = subprocess.run([sys.executable, "-c", RUN, str(HERE), file, mutated.name, *TESTS], cwd=root,
                              capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):                       # not what the tests said: it did not compile, or crashed
        print(f"? {file}: {old!r} -> {new!r}\n{(done.stdout + done.stderr)[-600:]}", flush=True)
    return done.returncode == 0


def main() -> int:
    alive, first = 0, int(sys.argv[1]) if len(sys.argv) > 1 else 0
    for number, mutant in enumerate(MUTANTS[first:], first):
        print(f"{number} of {len(MUTANTS)}", file=sys.stderr, flush=True)
        if survives(*mutant):
            alive += 1
            print(f"ALIVE {number}: {mutant}", flush=True)
    print(f"{len(MUTANTS)} mutants, {alive} alive", flush=True)
    return int(alive > 0)


if __name__ == "__main__":
    sys.exit(main())
