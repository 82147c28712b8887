"""torch.backends.quantized: there are no tensors of quantized types, so there is no engine."""

engine = "none"
supported_engines = ["none"]
