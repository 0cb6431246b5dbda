"""What the services share: events, topics, arithmetic, ledger, sessions, HTTP frame."""
