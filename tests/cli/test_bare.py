"""``parlour`` without a word makes no parser: what it takes instead has to be the same."""

from __future__ import annotations

from app.cli.parser import build
from app.cli.run import BARE


def test_no_arguments_mean_what_the_parser_would_make_of_them() -> None:
    assert vars(build().parse_args([])) == BARE
