"""Multipart forms, or the one way in which they are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request


class BadFormError(Exception):
    """The body is no form."""


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[FormData]:
    """The form of a request, with its files as long as the context lasts. Raises ``BadFormError``."""
    try:
        form = await request.form()
    except (HTTPException, MultiPartException, KeyError) as error:  # a boundary that is missing is a KeyError of the parser
        raise BadFormError from error
    try:
        yield form
    finally:
        await form.close()
