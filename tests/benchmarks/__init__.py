"""Programs that measure how fast things run; no tests."""
