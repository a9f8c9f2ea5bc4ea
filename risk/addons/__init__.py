"""What is charged a lot beside Expected Shortfall and the book's contingencies: one term a file, each rounded up."""
