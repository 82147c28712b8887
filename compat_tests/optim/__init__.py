"""Optimizers and schedules against torch.optim."""
