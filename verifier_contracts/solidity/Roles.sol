// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// Role ids in the one AccessManager that governs all contracts.
uint64 constant ADMIN = 0;
uint64 constant GUARDIAN = 1;
uint64 constant RISK = 2;
uint64 constant VENUE = 3;
uint64 constant PUBLISHER = 4;
uint64 constant COORDINATOR = 5;
uint64 constant VAULT = 6;
