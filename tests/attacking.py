"""What every attack on a circuit must show, whichever circuit it is."""

from __future__ import annotations

from circuits.builder import ConstraintSystem
from circuits.soundness.forgery import Attack, complaint, forge, refusing_groups, without


def assert_refused_by_the_named_alone(cs: ConstraintSystem, attack: Attack) -> None:
    """Just the named groups refuse the forged witness, it passes without them, and a strict run says what is wrong."""
    witness = forge(cs, attack.inputs, attack.overrides)
    assert refusing_groups(cs, witness) == attack.refused_by
    assert not len(without(cs, attack.refused_by).broken(witness)), "without the named constraints it passes"
    if attack.says:
        message = complaint(cs, attack.inputs)
        assert message is not None
        assert message.startswith(f"{attack.says} is ")
        assert ": must be " in message
