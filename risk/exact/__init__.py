"""Numbers that come out the same on every machine: functions, money, clock, digests, shapes, Expected Shortfall."""
