"""Products: what a ledger holds, for people and for programs."""
