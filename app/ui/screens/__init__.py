"""One screen a place: agents, a conversation, the history, the events, the welcome."""
