"""Every attack, at every tier that this machine reaches: what is held, and what is left."""

import os
import re
from pathlib import Path

import pytest
from hostile.attacks import ATTACKS
from hostile.exam import Exam

from gradkit.sandbox import Workshop

pytestmark = pytest.mark.sample(2)

README = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
ROOT = os.geteuid() == 0


def best():
    """The tier that this machine reaches."""
    with Workshop() as workshop, workshop.worker() as worker:
        return worker.tier


@pytest.fixture(scope="module", params=range(best() + 1))
def exam(request):
    """A workshop at each tier that the machine has."""
    exam = Exam(request.param)
    assert exam.tier == request.param
    yield exam
    exam.close()


@pytest.mark.sample(8)
@pytest.mark.parametrize("name", ATTACKS)
def test_attack(exam, name):
    """From its tier on an attack gets nothing; at no tier does it leave anything behind."""
    attack = ATTACKS[name]
    before = exam.traces()
    outcome = exam.attack(name, prize=attack.prize)
    after = exam.traces()
    if exam.tier >= (attack.as_root if ROOT else attack.tier):
        assert outcome.got == ""
        assert after == before
    else:
        for key in ("descriptors", "children", "workers", "segments"):
            assert after[key] == before[key], key
        exam.restore()
    assert exam.good() == exam.expected


@pytest.mark.skipif("GRADKIT_INNER_RUN" in os.environ, reason="the outer run has shown it")
def test_attacks_are_real():
    """Where nothing is held back but by tier 0, most of them succeed."""
    exam = Exam(0)
    wanted = [name for name, attack in ATTACKS.items() if attack.prize and attack.tier > 0]
    got = []
    for name in wanted:
        if exam.attack(name, prize=True).got:
            got.append(name)
        exam.restore()
    exam.close()
    assert len(got) > 0.6 * len(wanted), sorted(set(wanted) - set(got))


def test_the_table_is_true():
    """Each attack stands in the README, with the tiers that hold it, and nothing else does."""
    assert len(ATTACKS) >= 40
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \| (\d) \| (\d) \|$", README, re.MULTILINE)
    said = {name: (words, int(tier), int(as_root)) for name, words, tier, as_root in rows}
    assert said == {a.name: (a.words, a.tier, a.as_root) for a in ATTACKS.values()}
