"""comparison.html: two or more runs, patch by patch."""
