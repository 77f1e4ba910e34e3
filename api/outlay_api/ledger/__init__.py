"""What a process does for its ledger beside requests: rules compiled, prices questioned, sums and retention kept up."""
