"""Skills and their versions (resources contract 4)."""

from __future__ import annotations

from app.resource_models import Column, Does, Field, Kind, Resource, Use, Verb
from app.vendors.qoder.resources.common import CHANGED, ID, MADE, METADATA, checked, deleting, listing, showing

_PACKAGE = Field("file", "a folder, by its SKILL.md, or a zip", Kind.FILE, required=True)

SKILLS = Resource(
    name="skills",
    one="skill",
    says="what agents can learn: folders with a SKILL.md",
    prefix="skill_",
    label=(("display_title",), ("name",)),
    columns=(
        Column("title", (("display_title",), ("name",))),
        Column("source", (("source", "type"), ("source",)), width=10),
        Column("latest", (("latest_version",),), width=18),
        CHANGED,
        ID,
    ),
    verbs=(
        listing(
            "/skills",
            Field("name", "whose name begins so"),
            Field("title", "of exactly this title", at=("display_title",)),
            Field("source", "whose they are", Kind.CHOICE, options=("custom", "qoder")),
        ),
        showing("/skills/{skill}"),
        Verb(
            "create", Does.UPLOAD, "POST", "/skills", "upload a folder or a zip; its SKILL.md is checked first",
            fields=(_PACKAGE, Field("title", "what people call it", at=("display_title",), most=255), METADATA), shape=checked,
        ),
        Verb("download", Does.DOWNLOAD, "GET", "/skills/{skill}/versions/latest/content", "save its latest version as a zip"),
        deleting("/skills/{skill}", "All its versions go; agents that have it keep a reference to nothing."),
    ),
    children=("skill-versions",),
    used_by=(Use("agents", ("skills", "*", "skill_id")),),
)  # fmt: skip

SKILL_VERSIONS = Resource(
    name="skill-versions",
    one="version",
    says="what a skill was",
    key="version",
    label=(("version",),),
    parent="skills",
    columns=(
        Column("version", (("version",),), width=20),
        Column("name", (("name",),)),
        Column("size", (("content_size",),), width=11, form="size", right=True),
        MADE,
    ),
    verbs=(
        listing("/skills/{skill}/versions"),
        showing("/skills/{skill}/versions/{version}"),
        Verb(
            "create", Does.UPLOAD, "POST", "/skills/{skill}/versions", "upload a new version", fields=(_PACKAGE,),
        ),
        Verb("download", Does.DOWNLOAD, "GET", "/skills/{skill}/versions/{version}/content", "save it as a zip"),
        deleting("/skills/{skill}/versions/{version}"),
    ),
)  # fmt: skip
