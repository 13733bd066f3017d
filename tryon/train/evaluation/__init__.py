"""How good a student is: one file for each group of figures, and one that writes them down."""
