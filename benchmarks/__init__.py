"""One command per group of budgets (DESIGN section 9): each prints a table and writes JSON.

`python -m benchmarks.loop`, `.load`, `.editor`; modules with an underscore are their parts. `make bench` runs them all
and writes docs/benchmarks.md. SQLite only: the rows of the large lists are made by the database itself.
"""
