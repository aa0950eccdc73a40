"""A table's retained versions without the rows of due people: translated, compared, swapped in."""
