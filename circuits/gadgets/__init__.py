"""Reusable constraints: each gadget states what it proves, what it takes for granted, and what it costs."""
