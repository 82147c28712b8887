"""Frozen names and signatures of the torch version that jtorch follows."""
