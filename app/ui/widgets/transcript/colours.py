"""The colours of the transcript, from the roles of the theme."""

COLOURS = """
TranscriptView { height: 1fr; background: $background; color: $foreground; }
TranscriptView > .transcript--text { color: $foreground; background: $background; }
TranscriptView > .transcript--strong { text-style: bold; }
TranscriptView > .transcript--em { text-style: italic; }
TranscriptView > .transcript--strike { text-style: strike; }
TranscriptView > .transcript--literal { color: $secondary; }
TranscriptView > .transcript--link { color: $accent; text-style: underline; }
TranscriptView > .transcript--image { text-style: italic; }
TranscriptView > .transcript--heading { text-style: bold; color: $primary; }
TranscriptView > .transcript--head { text-style: bold; }
TranscriptView > .transcript--bar { color: $text-disabled; }
TranscriptView > .transcript--mark { color: $text-muted; }
TranscriptView > .transcript--label { color: $text-muted; }
TranscriptView > .transcript--code { color: $foreground; }
TranscriptView > .transcript--keyword { color: $accent; }
TranscriptView > .transcript--string { color: $success; }
TranscriptView > .transcript--number { color: $secondary; }
TranscriptView > .transcript--comment { color: $text-muted; text-style: italic; }
TranscriptView > .transcript--name { color: $primary; }
TranscriptView > .transcript--deleted { color: $error; }
TranscriptView > .transcript--inserted { color: $success; }
TranscriptView > .transcript--quiet { color: $text-muted; }
TranscriptView > .transcript--you { color: $primary; text-style: bold; }
TranscriptView > .transcript--agent { color: $secondary; text-style: bold; }
TranscriptView > .transcript--needs { color: $warning; text-style: bold; }
TranscriptView > .transcript--failed { color: $error; }
TranscriptView > .transcript--done { color: $success; }
TranscriptView > .transcript--pill { color: $warning; }
TranscriptView > .transcript--hit { background: $warning-muted; }
TranscriptView > .transcript--here { background: $warning; color: $background; }
TranscriptView > .transcript--selected { background: $primary-muted; }
TranscriptView > .transcript--cursor { color: $primary; }
TranscriptView > .transcript--thumb { color: $text-disabled; }
TranscriptView:ansi > .transcript--quiet { text-style: dim; }
TranscriptView:ansi > .transcript--bar { text-style: dim; }
TranscriptView:ansi > .transcript--mark { text-style: dim; }
TranscriptView:ansi > .transcript--label { text-style: dim; }
TranscriptView:ansi > .transcript--comment { text-style: dim italic; }
TranscriptView:ansi > .transcript--thumb { text-style: dim; }
"""
