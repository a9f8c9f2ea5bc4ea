"""A venue that runs: epochs on a clock, signed by others; every account proven; bundles to the relayer. What is where:

    feeds.py       prices from a folder or over HTTP: whole, young and later than the last, or not believed
    replaying.py   a history fed at any speed
    config.py      what a venue's file says
    rounds.py      what venue and signers leave for each other, in folders
    cosigning.py   a signer, in a process of its own: it makes the epoch again before it signs
    openings.py    whose openings are at hand: in files, and in escrow
    ticks.py       what is remembered of each turn of the clock
    running.py     the loop: one tick after the other, gone on with after any end
    page.py        how it is: a page, and the same for machines
    checking.py    whether a configuration works
"""
