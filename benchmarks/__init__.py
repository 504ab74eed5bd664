"""One command per group of budgets (DESIGN section 9): each prints a table and writes JSON."""
