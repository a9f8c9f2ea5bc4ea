"""Proofs for many accounts, spread over processes and machines by Dask distributed. What is where:

    work.py        what travels: a job, and what is answered to it
    worker.py      what a worker does; it opens key and epoch once
    transport.py   who may listen: which addresses, which certificates
    cluster.py     workers of this machine, or those of a scheduler
    dispatch.py    the loop: few jobs ahead, lost ones again, no answer believed before it is verified
    accounts.py    which accounts there are, and what of them is proven already

Planning, which needs no Dask: `units.py`, what one account costs; `plan.py`, how many machines that makes; and
`simulation.py`, whether so many hold.
"""
