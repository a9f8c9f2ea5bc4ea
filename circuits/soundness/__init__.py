"""Reasons to believe that a circuit proves what it says, for any circuit made with the builder.

* `uniqueness`: at satisfying witnesses, the constraints pin every wire that is not given (rank of their Jacobian).
* `mutation`: no wire can change alone, and no hint can change with everything after it recomputed.
* `forgery`: adversarial witnesses by name. Each is refused by exactly the constraints it names, so that dropping them
  would let it pass; a group of constraints that no forgery needs is reported.
* `audit`: all of it for one circuit, with the harmless freedoms known by name.
* `registry`: which statement is audited how; `python -m circuits.soundness` does it, docs/soundness.md tells about it.
"""
