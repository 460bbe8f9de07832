"""Several deployments behind one name: one module for each way of picking among them."""
