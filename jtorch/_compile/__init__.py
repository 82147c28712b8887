"""`torch.compile`: a function's calls captured from the tape and done again without its Python."""
