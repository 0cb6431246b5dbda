"""The alerts service in tests: in memory, on servers, and its receivers."""
