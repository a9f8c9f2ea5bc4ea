// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// Role ids in the one AccessManager that governs all contracts.
uint64 constant ADMIN = 0;
uint64 constant GUARDIAN = 1;
uint64 constant RISK = 2;
uint64 constant VENUE = 3;
uint64 constant PUBLISHER = 4;
uint64 constant COORDINATOR = 5;
// Stops the oracle's clock together with liquidation.
uint64 constant VAULT = 6;
// Books what it settled in the vault.
uint64 constant SETTLEMENT = 7;
// What RISK may do after a delay: an account has one delay for all that a role lets it do.
uint64 constant LOOSENING = 8;
// Announces verifiers, without a delay: the registry has its own.
uint64 constant ANNOUNCER = 9;
// Bids for lots, once seated in the auction house.
uint64 constant LIQUIDATOR = 10;
// Calls accounts that nobody has covered (SilenceCalls), and nothing else.
uint64 constant SILENCE = 11;
// Moves called accounts by fills of their venues (PartialClose), and nothing else.
uint64 constant CLOSING = 12;
