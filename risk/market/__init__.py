"""What is traded and what its market was: instruments, book, price history."""
