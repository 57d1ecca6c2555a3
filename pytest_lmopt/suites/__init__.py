"""What a suite is made of: prompt states and candidates, examples and splits, budgets."""
