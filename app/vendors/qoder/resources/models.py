"""Models: one list, nothing to change (contract 6)."""

from __future__ import annotations

from app.resource_models import Column, Does, Resource, Use, Verb
from app.vendors.qoder.resources.common import listing

MODELS = Resource(
    name="models",
    one="model",
    says="what agents can think with",
    label=(("display_name",),),
    columns=(
        Column("name", (("display_name",),)),
        Column("id", (("id",),), width=16),
        Column("price", (("price_factor",),), width=8, form="factor"),
        Column("efforts", (("efforts",),), width=22, form="words", from_width=70),
        Column("context", (("available_context_windows",), ("max_input_tokens",)), width=20, form="words", from_width=90),
        Column("", (("is_new",),), width=5, form="new"),
    ),
    verbs=(
        listing("/models"),
        Verb("show", Does.SHOW, "GET", "/models/{model}", "show one; the list has all there is of it", within="list"),
    ),
    used_by=(Use("agents", ("model", "id")),),
)
