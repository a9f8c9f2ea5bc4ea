"""How a key is made by many, so that one honest participant suffices: phase 1, phase 2, and the check of both."""
