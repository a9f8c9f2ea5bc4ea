"""A venue's file: what it says, and what it may not say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from venue_site import CONFIG

from primitives.errors import BadInput
from tailproof.venue.config import VenueConfig

WHOLE = CONFIG.format(kind="margin")


def load(folder: Path, text: str) -> VenueConfig:
    (folder / "venue.toml").write_text(text)
    return VenueConfig.load(folder / "venue.toml")


def test_paths_are_from_where_the_file_is_and_defaults_are_those_of_its_head(tmp_path: Path) -> None:
    found = load(tmp_path, WHOLE)
    assert (found.state, found.rounds, found.signatures) == (tmp_path / "state", tmp_path / "rounds",
                                                             (tmp_path / "signatures",))
    assert (found.prove.step, found.prove.limit, found.prove.workers, found.keeper, found.listen) == (
        1, 600, None, None, None)
    assert found.outbox == str(tmp_path / "relay.db")
    more = load(tmp_path, 'state = "/x"\n' + WHOLE.replace('"relay.db"', '"postgresql://me@host/box"') + """
[keeper]
gas_per_day = 30000000
[page]
listen = "127.0.0.1:0"
""")
    assert (str(more.state), more.outbox, more.listen) == ("/x", "postgresql://me@host/box", "127.0.0.1:0")
    assert more.keeper is not None
    assert (more.keeper.gas_per_day, more.keeper.every, more.keeper.favours) == (30_000_000, 12, False)


@pytest.mark.parametrize(("before", "after", "field"), [
    ('interval = 300', 'interval = "300"', "interval"), ('interval = 300', 'interval = 0', "interval"),
    ('interval = 300', 'intervall = 300', "intervall"),
    ('signatures = ["signatures"]', 'signatures = []', "signatures"),
    ('folder = "feed"', '', "feed"), ('folder = "feed"', 'folder = "feed"\nurl = "https://x"', "feed"),
    ('max_age = 600', '', "feed.max_age"), ('model = "model.toml"', '', "epoch.model"),
    ('valid_for = 120', 'valid_for = 3601', "epoch.valid_for"), ('store = "accounts"', '', "accounts.store"),
    ('key = "keys/margin"', '', "prove.key"), ('every = 1', 'workers = 2\nscheduler = "tls://x:1"', "prove.workers"),
    ('every = 1', 'tls_ca = "x"', "prove.tls_ca"), ('every = 1', 'step = 4', "prove.step"),
    ('outbox = "relay.db"', '', "relay.outbox"),
    ('outbox = "relay.db"', 'outbox = "postgresql://me:hunter2@host/box"', "relay.outbox"),
    ('outbox = "relay.db"', f'outbox = "{"ab" * 32}"', "relay.outbox"),
    ('[relay]', f'[keeper]\ngas_per_day = 30000000\nprivate = "0x{"cd" * 32}"\n[relay]', "keeper.private"),
    ('[relay]', '[keeper]\ngas_per_day = 30000000\ndelivery_key = "x"\n[relay]', "keeper.delivery_key"),
    ('interval = 300', 'interval = ', "TOML document")])
def test_what_no_file_may_say_is_refused_by_name(tmp_path: Path, before: str, after: str, field: str) -> None:
    assert before in WHOLE
    with pytest.raises(BadInput) as failed:
        load(tmp_path, WHOLE.replace(before, after, 1))
    assert field in failed.value.field
    told = str(failed.value) + json.dumps(failed.value.as_dict())
    assert not any(secret in told for secret in ("hunter2", "ab" * 32, "cd" * 32))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        VenueConfig.load(tmp_path / "venue.toml")


def test_the_file_of_the_documentation_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "venue.md").read_text()
    block = text[text.index("```toml\n") + 8:]
    found = load(tmp_path, block[:block.index("```")])
    assert found.keeper is not None
    assert (found.interval, found.prove.limit, found.listen) == (600, 600, "127.0.0.1:8090")


BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sqlalchemy", "waitress", "prometheus_client", "distributed", "dask"):
            raise ModuleNotFoundError(name, name=name.split(".")[0])
sys.meta_path.insert(0, Block())
import tailproof.cli.venue_run, tailproof.cli.venue_replay, tailproof.hearing
import tailproof.venue.config, tailproof.venue.cosigning, tailproof.venue.feeds, tailproof.venue.replaying
print("ended")
"""


def test_a_signer_and_a_replay_need_no_extra() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "ended"), done.stderr
    refused = subprocess.run([sys.executable, "-c", BLOCKED + "import tailproof.venue.running"], capture_output=True,
                             text=True, check=False)
    assert refused.returncode == 1, "which is how it is seen"
