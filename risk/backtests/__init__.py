"""Whether forecasts of Value at Risk and Expected Shortfall held. No epoch is made of it: any arithmetic will do."""
