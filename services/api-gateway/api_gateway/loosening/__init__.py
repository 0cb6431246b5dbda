"""Changes that make a promise milder: what they are, why, and that they are seen."""
