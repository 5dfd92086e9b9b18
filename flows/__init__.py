"""Monitoring runs: the Prefect flow, the tracker, the ledger, the products and the command line."""
