"""What is proven: the array constraint builder, gadgets, one file per statement. Knows nothing of curves."""
