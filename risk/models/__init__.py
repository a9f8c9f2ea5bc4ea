"""How prices move: volatility, dependence, and the model file that holds every parameter."""
