"""The SQL of the gate."""
