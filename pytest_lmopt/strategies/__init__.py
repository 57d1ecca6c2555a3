"""Search: strategies propose candidates, the race selects, the holdout confirms."""
