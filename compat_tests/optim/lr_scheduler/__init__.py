"""Learning rate schedules against torch.optim.lr_scheduler."""
