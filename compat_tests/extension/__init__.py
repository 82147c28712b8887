"""What lets others extend torch: overrides, subclasses, nests of containers, operators of their own."""
