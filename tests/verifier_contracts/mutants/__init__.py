"""Mutants of the contracts: each a guard less or a number off, and the test that must notice.

`make mutants` runs those whose contract, text or tests have changed since they were last run, and exits 1 if one lives,
if its text is no more in the source, or if its tests fail on the honest contract: then it is not even run, for every
failure would look like a kill. The lists are `*.toml` beside this.
"""
