"""Who can open an escrow together: keys that no member has alone, decryption by enough of them, renewal of shares."""
