"""What would break an account: stress that the epoch need not hold, and the stress that is just enough."""
