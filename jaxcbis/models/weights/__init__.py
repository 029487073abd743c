"""Files and the hub to a model's arrays."""
