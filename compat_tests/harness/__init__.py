"""Runs the same call on real torch and on jtorch and compares everything that can be seen of it."""
