"""Layer 1: the tape and how it runs. It knows no op by name and no Tensor."""
