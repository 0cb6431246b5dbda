"""The local stack: its servers, their processes and the supervisor."""
