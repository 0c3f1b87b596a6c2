"""Random cuts of whole sessions with deltas, approvals, tools and threads; the fault matrix runs a thousand of them."""

import pytest

from tests.vendors.qoder_cuts import cut_run


@pytest.mark.parametrize("part", range(4))
async def test_the_transcript_is_the_same_byte_for_byte(part):
    cuts = [await cut_run(seed) for seed in range(part * 10, part * 10 + 10)]
    assert sum(cuts) >= 30
