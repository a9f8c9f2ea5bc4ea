"""Epochs: published in order, never from the future, by the publisher; frozen by the guardian."""

from __future__ import annotations

import pytest
from world import HOUR, MODEL_ID, refused

from prover.curve import ORDER


def test_publish(world):
    epoch = world.epoch + 60
    receipt = world.publish(epoch, 5)
    assert world.registry.root_of(epoch) == 5
    assert world.registry.root_of(world.epoch) == world.root
    assert world.registry.latest_epoch_id() == epoch
    assert world.registry.model_id_of(epoch) == MODEL_ID
    assert world.registry.model_id_of(epoch + 1) == bytes(32)
    assert receipt.gas_used < receipt.gas_limit


def test_the_last_second_and_the_largest_root_are_allowed(world):
    now = world.chain.now()
    world.publish(now, ORDER - 1)
    assert world.registry.root_of(now) == ORDER - 1


@pytest.mark.parametrize("step", [0, -1, -HOUR])
def test_epochs_increase(world, step):
    with refused("EpochNotIncreasing"):
        world.publish(world.epoch + step, world.root)


def test_no_epoch_from_the_future(world):
    with refused("EpochInFuture"):
        world.publish(world.chain.now() + 600, world.root)


@pytest.mark.parametrize("root", [0, ORDER, 2**256 - 1])
def test_roots_are_nonzero_field_elements(world, root):
    with refused("RootOutOfField"):
        world.publish(world.epoch + 1, root)


def test_a_model_is_named(world):
    with refused("ModelIdMissing"):
        world.registry.publish(world.epoch + 1, world.root, bytes(32), sender=world.roles.publisher)


@pytest.mark.parametrize("role", ["admin", "guardian", "venue"])
def test_only_the_publisher_publishes(world, role):
    with refused("AccessControlUnauthorizedAccount"):
        world.registry.publish(world.epoch + 1, world.root, MODEL_ID, sender=getattr(world.roles, role))


def test_freeze(world):
    with refused("UnknownEpoch"):
        world.registry.freeze(world.epoch + 1, sender=world.roles.guardian)
    with refused("AccessControlUnauthorizedAccount"):
        world.registry.freeze(world.epoch, sender=world.roles.publisher)
    world.registry.freeze(world.epoch, sender=world.roles.guardian)
    with refused("FrozenEpoch"):
        world.registry.root_of(world.epoch)
    with refused("FrozenEpoch"):
        world.registry.freeze(world.epoch, sender=world.roles.guardian)


def test_after_a_freeze_life_goes_on_with_the_next_epoch(world):
    world.attest()
    world.registry.freeze(world.epoch, sender=world.roles.guardian)
    world.publish(world.epoch + 60, world.root)
    world.attest(world.claim(epoch_id=world.epoch + 60))
    assert world.manager.margin_of(world.owner.address, 24 * HOUR) == world.margin
