"""The burn rate service against its rules: streams of events, and what they must give."""
