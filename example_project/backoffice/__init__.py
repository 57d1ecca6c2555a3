"""A small shop's back office: what reads its ledger and its customers' messages."""
