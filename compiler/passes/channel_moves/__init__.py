"""Operators that only move channels: found, planned, and rewritten into the layers around them."""
